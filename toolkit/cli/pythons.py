"""`gilfree pythons`: find or make the matched pair and say what it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pythons)


def pythons(
    python: Annotated[str, typer.Option(help="A series (3.14) or an exact version of gilfree.lock.")] = "3.14",
    profile: Annotated[str, typer.Option(help="If they must be built: fast, or release (PGO and LTO).")] = "fast",
    gil: Annotated[Path | None, typer.Option(help="Check this interpreter as the GIL build.")] = None,
    free_threaded: Annotated[Path | None, typer.Option(help="Check this one as the free-threaded build.")] = None,
    relock: Annotated[bool, typer.Option("--relock", help="Lock the served packages anew for both variants.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the pair as JSON.")] = False,
) -> None:
    """Find or make the matched pair of interpreters, saying what was tried."""
    from toolkit.errors import GilfreeError
    from toolkit.pythons.find import find_pair

    if profile not in ("fast", "release"):
        raise GilfreeError(f"there is no profile {profile!r}", "take fast or release")
    if (gil is None) != (free_threaded is None):
        raise GilfreeError("only one interpreter of the pair is given", "give both --gil and --free-threaded")

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    explicit = (gil, free_threaded) if gil and free_threaded else None
    pair = find_pair(python, profile=profile, explicit=explicit, say=say)
    if relock:
        from toolkit.pythons.relock import relock as lock_packages

        for line in lock_packages(pair):
            say(line)
    if json_output:
        import json

        print(json.dumps(pair.describe(), indent=1))
        return
    for one in (pair.gil, pair.free_threaded):
        state = "on" if one.facts["gil_enabled"] else "off"
        print(f"{one.variant:6} {one.version}  GIL {state}  {one.facts['abi']}  {one.executable}")
        print(f"       {one.facts['compiler']}, configured with {one.facts['config_args']}")
    print(f"pair:  {pair.origin}, profile {pair.profile}")
    for note in pair.notes:
        print(f"note:  {note}")

"""`gilfree pythons`: find or build the pair of interpreters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_PROFILE, DEFAULT_PYTHON, AsJson, ProfileName, Python


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(pythons)


def pythons(
    python: Python = DEFAULT_PYTHON,
    profile: ProfileName = DEFAULT_PROFILE,
    gil: Annotated[Path | None, typer.Option(help="Interpreter to check as the GIL build.")] = None,
    free_threaded: Annotated[Path | None, typer.Option(help="Interpreter to check as the free-threaded build.")] = None,
    relock: Annotated[
        bool, typer.Option("--relock", help="Lock the packages of the sample apps again, for both variants.")
    ] = False,
    json_output: AsJson = False,
) -> None:
    """Find or build the pair of interpreters, and report which sources were tried."""
    from toolkit.cli.shared.output import progress
    from toolkit.cli.shared.values import check_both_interpreters, check_profile
    from toolkit.pythons.find import find_pair

    check_profile(profile)
    check_both_interpreters(gil, free_threaded)
    say = progress()
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

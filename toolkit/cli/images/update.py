"""`gilfree images update`: the newest versions into gilfree.lock."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli.images.shared import AsJson


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(update)


def update(
    python: Annotated[str | None, typer.Option(help="Only this: a series, or an exact version.")] = None,
    prereleases: Annotated[bool, typer.Option("--prereleases", help="Alphas, betas and candidates too.")] = False,
    json_output: AsJson = False,
) -> None:
    """Write the newest Pythons, with the hashes of their tarballs, and the base's digest into gilfree.lock."""
    import json

    from toolkit.images.staleness.observe import ask_upstream
    from toolkit.images.staleness.update import update as write
    from toolkit.pythons.lock import load_lock

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    early = prereleases or (python is not None and any(mark in python for mark in ("a", "b", "rc")))
    changes = write(python, ask_upstream(load_lock(), ()), say, prereleases=early)
    if json_output:
        print(json.dumps(changes, indent=1))
    else:
        print("\n".join(changes) or "gilfree.lock is up to date")

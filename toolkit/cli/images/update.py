"""`gilfree images update`: write the newest versions into gilfree.lock."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.images.shared import Prereleases
from toolkit.cli.shared.options import AsJson


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(update)


def update(
    python: Annotated[str | None, typer.Option(help="Only this series or exact version.")] = None,
    prereleases: Prereleases = False,
    json_output: AsJson = False,
) -> None:
    """Write into gilfree.lock the newest versions of Python, the hashes of their tarballs, and the digest of the base."""
    import json

    from toolkit.cli.shared.output import progress
    from toolkit.images.staleness.observe import ask_upstream
    from toolkit.images.staleness.update import update as write
    from toolkit.pythons.lock import load_lock

    say = progress()
    early = prereleases or (python is not None and any(mark in python for mark in ("a", "b", "rc")))
    changes = write(python, ask_upstream(load_lock(), ()), say, prereleases=early)
    if json_output:
        print(json.dumps(changes, indent=1))
    else:
        print("\n".join(changes) or "gilfree.lock is up to date")

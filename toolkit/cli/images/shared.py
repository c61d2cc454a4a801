"""What the commands about images share: their options, and the command to run again."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Python = Annotated[str, typer.Option(help="A series (3.14) or an exact version of gilfree.lock.")]
ProfileName = Annotated[str, typer.Option(help="release (PGO and LTO) or fast (neither).")]
BaseName = Annotated[str | None, typer.Option(help="Another base than gilfree.lock's: any Debian.")]
Registry = Annotated[str | None, typer.Option(help="HOST[/PREFIX], for --push.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the images as JSON.")]


def command_again() -> str:
    """This command, to be run again; without logins in addresses."""
    import shlex

    from toolkit.images.spec.network import hidden

    return f"gilfree {shlex.join(hidden(word) for word in sys.argv[1:])}"

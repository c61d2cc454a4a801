"""Where commands write: progress on standard error, files, tables on standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import GilfreeError

if TYPE_CHECKING:
    from rich.console import Console

    from toolkit.console import Say


def progress(quiet: bool = False) -> Say:
    """A function that writes a line of progress to standard error; with quiet, one that writes nothing."""

    def say(words: str) -> None:
        if not quiet:
            print(words, file=sys.stderr, flush=True)

    return say


def write_file(file: Path, text: str) -> None:
    """Write the text as UTF-8. Raises GilfreeError when that is not possible."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GilfreeError(
            f"{file} cannot be written: {error.strerror}", "name a file in a folder that exists"
        ) from error


def console(width: int) -> Console:
    """Standard output for rich; at least this many columns wide where it is no terminal."""
    from rich.console import Console

    found = Console(soft_wrap=False)
    return found if found.is_terminal else Console(width=max(found.width, width))

"""The command line: parse, call, print. Each command's file imports what it needs only when it is called."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from toolkit.cli import (
    bench,
    cluster,
    compare,
    doctor,
    fleet,
    images,
    knee,
    plan,
    pythons,
    report,
    selftest,
    show,
    soak,
)
from toolkit.cli.renamed import renamed
from toolkit.errors import GilfreeError

app = typer.Typer(
    name="gilfree",
    help="Measure Python web services on CPython with and without the GIL, side by side.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"gilfree {version('gilfree')}")
        raise typer.Exit


@app.callback()
def _before_any_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Measure Python web services on CPython with and without the GIL, side by side."""


for command in (
    bench,
    show,
    compare,
    report,
    soak,
    knee,
    plan,
    fleet,
    doctor,
    pythons,
    images,
    cluster,
    selftest,
):
    command.register(app)


def main() -> None:
    """Run the command; an error meant for the user is printed without a traceback and sets the exit code."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        if names := renamed(sys.argv[1:]):
            raise GilfreeError("`gilfree {}` is now `gilfree {}`".format(*names))
        app()
    except GilfreeError as error:
        _fail(error)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _fail(GilfreeError(f"this needs the Python package {error.name}", f'pip install "gilfree[{extra}]"'))


EXTRAS = {"numpy": "stats", "scipy": "stats", "matplotlib": "stats", "docker": "docker", "kubernetes": "kubernetes"}
"""By package that is imported only where it is needed, the extra of gilfree that installs it."""


def _fail(error: GilfreeError) -> NoReturn:
    print(f"gilfree: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends a command as Ctrl-C does: what it started is ended first."""
    raise KeyboardInterrupt

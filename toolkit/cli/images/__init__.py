"""`gilfree images`: the images of the pair and the load image."""

from __future__ import annotations

import typer

from toolkit.cli.images import build, check, list, prune, rebuild, test, update

group = typer.Typer(
    name="images",
    help="The images of the pair: build, test, push, keep them current.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the group with its commands."""
    app.add_typer(group)


for command in (build, test, check, update, rebuild, list, prune):
    command.register(group)

"""`gilfree selftest`: what gilfree itself costs, and what its verdicts are worth."""

from __future__ import annotations

import typer

from toolkit.cli.selftest import cluster_overhead, overhead, scale, simulate, turns

group = typer.Typer(
    name="selftest",
    help="Measure gilfree itself: its cost, its verdicts, its speed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the group with its commands."""
    app.add_typer(group)


for command in (overhead, turns, cluster_overhead, simulate, scale):
    command.register(group)

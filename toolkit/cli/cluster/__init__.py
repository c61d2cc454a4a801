"""`gilfree cluster`: campaigns on a Kubernetes cluster, from any machine that reaches the cluster."""

from __future__ import annotations

import typer

from toolkit.cli.cluster import cancel, gather, render, status

group = typer.Typer(
    name="cluster",
    help="Campaigns on a Kubernetes cluster: render, follow, gather, cancel.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the group with its commands."""
    app.add_typer(group)


for command in (render, status, gather, cancel):
    command.register(group)

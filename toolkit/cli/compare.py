"""`gilfree compare`: what a campaign comes to, or two of them."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""

"""`gilfree show`: the tables of a run or campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)


def show(
    campaign: Annotated[
        str | None, typer.Argument(help="A run or one of its campaigns; the newest run by default.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    json_output: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="The same as CSV.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="The decision alone, without tables.")] = False,
) -> None:
    """Print the decision, the published tables with measured columns beside them, and each claim."""
    from toolkit.bench.runs import find_campaigns
    from toolkit.cli.shared.tables import print_tables

    form = "json" if json_output else "csv" if csv_output else "decision" if quiet else "text"
    print_tables(find_campaigns(campaign, results), form)

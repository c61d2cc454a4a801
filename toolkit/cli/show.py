"""`gilfree show`: the tables of a run or campaign."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from toolkit.campaign.runner import Campaign
    from toolkit.report.tables import Table


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

    form = "json" if json_output else "csv" if csv_output else "decision" if quiet else "text"
    print_tables(find_campaigns(campaign, results), form)


def print_tables(campaigns: Sequence[Campaign], form: str) -> list[Table]:
    """Print on standard output as `text`, `json`, `csv` or the `decision` alone, and return the tables."""
    from toolkit.report.tables import table

    records = [campaign.records() for campaign in campaigns]
    tables = [table(campaign, mine) for campaign, mine in zip(campaigns, records, strict=True)]
    if form == "json":
        import json

        print(json.dumps([one.data() for one in tables], indent=1))
    elif form == "csv":
        from toolkit.report.csv_rows import as_csv

        print(as_csv(tables), end="")
    else:
        from rich.console import Console

        from toolkit.analysis.compare import compare
        from toolkit.report.decision import decision
        from toolkit.report.terminal import decisions
        from toolkit.report.terminal import show as show_text

        console = Console(soft_wrap=False)
        if not console.is_terminal:
            console = Console(width=max(console.width, 140))
        found = [
            decision(compare(campaign, mine), one)
            for campaign, mine, one in zip(campaigns, records, tables, strict=True)
        ]
        decisions(found, tables, console)
        if form == "text":
            show_text(tables, console)
    return tables

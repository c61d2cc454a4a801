"""`gilfree show`: the tables of a run or campaign."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_RESULTS, AsJson, CampaignName, Results


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)


def show(
    campaign: CampaignName = None,
    results: Results = DEFAULT_RESULTS,
    json_output: AsJson = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV instead of text.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the decision, without tables.")] = False,
) -> None:
    """Print the decision, a table of published and measured figures, and each claim."""
    from toolkit.bench.runs import find_campaigns
    from toolkit.cli.shared.tables import print_tables

    form = "json" if json_output else "csv" if csv_output else "decision" if quiet else "text"
    print_tables(find_campaigns(campaign, results), form)

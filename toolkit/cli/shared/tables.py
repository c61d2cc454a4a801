"""Tables of campaigns on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.cli.shared.output import console

if TYPE_CHECKING:
    from toolkit.campaign.runner import Campaign
    from toolkit.report.tables import Table


def print_tables(campaigns: Sequence[Campaign], form: str) -> list[Table]:
    """Print on standard output as `text`, `json`, `csv` or the `decision` alone, and return the tables."""
    from toolkit.report.tables import table

    records = [campaign.records() for campaign in campaigns]
    tables = [table(campaign, mine) for campaign, mine in zip(campaigns, records, strict=True)]
    if form == "csv":
        from toolkit.report.csv_rows import as_csv

        print(as_csv(tables), end="")
        return tables
    from toolkit.analysis.compare import compare
    from toolkit.report.decision import decision_words

    found = [
        decision_words(compare(campaign, mine), one)
        for campaign, mine, one in zip(campaigns, records, tables, strict=True)
    ]
    if form == "json":
        import json

        data = [{**one.data(), "decision": words.data()} for one, words in zip(tables, found, strict=True)]
        print(json.dumps(data, indent=1))
    else:
        from toolkit.report.terminal import decisions
        from toolkit.report.terminal import show as show_text

        out = console(140)
        decisions(found, tables, out)
        if form == "text":
            show_text(tables, out)
    return tables

"""`gilfree report`: campaigns as one file: HTML, Markdown, CSV or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_RESULTS, Results

if TYPE_CHECKING:
    from toolkit.campaign.runner import Campaign


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    campaigns: Annotated[
        list[str] | None,
        typer.Argument(help="Runs or single campaigns; the newest run by default.", metavar="CAMPAIGN"),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained HTML file.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write Markdown.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the tables as CSV.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures as JSON (docs/report-schema.json).")
    ] = None,
    results: Results = DEFAULT_RESULTS,
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only errors.")] = False,
) -> None:
    """Write campaigns as HTML, Markdown, CSV or JSON; with none of these, print the decision.

    HTML and Markdown hold the decision, the tables, plots (HTML) and the environment.
    """
    import time

    from toolkit.cli.shared.output import write_file
    from toolkit.report.page import page

    found = _campaigns(campaigns or [], results)
    began = time.monotonic()
    pages = [page(one, draw=html is not None) for one in found]
    heading = title or f"{' / '.join(arm.name for arm in found[0].arms)}, side by side"
    below = f"{', '.join(one.name for one in found)}; made by gilfree {found[0].description.get('gilfree', '')}".strip()
    texts: dict[Path, str] = {}
    if html is not None:
        from toolkit.report.html import render

        texts[html] = render(pages, heading, below)
    if md is not None:
        from toolkit.report.markdown import render as markdown

        texts[md] = markdown(pages, heading, below)
    if csv is not None:
        from toolkit.report.csv_rows import as_csv

        texts[csv] = as_csv([one.content.table for one in pages])
    if json_file is not None:
        from toolkit.report.schema import as_json

        texts[json_file] = as_json(pages)
    for file, text in texts.items():
        write_file(file, text)
    if quiet:
        return
    if not texts:
        for one in pages:
            print(
                "\n".join([one.content.table.title, one.decision.first, *(f"- {line}" for line in one.decision.lines)])
            )
    for file, text in texts.items():
        print(f"{file}: {len(text.encode()) / 1e6:.2f} MB, after {time.monotonic() - began:.1f} s")


def _campaigns(names: list[str], results: Path) -> list[Campaign]:
    from toolkit.bench.runs import find_campaigns

    found = {one.name: one for name in names for one in find_campaigns(name, results)}
    return list(found.values()) if names else find_campaigns(None, results)

"""Tables for the terminal, with rich; in a pipe the same without colours."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable

from toolkit.report.tables import Ratio, Row, Table

_COLUMNS = (
    ("requests_per_second", "req/s", "{:,.0f}"),
    ("latency_mean_ms", "ms", "{:,.1f}"),
    ("memory_mb", "MB", "{:,.0f}"),
)


def show(tables: Sequence[Table], console: Console) -> None:
    """Print every campaign: its table, ratios, claims, what was rejected, caveats."""
    for one in tables:
        _show(one, console)


def _show(one: Table, console: Console) -> None:
    console.print(f"\n[bold]{one.title}[/bold]  ({one.campaign})")
    console.print(_figures(one))
    if any(row.assumed_connections for row in one.rows):
        console.print("* our assumption: the article gives no number of connections here", style="dim")
    if any(row.unreachable for row in one.rows):
        console.print("† not reachable at this concurrency (Little's law); judged by direction only", style="dim")
    if one.claims:
        console.print(_claims(one))
    counted = sum(row.blocks for row in one.rows)
    console.print(f"{one.trials} trials, {counted} counted", end="")
    rejected = ", ".join(f"{count} {reason}" for reason, count in one.rejected.items())
    console.print(f"; rejected: {rejected}" if rejected else "; none rejected")
    for words in (*one.caveats, *one.notes):
        console.print(f"- {words}", style="dim")


def _figures(one: Table) -> RichTable:
    found = RichTable(show_edge=False, pad_edge=False, header_style="bold")
    for name in ("endpoint", "variant", "workers", "threads", "conns"):
        found.add_column(name, justify="left" if name in ("endpoint", "variant") else "right")
    for who in ("published", "measured"):
        for _, unit, _ in _COLUMNS:
            found.add_column(f"{who}\n{unit}", justify="right", style="dim" if who == "published" else "")
    found.add_column("n", justify="right")
    ratios = {ratio.point: ratio for ratio in one.ratios}
    rows = list(one.rows)
    for index, row in enumerate(rows):
        found.add_row(*_cells(row))
        last = index + 1 == len(rows) or rows[index + 1].setting != row.setting
        if last and row.setting in ratios:
            found.add_row(*_ratio_cells(ratios[row.setting]), end_section=index + 1 < len(rows))
    return found


def _cells(row: Row) -> list[str]:
    head = [
        f"/{row.endpoint}",
        row.arm,
        str(row.workers),
        "–" if row.threads is None else str(row.threads),
        f"{row.connections}{'*' if row.assumed_connections else ''}",
    ]
    published = [
        number(row.published[name], form) + ("†" if name in row.unreachable else "") for name, _, form in _COLUMNS
    ]
    measured = [number(row.measured[name], form) for name, _, form in _COLUMNS]
    return [*head, *published, *measured, str(row.blocks)]


def _ratio_cells(ratio: Ratio) -> list[str]:
    values = [number(ratio.ratio[name], "×{:.2f}") for name, _, _ in _COLUMNS]
    label = f"{ratio.candidate}/{ratio.baseline}"
    return ["", label, "", "", "", "", "", "", *values, str(ratio.blocks)]


def _claims(one: Table) -> RichTable:
    found = RichTable(show_edge=False, pad_edge=False, header_style="bold", title_justify="left")
    for name in ("claim", "band", "ratio here", "verdict"):
        found.add_column(name)
    for claim in one.claims:
        low, high = claim["band"]
        found.add_row(claim["text"], f"{low:g}–{high:g}", number(claim["ratio"], "{:.2f}"), claim["words"])
    return found


def number(value: float | None, form: str) -> str:
    """A figure as text; nothing where there is none."""
    return "" if value is None else form.format(value)

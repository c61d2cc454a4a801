"""Tables for the terminal, with rich; in a pipe without colours, in a narrow window with fewer columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from toolkit.report import cells
from toolkit.report.decision import DecisionWords
from toolkit.report.tables import Ratio, Row, Table
from toolkit.scenario.model import Point

NARROW = 110
"""With fewer columns than these, published figures stand below the measured ones instead of next to them."""


def show(tables: Sequence[Table], console: Console) -> None:
    """Print every campaign: its table, ratios, claims, counts of trials, caveats."""
    for one in tables:
        _show(one, console)


def decisions(found: Sequence[DecisionWords], tables: Sequence[Table], console: Console) -> None:
    """Print the decision of each campaign."""
    for words, one in zip(found, tables, strict=True):
        console.print(Text(one.title, style="bold"))
        console.print(Text(words.first))
        for line in words.lines:
            console.print(Text(f"- {line}"))


def _show(one: Table, console: Console) -> None:
    console.print()
    heading(console, one.title, f"  ({one.campaign})")
    grid = cells.figures(one)
    console.print(
        _narrow(one)
        if console.width < NARROW
        else rich_table(grid, dim=cells.PUBLISHED if cells.has_published(one) else ())
    )
    for words in grid.notes:
        plain(console, words)
    if one.claims and console.width >= NARROW:
        console.print(rich_table(cells.claims(one), figures=range(2, 3)))
    for claim, band, ratio, words in (line.cells for line in cells.claims(one).lines if console.width < NARROW):
        console.print(Text(f"claim: {claim}\n  ratio {ratio or '–'}, band {band}: {words}"))
    console.print(Text(cells.counted(one)))
    for words in (*one.caveats, *one.notes):
        plain(console, f"- {words}")


def heading(console: Console, words: str, rest: str = "") -> None:
    """A line that begins in bold. Titles and names come from files: brackets in them are text, not markup."""
    console.print(Text.assemble((words, "bold"), rest))


def plain(console: Console, words: str) -> None:
    """A dim line, without markup."""
    console.print(Text(words, style="dim"))


def rich_table(grid: cells.Grid, dim: Sequence[int] = (), figures: Sequence[int] | None = None) -> RichTable:
    """A grid as a table; `figures` are the columns aligned right, by default all after the leading words."""
    right = range(grid.left, len(grid.head)) if figures is None else figures
    found = RichTable(show_edge=False, pad_edge=False, header_style="bold")
    for index, name in enumerate(grid.head):
        found.add_column(
            name,
            justify="right" if index in right and name != "verdict" else "left",
            style="dim" if index in dim else "",
        )
    for line in grid.lines:
        found.add_row(*(Text(cell) for cell in line.cells), end_section=line.ends)
    return found


def _narrow(one: Table) -> RichTable:
    """A line for the setting, and below it the measured and the published figures of each arm."""
    found = RichTable(show_edge=False, pad_edge=False, header_style="bold", box=None)
    found.add_column("")
    for _, unit, _ in cells.COLUMNS:
        found.add_column(unit, justify="right")
    optional = cells.optional_columns(one)
    for name in ("n", *optional):
        found.add_column(name, justify="right")
    ratios = {ratio.point: ratio for ratio in one.ratios}
    before = ""
    for index, row in enumerate(one.rows):
        if row.setting != before:
            found.add_row(Text(_label(row), style="bold"))
        before = row.setting
        found.add_row(Text(f"  {row.arm}"), *cells.measured(row), str(row.blocks), *cells.optional_cells(row, optional))
        if any(value is not None for value in row.published.values()):
            found.add_row(Text("    published"), *cells.published(row), style="dim")
        if (index + 1 == len(one.rows) or one.rows[index + 1].setting != before) and before in ratios:
            ratio = ratios[before]
            found.add_row(
                Text(f"  {ratio.candidate}/{ratio.baseline}"), *cells.ratios(ratio), str(ratio.blocks), end_section=True
            )
    return found


def _label(row: Row | Ratio) -> str:
    threads = row.threads or 1
    point = Point(
        endpoint=row.endpoint, path=row.path, workers=row.workers, threads=threads, connections=row.connections
    )
    return point.label()

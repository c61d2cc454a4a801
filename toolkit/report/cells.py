"""The published table and the claims as grids of text cells, for the terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.report.tables import PERCENTILES, TABLE_METRICS, Ratio, Row, Table
from toolkit.report.words import METRICS, count, number

UNITS = {"requests_per_second": "req/s", "latency_mean_ms": "ms", "memory_mb": "MB"}
COLUMNS = tuple((name, UNITS[name], METRICS[name].form) for name in TABLE_METRICS)
"""Metric, heading (short, since two sets of columns stand side by side) and format of a figure."""

PUBLISHED = range(5, 5 + len(COLUMNS))
"""The columns of published figures, where a table has them."""

ASSUMED = "* our assumption: the article gives no number of connections here"
UNREACHABLE = "† not reachable at this concurrency (Little's law); judged by direction only"


@dataclass(frozen=True)
class Line:
    """One row of a grid. `kind`: `ratio` where it compares the rows above; `ends`: a section ends with this row."""

    cells: tuple[str, ...]
    kind: str = ""
    ends: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of text. `left`: how many leading columns hold words and are aligned left; the others hold figures."""

    head: tuple[str, ...]
    lines: tuple[Line, ...]
    left: int
    notes: tuple[str, ...] = ()


def figures(one: Table) -> Grid:
    """The published columns next to the measured ones, and a line of ratios for each point."""
    ratios = {ratio.point: ratio for ratio in one.ratios}
    optional = optional_columns(one)
    lines = []
    for index, row in enumerate(one.rows):
        last = index + 1 == len(one.rows) or one.rows[index + 1].setting != row.setting
        ratio = ratios.get(row.setting) if last else None
        lines.append(Line((*_row(row), *optional_cells(row, optional)), ends=last and ratio is None))
        if ratio is not None:
            lines.append(Line((*_ratio(ratio), *("" for _ in optional)), "ratio", ends=True))
    heads = [f"{who}\n{unit}" for who in ("published", "measured") for _, unit, _ in COLUMNS]
    head = ("endpoint", "variant", "workers", "threads", "conns", *heads, "n", *optional)
    grid = Grid(head, tuple(lines), 2, footnotes(one.rows))
    return grid if has_published(one) else _without(grid, PUBLISHED)


def has_published(one: Table) -> bool:
    """Whether any row has a published figure next to the measured ones."""
    return any(value is not None for row in one.rows for value in row.published.values())


def _without(grid: Grid, columns: range) -> Grid:
    def kept(cells: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cell for index, cell in enumerate(cells) if index not in columns)

    return replace(
        grid, head=kept(grid.head), lines=tuple(replace(line, cells=kept(line.cells)) for line in grid.lines)
    )


def optional_columns(one: Table) -> tuple[str, ...]:
    """The headings of the columns that only some tables need: latency percentiles, and failures where a trial failed."""
    percentiles = [name for name in PERCENTILES if any(name in row.percentiles for row in one.rows)]
    return (*(f"{name} ms" for name in percentiles), *(("failed",) if any(row.failed for row in one.rows) else ()))


def optional_cells(row: Row, columns: Sequence[str]) -> list[str]:
    """The cells of a row in the optional columns."""
    failed = f"{sum(row.failed.values())} of {row.concluded}"
    latency = {f"{name} ms": number(value, "{:,.1f}") for name, value in row.percentiles.items()}
    return [failed if name == "failed" else latency.get(name, "") for name in columns]


def footnotes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The meaning of the marks that the rows have."""
    found = [ASSUMED] if any(row.assumed_connections for row in rows) else []
    return (*found, UNREACHABLE) if any(row.unreachable for row in rows) else tuple(found)


def claims(one: Table) -> Grid:
    """Every claim with its band, its ratio here and its state."""
    lines = [
        Line(
            (
                claim["text"],
                "{:g}–{:g}".format(*claim["band"]),
                number(claim["ratio"], "{:.2f}") + between(claim["low"], claim["high"]),
                claim["words"],
            )
        )
        for claim in one.claims
    ]
    return Grid(("claim", "band", "ratio here", "verdict"), tuple(lines), 1)


def counted(one: Table) -> str:
    """How many trials there were, and how many of them counted, failed by themselves or were rejected for the environment.

    Trials without a reason against them whose block was not concluded are named apart: no figure uses them.
    """
    used = sum(row.blocks for row in one.rows)
    good = sum(row.concluded - sum(row.failed.values()) for row in one.rows)
    unused = f"{good - used} unused (their blocks were run again or not concluded)" if good > used else ""
    parts = [f"{used} counted", unused, _by_reason("failed", one.failed), _by_reason("rejected", one.rejected)]
    return f"{count(one.trials, 'trial')}: {', '.join(part for part in parts if part)}"


def _by_reason(what: str, reasons: Mapping[str, int]) -> str:
    named = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
    return f"{sum(reasons.values())} {what} ({named})" if reasons else f"none {what}"


def setting(row: Row | Ratio, assumed: str = "") -> tuple[str, str, str]:
    """Workers, threads and connections."""
    return str(row.workers), "–" if row.threads is None else str(row.threads), f"{row.connections}{assumed}"


def published(row: Row) -> list[str]:
    """The published figures of a row, with their marks."""
    return [number(row.published[name], form) + ("†" if name in row.unreachable else "") for name, _, form in COLUMNS]


def measured(row: Row) -> list[str]:
    """The measured figures of a row."""
    return [number(row.measured[name], form) for name, _, form in COLUMNS]


def ratios(ratio: Ratio) -> list[str]:
    """The ratios of a point, candidate over baseline, with their 95% intervals."""
    return [number(ratio.ratio[name], "×{:.2f}") + between(ratio.low[name], ratio.high[name]) for name, _, _ in COLUMNS]


def between(low: float | None, high: float | None) -> str:
    """The interval of a ratio after it, on a line of its own: `0.52–0.58`; "" where there is none."""
    return "" if low is None or high is None else f"\n{low:.2f}–{high:.2f}"


def _row(row: Row) -> tuple[str, ...]:
    head = (row.path, row.arm, *setting(row, "*" if row.assumed_connections else ""))
    return (*head, *published(row), *measured(row), str(row.blocks))


def _ratio(ratio: Ratio) -> tuple[str, ...]:
    return (
        "",
        f"{ratio.candidate}/{ratio.baseline}",
        "",
        "",
        "",
        "",
        "",
        "",
        *ratios(ratio),
        str(ratio.blocks),
    )

"""The published table and the claims as grids of text cells, for the terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.report.tables import TABLE_METRICS, Ratio, Row, Table
from toolkit.report.words import METRICS, number

UNITS = {"requests_per_second": "req/s", "latency_mean_ms": "ms", "memory_mb": "MB"}
COLUMNS = tuple((name, UNITS[name], METRICS[name].form) for name in TABLE_METRICS)
"""Metric, heading (short, since two sets of columns stand side by side) and format of a figure."""

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
    lines = []
    for index, row in enumerate(one.rows):
        last = index + 1 == len(one.rows) or one.rows[index + 1].setting != row.setting
        ratio = ratios.get(row.setting) if last else None
        lines.append(Line(_row(row), ends=last and ratio is None))
        if ratio is not None:
            lines.append(Line(_ratio(ratio), "ratio", ends=True))
    heads = [f"{who}\n{unit}" for who in ("published", "measured") for _, unit, _ in COLUMNS]
    return Grid(
        ("endpoint", "variant", "workers", "threads", "conns", *heads, "n"), tuple(lines), 2, footnotes(one.rows)
    )


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
                number(claim["ratio"], "{:.2f}"),
                claim["words"],
            )
        )
        for claim in one.claims
    ]
    return Grid(("claim", "band", "ratio here", "verdict"), tuple(lines), 1)


def counted(one: Table) -> str:
    """How many trials there were, and how many of them counted or were rejected."""
    rejected = ", ".join(f"{count} {reason}" for reason, count in one.rejected.items())
    total = sum(row.blocks for row in one.rows)
    return f"{one.trials} trials, {total} counted; " + (f"rejected: {rejected}" if rejected else "none rejected")


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
    """The ratios of a point, candidate over baseline."""
    return [number(ratio.ratio[name], "×{:.2f}") for name, _, _ in COLUMNS]


def _row(row: Row) -> tuple[str, ...]:
    head = (f"/{row.endpoint}", row.arm, *setting(row, "*" if row.assumed_connections else ""))
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

"""The plots of a report: each a few small panels side by side, with a text and a table of the same figures.

Every function takes data and returns a `Plot`; its note names what the plot omits for lack of room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.report import svg
from toolkit.report.cells import Grid, Line
from toolkit.report.series import Counted, Curve, Spread, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CURVES, MAX_ROWS, ROWS_A_PANEL = 8, 24, 12
LOG_FROM = 30
"""Ratio of the largest to the smallest figure from which an axis is logarithmic."""
FIGURES = (
    "ratio",
    "low",
    "high",
    "verdict",
    "median",
    "lowest",
    "highest",
    "blocks",
    "first MB",
    "highest MB",
    "last MB",
)
"""Headings of columns that hold figures; all before them hold words."""
LEGEND = "w: workers, t: threads of each, c: connections."
TREND = "Medians over blocks; bars reach from the lowest block to the highest."


@dataclass(frozen=True)
class Panel:
    """One drawing."""

    title: str
    svg: str


@dataclass(frozen=True)
class Plot:
    """The panels of one question, a text for readers who do not see them, and the figures drawn."""

    name: str
    title: str
    text: str
    panels: tuple[Panel, ...]
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""
    arms: tuple[str, ...] = ()

    def grid(self) -> Grid:
        """The figures drawn, as a table."""
        words = sum(name not in FIGURES for name in self.head)
        return Grid(self.head, tuple(Line(row) for row in self.rows), words)


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Rows of words down the left side, the first on top."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def throughput(name: str, counted: Counted, found: Sequence[Curve]) -> Plot | None:
    """Requests per second against threads and workers; where the matrix has no such series, point by point."""
    if not found:
        return dots(
            name,
            counted,
            "Throughput",
            {"requests per second": "requests_per_second"},
            "This campaign measured one number of threads and workers at each endpoint, so there is no curve to draw.",
        )
    shown = found[:MAX_CURVES]
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    for curve in shown:
        title = f"{curve.label}: requests per second by {curve.axis}"
        words = []
        with svg.figure(2.7) as (made, ax):
            for index, (arm, spreads) in enumerate(curve.arms.items()):
                _draw_curve(ax, index, spreads)
                words += [f"{arm} at {value} {curve.axis}: {one.median:,.0f}" for value, one in spreads.items()]
                rows += [
                    (curve.label, curve.axis, str(value), arm, *_cells(one, "{:,.0f}"))
                    for value, one in spreads.items()
                ]
            values = sorted({value for spreads in curve.arms.values() for value in spreads})
            ax.set_xscale("log", base=2)
            ax.set_xticks(values, [str(value) for value in values])
            ax.minorticks_off()
            ax.set_ylim(bottom=0)
            ax.yaxis.set_major_formatter(_thousands)
            ax.set_xlabel(curve.axis)
            ax.set_ylabel("requests/s")
            panels.append(Panel(title, svg.inline(made, f"{name}-{len(panels)}", title, "; ".join(words))))
    return Plot(
        name,
        "Throughput against threads and workers",
        TREND,
        tuple(panels),
        ("series", "axis", "value", "variant", "median", "lowest", "highest", "blocks"),
        tuple(rows),
        f"{len(found) - len(shown)} further series are not drawn; all points are in the tables."
        if len(found) > len(shown)
        else "",
        counted.arms,
    )


def _draw_curve(ax: Axes, index: int, spreads: Mapping[int, Spread]) -> None:
    colour, x = svg.ARMS[index % 4], list(spreads)
    y = [one.median for one in spreads.values()]
    ax.plot(x, y, marker=svg.MARKERS[index % 4], ls=svg.LINES[index % 4], color=colour)
    ax.vlines(x, [one.low for one in spreads.values()], [one.high for one in spreads.values()], color=colour, lw=1)


def memory(name: str, traces: Mapping[str, Sequence[Trace]], arms: Sequence[str], measured: int) -> Plot | None:
    """Memory of the server over time, one panel a point, one line a trial."""
    if not traces:
        return None
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    for title, found in traces.items():
        words = []
        with svg.figure(2.5) as (made, ax):
            ax.axvspan(0, max(one.window_seconds for one in found), color=svg.BAND, lw=0)
            for one in found:
                index = list(arms).index(one.arm) % 4
                ax.plot(one.seconds, one.memory_mb, color=svg.ARMS[index], ls=svg.LINES[index], lw=1.2)
                words.append(
                    f"{one.arm} block {one.block}: {one.memory_mb[0]:,.0f} to {one.memory_mb[-1]:,.0f} MB,"
                    f" at most {max(one.memory_mb):,.0f}"
                )
                at_most = f"{max(one.memory_mb):,.0f}"
                rows.append(
                    (title, one.arm, str(one.block), f"{one.memory_mb[0]:,.0f}", at_most, f"{one.memory_mb[-1]:,.0f}")
                )
            ax.set_ylim(bottom=0)
            ax.set_xlabel("seconds since the measured window began")
            ax.set_ylabel("MB (PSS)")
            panels.append(Panel(title, svg.inline(made, f"{name}-{len(panels)}", f"Memory, {title}", "; ".join(words))))
    omitted = measured - len(traces)
    return Plot(
        name,
        "Memory over time",
        "Memory (summed PSS) of the server from its start to its end, one line a trial; the measured window is shaded.",
        tuple(panels),
        ("point", "variant", "block", "first MB", "highest MB", "last MB"),
        tuple(rows),
        f"{omitted} further points are not drawn." if omitted > 0 else "",
        tuple(arms),
    )


LATENCY = {"mean latency of a block, ms": "latency_mean_ms", "largest latency of a block, ms": "latency_max_ms"}
CLOSED_LOOP = (
    "The generator reports only the mean, the standard deviation and the largest latency of a run, no percentiles. "
    "So the spread over blocks is shown, not the distribution over requests. The load is a closed loop: "
    "it waits for answers, so queueing is hidden."
)
CONSTANT_RATE = (
    "The load keeps a constant rate, and a request's latency counts from when it was due, so queueing is in it. "
    "The p99 is that of each block, never averaged over requests of several."
)


def latency(name: str, counted: Counted) -> Plot | None:
    """Latencies of every block: mean and largest, and p99 where the generator reports it."""
    points = counted.measured()
    has_p99 = any(counted.values(point, arm, "latency_p99_ms") for point in points for arm in counted.arms)
    metrics = {"p99 latency of a block, ms": "latency_p99_ms", **LATENCY} if has_p99 else LATENCY
    return dots(name, counted, "Latency", metrics, CONSTANT_RATE if has_p99 else CLOSED_LOOP)


def cpu(name: str, counted: Counted) -> Plot | None:
    """CPUs that the server used, and how busy the load generator was."""
    return dots(
        name,
        counted,
        "CPU of server and loader",
        {"CPUs used by the server": "server_cpus_used", "use of the loader's own CPUs (1 is all)": "loader_saturation"},
        "A server that does not use its CPUs is waiting or is limited elsewhere; with a loader near 1 the loader is what is measured.",
        limits={"loader_saturation": counted.scenario.limits.loader_saturation},
    )


def dots(
    name: str,
    counted: Counted,
    title: str,
    metrics: Mapping[str, str],
    text: str,
    *,
    limits: Mapping[str, float] | None = None,
) -> Plot | None:
    """Metrics at every point, the arms next to each other: median, and a bar from the lowest block to the highest."""
    points = counted.measured()
    shown = points[:MAX_ROWS]
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    for words, metric in metrics.items():
        for start in range(0, len(shown), ROWS_A_PANEL):
            part = shown[start : start + ROWS_A_PANEL]
            cells = [
                (point, arm, one)
                for point in part
                for arm in counted.arms
                if (one := counted.spread(point, arm, metric))
            ]
            if not cells:
                continue
            described = "; ".join(f"{p.label()} {arm}: {one.median:,.4g}" for p, arm, one in cells)
            with svg.figure(0.8 + 0.17 * len(counted.arms) * len(part) + 0.1 * len(part)) as (made, ax):
                _draw_dots(ax, counted, part, metric)
                _scale(ax, [end for *_, one in cells for end in (one.low, one.high)], (limits or {}).get(metric))
                panels.append(Panel(words, svg.inline(made, f"{name}-{len(panels)}", f"{title}: {words}", described)))
            rows += [(words, point.label(), arm, *_cells(one, "{:,.4g}")) for point, arm, one in cells]
    if not panels:
        return None
    omitted = len(points) - len(shown)
    return Plot(
        name,
        title,
        f"{text} {TREND} {LEGEND}",
        tuple(panels),
        ("figure", "point", "variant", "median", "lowest", "highest", "blocks"),
        tuple(rows),
        f"The first {len(shown)} of {len(points)} points are drawn." if omitted > 0 else "",
        counted.arms,
    )


def _draw_dots(ax: Axes, counted: Counted, points: Sequence[Any], metric: str) -> None:
    arms = counted.arms
    for place, point in enumerate(points):
        for index, arm in enumerate(arms):
            one = counted.spread(point, arm, metric)
            if one is not None:
                y, colour = place + (index - (len(arms) - 1) / 2) * 0.6 / len(arms), svg.ARMS[index % 4]
                ax.plot([one.low, one.high], [y, y], color=colour, lw=1.4)
                ax.plot([one.median], [y], svg.MARKERS[index % 4], color=colour, ls="")
    name_rows(ax, [point.label() for point in points])


def _scale(ax: Axes, ends: Sequence[float], limit: float | None) -> None:
    """From zero, and in logs only where the figures lie so far apart that the small ones would vanish."""
    top = max([*ends, limit or 0])
    if limit is not None:
        ax.axvline(limit, color=svg.FAINT, lw=1, ls=":")
    if min(ends) > 0 and top / min(ends) > LOG_FROM:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter("")
    else:
        ax.set_xlim(0, top * 1.06 or 1)
    ax.xaxis.set_major_formatter(_thousands)


def _cells(one: Spread, form: str) -> tuple[str, str, str, str]:
    return form.format(one.median), form.format(one.low), form.format(one.high), str(one.blocks)


def _thousands(value: float, _: float = 0) -> str:
    return f"{value:,.6g}"

"""The forest plot of a report: the ratios with the intervals that decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.report import svg
from toolkit.report.plots import MAX_ROWS, Panel, Plot, name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Interval:
    """A ratio with its interval; ends are None where so few blocks allow none."""

    label: str
    ratio: float
    low: float | None
    high: float | None
    verdict: str
    words: str = ""


def forest(name: str, metrics: Mapping[str, Sequence[Interval]], band: float, arms: str) -> Plot | None:
    """Ratios with their intervals, one panel a metric, the largest effects first where not all fit."""
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    omitted = 0
    for metric, found in metrics.items():
        shown = sorted(found, key=lambda one: -abs(one.ratio - 1))[:MAX_ROWS] if len(found) > MAX_ROWS else found
        omitted += len(found) - len(shown)
        if not shown:
            continue
        described = "; ".join(_interval_words(one) for one in shown)
        with svg.figure(0.9 + 0.27 * len(shown)) as (made, ax):
            _draw_forest(ax, shown, band)
            ax.set_xlabel(f"{metric}: ratio {arms}")
            panels.append(Panel(metric, svg.inline(made, f"{name}-{len(panels)}", f"{metric}, {arms}", described)))
        rows += [
            (metric, one.label, f"{one.ratio:.3f}", _end(one.low), _end(one.high), one.verdict or "–") for one in shown
        ]
    if not panels:
        return None
    return Plot(
        name,
        "Ratios with 95% intervals",
        f"Ratio {arms} at each point; 1 is no difference, the shaded band is ±{band:.0%}. "
        "Filled marks have a verdict, hollow ones are inconclusive; a mark without a line has too few blocks for an interval.",
        tuple(panels),
        ("metric", "point", "ratio", "low", "high", "verdict"),
        tuple(rows),
        f"{omitted} smaller ratios are not drawn; all are in the tables." if omitted else "",
    )


def _interval_words(one: Interval) -> str:
    ends = f" (from {one.low:.3f} to {one.high:.3f})" if one.low is not None and one.high is not None else ""
    return f"{one.label}: {one.ratio:.3f}{ends}{f', {one.verdict}' if one.verdict else ''}"


def _end(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _draw_forest(ax: Axes, shown: Sequence[Interval], band: float) -> None:
    ax.axvspan(1 - band, 1 + band, color=svg.BAND, lw=0)
    ax.axvline(1, color=svg.FAINT, lw=1)
    for place, one in enumerate(shown):
        sure = one.verdict in ("higher", "lower", "equivalent")
        if one.low is not None and one.high is not None:
            ax.plot([one.low, one.high], [place, place], color=svg.ARMS[1], lw=1.8)
        fill = svg.ARMS[1] if sure else "none"
        ax.plot([one.ratio], [place], svg.MARKERS[1], mec=svg.ARMS[1], mfc=fill, ls="")
    name_rows(ax, [one.label for one in shown])

"""When a point has enough blocks: the decision that an early-stopping plan makes after every block.

A point stops when the intervals of all its primary metrics are as narrow as declared (half-width ±3%) and no metric
is one step short of a verdict (its interval excludes 1, but Holm is not yet satisfied), or at the block limit.
Intervals and p are corrected for the interim analyses (interim.py), so they hold whatever made a point stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.analysis.stats.paired import half_widths, intervals, standard_half_width
from toolkit.analysis.stats.procedure import InterimAnalyses, Procedure
from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.verdict_rule import BAND, MIN_BLOCKS, SIGNIFICANCE
from toolkit.analysis.stats.verdicts import holm

CORRECTION = "Pocock-type boundary, as repeated confidence intervals (Jennison & Turnbull)"
"""The name of the correction, for reports."""


MAX_LIMIT = 100
"""Blocks under a rule: correcting for the interim analyses of more would take longer than a block (it grows as their square)."""


@dataclass(frozen=True)
class StoppingRule:
    """Analyse after every block from `first` to `limit`; enough is an interval of ±`half_width` (0.03: 3%).

    Raises ValueError for a half-width that is not between 0 and 1 and for impossible interim analyses.
    """

    first: int = MIN_BLOCKS
    limit: int = 20
    half_width: float = BAND

    def __post_init__(self) -> None:
        if not 0 < self.half_width < 1:
            raise ValueError(f"a half-width of {self.half_width}: need a share between 0 and 1, such as 0.03")
        _ = self.interim  # refuses impossible ones

    @property
    def procedure(self) -> Procedure:
        """The procedure that judges a campaign under this rule."""
        return Procedure("full", self.interim)

    @property
    def interim(self) -> InterimAnalyses:
        """The interim analyses for which estimates of a campaign under this rule are corrected."""
        return InterimAnalyses(self.first, self.limit)


@dataclass(frozen=True)
class StoppingDecision:
    """Whether to stop a point and why. `metric`: the one with the widest interval, or the one short of a verdict.

    `failing`: an arm fails so often that its other trials get no verdict, so that more of them decide nothing.
    `expected_blocks`: in all, by the spread so far; the limit where there is no spread yet.
    """

    stop: bool
    reason: Literal["precise", "limit", "too early", "too wide", "one step short of a verdict", "failing"]
    metric: str | None
    expected_blocks: int


def stopping_decision(rows: Mapping[str, Floats], rule: StoppingRule) -> StoppingDecision:
    """Whether one point has enough blocks, from the log ratios of each of its primary metrics.

    The metric with the fewest blocks is compared with `rule.first` and `rule.limit`; each interval is over its own
    metric's blocks. Raises ValueError without any metric.
    """
    if not rows:
        raise ValueError("a point needs at least one metric to decide by")
    n = min(len(row) for row in rows.values())
    expected, widest = _expected(rows, rule)
    if n >= rule.limit:
        return StoppingDecision(True, "limit", widest, n)
    if n < rule.first:
        return StoppingDecision(False, "too early", widest, max(expected, rule.first))
    names = list(rows)
    found = [intervals(np.asarray(rows[name], dtype=np.float64)[None, :], rule.procedure) for name in names]
    low, high, p = (np.concatenate(parts)[None, :] for parts in zip(*found, strict=True))
    wide, short = too_wide(low, high, rule), short_of_verdict(low, high, p)
    if wide.any():
        return StoppingDecision(False, "too wide", widest, max(expected, n + 1))
    if short.any():
        return StoppingDecision(False, "one step short of a verdict", names[int(short[0].argmax())], n + 1)
    return StoppingDecision(True, "precise", widest, n)


def too_wide(low: Floats, high: Floats, rule: StoppingRule) -> NDArray[np.bool_]:
    """Which intervals (ends as logs) are wider than declared."""
    return np.asarray(half_widths(low, high) > np.log1p(rule.half_width))


def short_of_verdict(low: Floats, high: Floats, p: Floats) -> NDArray[np.bool_]:
    """Which metrics have an interval that excludes 1 and reaches beyond the band but, in their family, no verdict yet."""
    excludes_1 = (low > 0) | (high < 0)
    beyond = (low < np.log1p(-BAND)) | (high > np.log1p(BAND))
    return np.asarray(excludes_1 & beyond & (holm(p) > SIGNIFICANCE))


def _expected(rows: Mapping[str, Floats], rule: StoppingRule) -> tuple[int, str | None]:
    """How many blocks the widest metric will need if its spread stays as it is, and which that is."""
    spreads = {name: _spread(np.asarray(row, dtype=np.float64)) for name, row in rows.items() if len(row) >= 2}
    if not spreads:
        return rule.limit, None
    widest = max(spreads, key=lambda name: spreads[name])
    for n in range(rule.first, rule.limit):
        if spreads[widest] * standard_half_width(n, rule.interim) <= np.log1p(rule.half_width):
            return n, widest
    return rule.limit, widest


def _spread(row: Floats) -> float:
    """A standard deviation that one or two disturbed blocks do not move: from the median distance to the median."""
    return float(1.4826 * np.median(np.abs(row - np.median(row))))

"""When a point has enough blocks: the decision that an early-stopping plan asks for after every block.

A point stops when the intervals of all its primary metrics are as narrow as declared (half-width +-3 %) and no metric
is one step short of a verdict (interval beside 1, but Holm not yet satisfied), or at the block limit. Intervals and p
pay for the looking (see looks.py), so they hold whichever of these made it stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.analysis.stats.looks import Looks
from toolkit.analysis.stats.paired import SIGNIFICANCE, half_widths, intervals, standard_half_width
from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.verdicts import BAND, MIN_BLOCKS, holm

CORRECTION = "Pocock-type boundary, as repeated confidence intervals (Jennison & Turnbull)"
"""What to call the correction in reports."""


@dataclass(frozen=True)
class StoppingRule:
    """Look after every block from `first` to `limit`; enough is an interval of +-`half_width` (0.03: 3 %)."""

    first: int = MIN_BLOCKS
    limit: int = 20
    half_width: float = BAND

    def __post_init__(self) -> None:
        if not 0 < self.half_width < 1:
            raise ValueError(f"a half-width of {self.half_width}: need a share between 0 and 1, such as 0.03")
        _ = self.looks  # refuses impossible ones

    @property
    def looks(self) -> Looks:
        """What estimates of a campaign under this rule must be given."""
        return Looks(self.first, self.limit)


@dataclass(frozen=True)
class Decision:
    """Whether to stop and why. `expected_blocks`: in all, by the spread so far, the limit when there is no spread."""

    stop: bool
    why: Literal["precise", "limit", "too early", "too wide", "one step short of a verdict"]
    metric: str | None
    expected_blocks: int


def decide(rows: Mapping[str, Floats], rule: StoppingRule) -> Decision:
    """Whether one point has enough blocks, from the log ratios of each of its primary metrics.

    `metric` names the one with the widest interval, or the one short of a verdict. Metrics lacking in some block count
    by their own number of blocks.
    """
    if not rows:
        raise ValueError("a point needs at least one metric to decide by")
    n = min(len(row) for row in rows.values())
    expected, widest = _expected(rows, rule)
    if n >= rule.limit:
        return Decision(True, "limit", widest, n)
    if n < rule.first:
        return Decision(False, "too early", widest, max(expected, rule.first))
    names = list(rows)
    found = [intervals(np.asarray(rows[name], dtype=np.float64)[None, :], rule.looks) for name in names]
    low, high, p = (np.concatenate(parts)[None, :] for parts in zip(*found, strict=True))
    wide, short = too_wide(low, high, rule), short_of_verdict(low, high, p)
    if wide.any():
        return Decision(False, "too wide", widest, max(expected, n + 1))
    if short.any():
        return Decision(False, "one step short of a verdict", names[int(short[0].argmax())], n + 1)
    return Decision(True, "precise", widest, n)


def too_wide(low: Floats, high: Floats, rule: StoppingRule) -> NDArray[np.bool_]:
    """Which intervals (ends as logs) are wider than declared."""
    return np.asarray(half_widths(low, high) > np.log1p(rule.half_width))


def short_of_verdict(low: Floats, high: Floats, p: Floats) -> NDArray[np.bool_]:
    """Which metrics have an interval beside 1 and beyond the band but, in their row's family, no verdict yet."""
    beside = (low > 0) | (high < 0)
    beyond = (low < np.log1p(-BAND)) | (high > np.log1p(BAND))
    return np.asarray(beside & beyond & (holm(p) > SIGNIFICANCE))


def _expected(rows: Mapping[str, Floats], rule: StoppingRule) -> tuple[int, str | None]:
    """How many blocks the widest metric will need if its spread stays as it is, and which that is."""
    spreads = {name: _spread(np.asarray(row, dtype=np.float64)) for name, row in rows.items() if len(row) >= 2}
    if not spreads:
        return rule.limit, None
    widest = max(spreads, key=lambda name: spreads[name])
    for n in range(rule.first, rule.limit):
        if spreads[widest] * standard_half_width(n, rule.looks) <= np.log1p(rule.half_width):
            return n, widest
    return rule.limit, widest


def _spread(row: Floats) -> float:
    """A standard deviation that one or two wild blocks do not move: from the median distance to the median."""
    return float(1.4826 * np.median(np.abs(row - np.median(row))))

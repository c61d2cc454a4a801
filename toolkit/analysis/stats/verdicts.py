"""From estimates to words: Holm inside a family, the verdict of each metric, and whether a claim holds.

- *higher* / *lower*: the 95 % interval excludes 1 and Holm's p is at most 0.05;
- *equivalent*: the whole interval lies within +-3 %;
- *inconclusive*: everything else, and everything below 8 blocks: with 6 the smallest p is 0.031, with 7 it is 0.016,
  and Holm over four metrics then allows nothing whatever was measured.

A metric can be both lower and within +-3 %: the direction is named, and the reason says that it is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.analysis.stats.paired import SIGNIFICANCE, Estimate
from toolkit.analysis.stats.signflip import Floats, Ints

BAND = 0.03
MIN_BLOCKS = 8

Outcome = Literal["higher", "lower", "equivalent", "inconclusive"]
ClaimOutcome = Literal["reproduced", "contradicted", "inconclusive"]
OUTCOMES: tuple[Outcome, ...] = ("inconclusive", "higher", "lower", "equivalent")
INCONCLUSIVE, HIGHER, LOWER, EQUIVALENT = range(4)


@dataclass(frozen=True)
class Verdict:
    """What one metric of a family comes to, and why; `holm_p` is corrected for the others of the family."""

    outcome: Outcome
    holm_p: float
    reason: str


@dataclass(frozen=True)
class ClaimJudgement:
    """Whether a claim holds, and why."""

    outcome: ClaimOutcome
    reason: str


def holm(p_values: Floats) -> Floats:
    """Holm's step-down p-values (1979) within each row."""
    size = p_values.shape[-1]
    order = np.argsort(p_values, axis=-1)
    stepped = np.take_along_axis(p_values, order, axis=-1) * np.arange(size, 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(stepped, axis=-1))
    found = np.empty_like(stepped)
    np.put_along_axis(found, order, stepped, axis=-1)
    return found


def outcomes(low: Floats, high: Floats, holm_p: Floats, n: Ints | int) -> Ints:
    """Indices into OUTCOMES from the ends of the intervals as logs; the rule itself, used by all."""
    found = np.full(np.shape(low), INCONCLUSIVE, dtype=np.int64)
    found[(low >= np.log1p(-BAND)) & (high <= np.log1p(BAND))] = EQUIVALENT
    sure = holm_p <= SIGNIFICANCE
    found[sure & (low > 0)] = HIGHER
    found[sure & (high < 0)] = LOWER
    found[np.broadcast_to(np.asarray(n) < MIN_BLOCKS, found.shape)] = INCONCLUSIVE
    return found


def judge(family: Mapping[str, Estimate]) -> dict[str, Verdict]:
    """The verdict on each metric of one point's family."""
    if not family:
        return {}
    members = list(family.values())
    holm_p = holm(np.array([one.p for one in members]))
    with np.errstate(divide="ignore"):
        low, high = np.log([one.low for one in members]), np.log([one.high for one in members])
    codes = outcomes(low, high, holm_p, np.array([one.n for one in members]))
    return {
        name: Verdict(OUTCOMES[code], float(p), _reason(OUTCOMES[code], one, float(p), len(members)))
        for (name, one), p, code in zip(family.items(), holm_p, codes, strict=True)
    }


def judge_claim(estimate: Estimate, low: float | None, high: float | None) -> ClaimJudgement:
    """A claim that the ratio is between `low` and `high` (None: open on that side), both included."""
    if estimate.n < MIN_BLOCKS:
        return ClaimJudgement("inconclusive", _too_few(estimate.n))
    bottom, top = 0.0 if low is None else low, np.inf if high is None else high
    if bottom > top:
        raise ValueError(f"a band from {bottom} to {top} is empty")
    if bottom <= estimate.low and estimate.high <= top:
        return ClaimJudgement("reproduced", "the whole interval lies inside the claimed band")
    if estimate.high < bottom or estimate.low > top:
        return ClaimJudgement("contradicted", "the whole interval lies outside the claimed band")
    return ClaimJudgement("inconclusive", "the interval lies partly inside the claimed band")


def _reason(outcome: Outcome, one: Estimate, holm_p: float, size: int) -> str:
    within = one.low >= 1 - BAND and one.high <= 1 + BAND
    if one.n < MIN_BLOCKS:
        return _too_few(one.n)
    if outcome in ("higher", "lower"):
        small = f", though it is within ±{BAND:.0%}" if within else ""
        return f"the interval excludes 1 and p = {holm_p:.3g} after Holm over {size}{small}"
    if outcome == "equivalent":
        return f"the whole interval is within ±{BAND:.0%}"
    if not one.low <= 1 <= one.high:
        return f"the interval excludes 1, but p = {holm_p:.3g} after Holm over {size}"
    if not np.isfinite(one.smallest_effect):
        return f"the interval holds 1 and reaches beyond ±{BAND:.0%}; {one.n} blocks cannot decide this family"
    return (
        f"the interval holds 1 and reaches beyond ±{BAND:.0%}; "
        f"{one.n} blocks with this spread see changes from {one.smallest_effect:.1%}"
    )


def _too_few(n: int) -> str:
    return f"{n} blocks: no verdict below {MIN_BLOCKS}"

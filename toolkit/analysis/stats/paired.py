"""Estimates from blocks: ratio, the interval that decides, p, and the smallest effect these blocks could show.

Where the interval is Student's t (quick procedure) the ratio is that of the mean log ratio, else of the median.

Points and metrics with equally many blocks are calculated together as the rows of one array: a thousand points of four
metrics take about a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from toolkit.analysis.stats.bootstrap import median_interval
from toolkit.analysis.stats.interim import p_values
from toolkit.analysis.stats.procedure import FULL, InterimAnalyses, Method, Procedure
from toolkit.analysis.stats.signflip import Floats, critical_weight, interval_ends, lighter_weight
from toolkit.analysis.stats.student import POWER, detectable_in_half_widths, t_intervals
from toolkit.analysis.stats.verdict_rule import SIGNIFICANCE
from toolkit.errors import GilfreeError

CALIBRATION_ROWS = 4000
SEED = 1968


@dataclass(frozen=True)
class Estimate:
    """Candidate/baseline at one point for one metric.

    `low`..`high` is the 95% interval; 0 and infinity where so few blocks allow none (below 6, or 3 in a
    quick run). `method`: what gave it. `p` is not corrected for
    the family. The bootstrap interval decides nothing. `smallest_effect` is the smallest change (0.02: by 2%) that this
    many blocks with this spread would have called higher or lower in 80% of cases, at the strictest step of Holm in
    its family; infinite where no effect would have been.
    """

    ratio: float
    low: float
    high: float
    p: float
    n: int
    bootstrap_low: float
    bootstrap_high: float
    smallest_effect: float
    method: Method = "sign-flip"

    @property
    def bounded(self) -> bool:
        """Whether both ends of the interval are finite ratios above 0."""
        return bool(self.low > 0 and np.isfinite(self.high))


def log_ratios(candidate: Sequence[float], baseline: Sequence[float]) -> Floats:
    """Block by block, log(candidate / baseline). Raises GilfreeError for a figure that has no ratio."""
    if len(candidate) != len(baseline):
        raise ValueError(f"{len(candidate)} candidate figures for {len(baseline)} baseline figures")
    for block, pair in enumerate(zip(candidate, baseline, strict=True)):
        if not all(np.isfinite(value) and value > 0 for value in pair):
            raise GilfreeError(
                f"block {block}: {pair[0]!r} / {pair[1]!r} is not a ratio of two figures above 0",
                "look into the trials of this block; a trial without this figure must not be paired",
            )
    return np.log(np.asarray(candidate, dtype=np.float64) / np.asarray(baseline, dtype=np.float64))


def estimates(rows: Sequence[Floats], *, family_size: int = 1, procedure: Procedure = FULL) -> list[Estimate]:
    """An estimate for each row of log ratios, in order.

    `family_size`: how many metrics share one Holm correction (for the smallest effect). `procedure`: that of the
    campaign; its interim analyses correct p and interval. Raises ValueError for a row
    that is empty or not finite.
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if len(row) == 0 or not np.isfinite(row).all():
            raise ValueError(f"row {place}: needs at least one block, all finite: {row!r}")
        by_size[len(row)].append(place)
    found: dict[int, Estimate] = {}
    for n, places in by_size.items():
        data = np.asarray([rows[place] for place in places], dtype=np.float64)
        found.update(zip(places, _equally_many(data, n, family_size, procedure), strict=True))
    return [found[place] for place in range(len(rows))]


def intervals(data: Floats, procedure: Procedure = FULL) -> tuple[Floats, Floats, Floats]:
    """For each row of log ratios the ends of its 95% interval (as logs) and p."""
    method = procedure.method(data.shape[1])
    if method == "t":
        return t_intervals(data)
    if method == "none":
        return np.full(len(data), -np.inf), np.full(len(data), np.inf), np.ones(len(data))
    by_weight = p_values(data.shape[1], procedure.interim)
    low, high = interval_ends(data, critical_weight(by_weight, SIGNIFICANCE))
    return low, high, by_weight[lighter_weight(data)]


def _equally_many(data: Floats, n: int, family_size: int, procedure: Procedure) -> list[Estimate]:
    method = procedure.method(n)
    low, high, p = intervals(data, procedure)
    boot_low, boot_high = median_interval(data)
    with np.errstate(
        invalid="ignore"
    ):  # blocks without any spread (0) that are too few for a verdict (infinite): unknown
        effects = np.expm1(half_widths(low, high) * _detectable(n, family_size, procedure))
    columns = (
        np.exp(data.mean(axis=1) if method == "t" else np.median(data, axis=1)),
        np.exp(low),
        np.exp(high),
        p,
        np.exp(boot_low),
        np.exp(boot_high),
        effects,
    )
    return [
        Estimate(
            ratio=ratio,
            low=lo,
            high=hi,
            p=p_value,
            n=n,
            bootstrap_low=b_lo,
            bootstrap_high=b_hi,
            smallest_effect=effect,
            method=method,
        )
        for ratio, lo, hi, p_value, b_lo, b_hi, effect in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _detectable(n: int, family_size: int, procedure: Procedure) -> float:
    """The shift found in 80% of cases, in half-widths of the 95% interval; infinite where no shift would be."""
    method = procedure.method(n)
    if method == "none":
        return float("inf")
    return (
        detectable_in_half_widths(n, family_size)
        if method == "t"
        else detectable_shift(n, family_size, procedure.interim)
    )


def half_widths(low: Floats, high: Floats) -> Floats:
    """Half the width of each interval, as a log ratio; infinite where there is none."""
    return np.where(np.isfinite(high), (high - np.where(np.isfinite(low), low, 0)) / 2, np.inf)


@lru_cache
def detectable_shift(n: int, family_size: int, interim: InterimAnalyses | None) -> float:
    """The shift found in 80% of cases at Holm's strictest step, in half-widths of the 95% interval (normal noise)."""
    strictest = critical_weight(p_values(n, interim), SIGNIFICANCE / family_size)
    if strictest < 0:
        return float("inf")
    low, _ = interval_ends(_standard_normal(n), strictest)
    return float(np.quantile(-low, POWER)) / standard_half_width(n, interim)


@lru_cache
def standard_half_width(n: int, interim: InterimAnalyses | None) -> float:
    """The median half-width of the interval of n blocks whose log ratios have a standard deviation of 1."""
    low, high = interval_ends(_standard_normal(n), critical_weight(p_values(n, interim), SIGNIFICANCE))
    return float(np.median(half_widths(low, high)))


def _standard_normal(n: int) -> Floats:
    return np.random.default_rng(SEED).standard_normal((CALIBRATION_ROWS, n))

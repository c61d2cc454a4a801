"""Slope with an interval, for samples that hang together in time: does memory grow, does latency drift?

A straight line through thousands of samples of a memory curve looks far too sure of itself, because neighbours are
alike. So: medians of at most 60 equal stretches of time (single spikes vanish), a least-squares line through them, and
an interval with as many degrees of freedom as there are independent stretches, n (1 - r) / (1 + r) for a correlation r
between neighbours (Santer et al. 2000, J. Geophys. Res. 105, where it is the usual way to judge climate trends; r is
first corrected for its bias in short series). Simulated soaks without a trend: the interval covers 0 in 95 to 97 % of
cases for white noise, spikes and noise that remembers 10 to 100 s in half an hour; over 90 % where memory wanders like
a random walk, and then the interval is so wide that nothing is claimed (Newey-West errors with fixed-b critical values
covered 89 % at 100 s, 57 % at the random walk).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from toolkit.analysis.stats.signflip import Floats

STRETCHES = 60
MIN_STRETCHES = 8
MIN_INDEPENDENT = 3.0


@dataclass(frozen=True)
class Trend:
    """Growth a second, in the samples' unit, with its 95 % interval (infinite where the samples cannot tell).

    `independent`: how many of the `stretches` count as independent of each other.
    """

    slope: float
    low: float
    high: float
    stretches: int
    independent: float

    @property
    def grows(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    @property
    def falls(self) -> bool:
        """Whether the whole interval is below 0."""
        return self.high < 0


def trend(seconds: Floats, values: Floats) -> Trend:
    """The slope of `values` over `seconds`; leave the warm-up out, for a curve that levels off has no one slope."""
    at, middle = _stretches(np.asarray(seconds, dtype=np.float64), np.asarray(values, dtype=np.float64))
    count = len(at)
    if count < 2:
        raise ValueError(f"{len(seconds)} samples over {count} stretch of time have no slope: sample longer")
    centred = at - at.mean()
    weight = float(centred @ centred)
    slope = float(centred @ middle) / weight
    rest = middle - middle.mean() - slope * centred
    power = float(rest @ rest)
    scale = float(np.abs(middle).max())
    if power <= (1e-12 * scale) ** 2 * count:  # a straight line up to rounding
        power, likeness = 0.0, 0.0
    else:
        raw = float(rest[1:] @ rest[:-1]) / power
        likeness = min(max(raw + (1 + 4 * raw) / count, 0.0), 0.99)
    independent = count * (1 - likeness) / (1 + likeness)
    if count < MIN_STRETCHES or independent < MIN_INDEPENDENT:
        return Trend(slope, -np.inf, np.inf, count, independent)
    error = np.sqrt(power / (independent - 2) / weight)
    reach = float(stats.t.ppf(0.975, independent - 2) * error)
    return Trend(slope, slope - reach, slope + reach, count, independent)


def _stretches(seconds: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Middle time and median value of each stretch that holds a sample."""
    if (
        len(seconds) != len(values)
        or len(seconds) < 2
        or not (np.isfinite(seconds).all() and np.isfinite(values).all())
    ):
        raise ValueError(f"needs at least 2 finite samples, one time each: {len(seconds)} times, {len(values)} values")
    span = float(np.ptp(seconds))
    if span <= 0:
        raise ValueError(f"all {len(seconds)} samples were taken at the same time")
    count = min(STRETCHES, len(seconds))
    place = np.minimum(((seconds - seconds.min()) / span * count).astype(np.int64), count - 1)
    held = np.unique(place)
    middle = np.array([np.median(values[place == one]) for one in held])
    at = np.array([seconds[place == one].mean() for one in held])
    return at, middle

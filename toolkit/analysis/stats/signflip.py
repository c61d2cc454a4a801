"""The sign-flip test of paired log ratios, counted exactly, and its inversion into an interval.

Every block votes with the sign of its log ratio; the weight of its vote is its rank by size, but at most the middle
rank: weights 1, 2, ..., n//2, n//2, ..., n//2. Why these and not

- the mean: one disturbed block moves it without limit, and the interval with it;
- the plain ranks (Wilcoxon): at n = 10 one such block still pulls an end of the interval half-way to itself. With
  the cap, from n = 9 on no single block can: its weight is at most what the other side may have at p = 0.05;
- the signs alone (sign test): at n = 8 the interval is the whole range of the data, and small effects go unseen.

Simulated at n = 10 with 1.5% noise and 2% of trials losing a fifth, equal arms are found equivalent in 96% of cases
with these weights, 76% with Wilcoxon's, 89% with signs. The price is an interval about 8% wider than Wilcoxon's on
clean data. At n = 8 the weights give Wilcoxon's own critical values. (Hettmansperger & McKean, Robust Nonparametric
Statistical Methods, treat such general signed-rank scores and the intervals made by inverting them.)

Ranks have a second merit. All 2^n flips give the same weights at every point, so the distribution under the null
hypothesis depends on n alone and is counted once, exactly, for every n: no random flips and no Monte Carlo error.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@lru_cache
def weights(n: int) -> Ints:
    """The weight of a block's vote, by the rank of the size of its log ratio."""
    return np.minimum(np.arange(1, n + 1), max(1, n // 2)).astype(np.int64)


@lru_cache
def p_by_weight(n: int) -> Floats:
    """Two-sided p of the votes of the lighter side weighing t in all, for t = 0, 1, ...: 2 P(T <= t), at most 1."""
    share = np.ones(1)
    for weight in weights(n):  # each block falls on the one side or on the other, with equal chance
        grown = np.zeros(len(share) + weight)
        grown[: len(share)] += share / 2
        grown[weight:] += share / 2
        share = grown
    return np.minimum(1.0, 2 * np.cumsum(share))


def critical_weight(p_values: Floats, significance: float) -> int:
    """The largest weight of the lighter side with p <= significance; -1 where no p is so small."""
    return int(np.searchsorted(p_values, significance * (1 + 1e-12), side="right")) - 1


def lighter_weight(rows: Floats) -> Ints:
    """For each row, the weight of its lighter side of zero. Zeros and ties count against rejecting."""
    return np.minimum(_weight_below(_descending(rows)), _weight_below(_descending(-rows)))


def interval_ends(rows: Floats, critical: int) -> tuple[Floats, Floats]:
    """For each row the interval of all shifts that the test does not reject; infinite where `critical` is negative."""
    if critical < 0:
        unbounded = np.full(len(rows), np.inf)
        return -unbounded, unbounded
    return _low_end(rows, critical), -_low_end(-rows, critical)


def _low_end(rows: Floats, critical: int) -> Floats:
    # With a growing shift, the weight at or below it only grows, in steps at the means of two blocks (where a sign or
    # a rank changes): find the first such mean from which on the weight is no longer critical. The search tests
    # shifts between means, where nothing ties.
    data = _descending(rows)
    first, second = np.triu_indices(rows.shape[1])
    means = np.sort((data[:, first] + data[:, second]) / 2, axis=1)
    last = means.shape[1] - 1
    low, high = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), last, dtype=np.int64)
    index = np.arange(len(rows))
    while (low < high).any():
        middle = (low + high) // 2
        shift = (means[index, middle] + means[index, np.minimum(middle + 1, last)]) / 2
        enough = _weight_below(data - shift[:, None]) > critical
        high, low = np.where(enough, middle, high), np.where(enough, low, np.minimum(middle + 1, high))
    return np.asarray(means[index, low], dtype=np.float64)


def _descending(rows: Floats) -> Floats:
    return -np.sort(-rows, axis=1)


def _weight_below(descending: Floats) -> Ints:
    """Weight of the values at or below zero; the stable sort gives them the heavier rank among equals."""
    order = np.argsort(np.abs(descending), axis=1, kind="stable")
    below = np.take_along_axis(descending, order, axis=1) <= 0
    return np.asarray(below @ weights(descending.shape[1]), dtype=np.int64)

"""Two campaigns measured one after the other: there are no shared blocks, so trials are permuted between them.

The statistic is the number of pairs in which the new figure is the larger one (Mann & Whitney 1947), counted exactly;
the ratio is the median over all such pairs and the interval the test inverted (Hodges & Lehmann 1963). It cannot know
whether the machine changed in between: label it "machine drift not excluded", and never let it feed a gate.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from toolkit.analysis.stats.bootstrap import resampled_medians
from toolkit.analysis.stats.paired import CALIBRATION_ROWS, SEED, Estimate
from toolkit.analysis.stats.signflip import Floats, critical_weight
from toolkit.analysis.stats.student import POWER
from toolkit.analysis.stats.verdict_rule import SIGNIFICANCE

BOOTSTRAP_DRAWS = 4000


def unpaired_estimate(new: Floats, old: Floats, *, family_size: int = 1) -> Estimate:
    """new/old from the logarithms of figures of two campaigns; `n` is the smaller number of trials.

    Raises ValueError where a side has no figure or one that is not finite.
    """
    if not (len(new) and len(old) and np.isfinite(new).all() and np.isfinite(old).all()):
        raise ValueError(f"needs at least one figure on either side, all finite: {new!r}, {old!r}")
    differences = np.sort((new[:, None] - old[None, :]).ravel())
    p_values = p_by_count(len(new), len(old))
    fewer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    low, high = _ends(differences, critical_weight(p_values, SIGNIFICANCE))
    random = np.random.default_rng(SEED)
    medians = resampled_medians(new, BOOTSTRAP_DRAWS, random) - resampled_medians(old, BOOTSTRAP_DRAWS, random)
    boot_low, boot_high = np.quantile(medians, [0.025, 0.975])
    effect = (high - low) / 2 * _detectable_shift(len(new), len(old), family_size) if np.isfinite(high) else np.inf
    return Estimate(
        ratio=float(np.exp(np.median(differences))),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        p=float(p_values[fewer]),
        n=min(len(new), len(old)),
        bootstrap_low=float(np.exp(boot_low)),
        bootstrap_high=float(np.exp(boot_high)),
        smallest_effect=float(np.expm1(effect)),
        method="permutation",
    )


@cache
def p_by_count(new: int, old: int) -> Floats:
    """Two-sided p by the number of pairs in favour of the rarer side, over all ways to divide the trials in two."""
    return np.minimum(1.0, 2 * np.cumsum(_probabilities(min(new, old), max(new, old))))


def _probabilities(fewer: int, more: int) -> Floats:
    """The distribution of the number of pairs won, 0 to fewer * more.

    It is the Gaussian binomial coefficient as a polynomial of the pairs won, the product over i of
    (1 - q^(more+i)) / (1 - q^i). One factor after the other is multiplied in, so that the time grows with
    fewer * fewer * more; a recursion over all smaller numbers of trials takes minutes at 200. Only the lower half is
    calculated, where every coefficient depends on smaller ones alone; the upper half mirrors it.
    """
    size = fewer * more + 1
    lower = np.zeros((size + 1) // 2)
    lower[0] = 1.0
    for i in range(1, fewer + 1):
        factor = lower.copy()
        factor[more + i :] -= lower[: max(0, len(lower) - more - i)]
        padded = np.concatenate([factor, np.zeros(-len(lower) % i)])
        lower = padded.reshape(-1, i).cumsum(axis=0).ravel()[: len(lower)] * (i / (more + i))
    return np.concatenate([lower, lower[: size - len(lower)][::-1]])


def _ends(sorted_differences: Floats, critical: int) -> tuple[float, float]:
    if critical < 0:
        return -np.inf, np.inf
    return float(sorted_differences[critical]), float(sorted_differences[-1 - critical])


@cache
def _detectable_shift(new: int, old: int, family_size: int) -> float:
    """As `paired.detectable_shift`: the shift found in 80% of cases, in half-widths of the 95% interval."""
    by_count = p_by_count(new, old)
    strictest = critical_weight(by_count, SIGNIFICANCE / family_size)
    if strictest < 0:
        return float("inf")
    critical = critical_weight(by_count, SIGNIFICANCE)
    ends = _null_differences(new, old, (strictest, critical, new * old - 1 - critical))
    half_width = np.median(ends[:, 2] - ends[:, 1]) / 2
    return float(np.quantile(-ends[:, 0], POWER) / half_width)


def _null_differences(new: int, old: int, ranks: tuple[int, ...]) -> Floats:
    """For each of CALIBRATION_ROWS // 4 simulated pairs of equal campaigns, the differences of these ranks."""
    random = np.random.default_rng(SEED)
    rows = CALIBRATION_ROWS // 4
    left, right = random.standard_normal((rows, new)), random.standard_normal((rows, old))
    found = np.empty((rows, len(ranks)))
    for row in range(rows):  # one at a time: all at once would hold rows * new * old differences
        differences = (left[row, :, None] - right[row, None, :]).ravel()
        found[row] = np.partition(differences, sorted(set(ranks)))[list(ranks)]
    return found

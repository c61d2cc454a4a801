"""Student's t over blocks: mean log ratio, interval and p from the few blocks of a quick run.

The log ratio of a block is already a mean over many windows, so it is close to normal; with 3 to 7 blocks no test that
makes no such assumption can give a 95% interval. `gilfree selftest simulate` shows how often these intervals are right.
"""

from __future__ import annotations

import numpy as np
from scipy.special import nctdtrinc, stdtr, stdtrit  # type: ignore[import-untyped]

from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.verdict_rule import SIGNIFICANCE

POWER = 0.80


def t_intervals(data: Floats) -> tuple[Floats, Floats, Floats]:
    """For each row of at least 2 log ratios the ends of its 95% interval (as logs) and two-sided p."""
    n = data.shape[1]
    mean, error = data.mean(axis=1), data.std(axis=1, ddof=1) / np.sqrt(n)
    margin = float(stdtrit(n - 1, 1 - SIGNIFICANCE / 2)) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(mean == 0, 0.0, np.abs(mean) / error)
    return mean - margin, mean + margin, np.asarray(2 * stdtr(n - 1, -score))


def detectable_in_half_widths(n: int, family_size: int) -> float:
    """The shift found in 80% of cases at Holm's strictest step, in half-widths of the 95% interval of blocks that have the
    standard deviation of their noise.
    """
    strictest = stdtrit(n - 1, 1 - SIGNIFICANCE / family_size / 2)
    return float(nctdtrinc(n - 1, 1 - POWER, strictest) / stdtrit(n - 1, 1 - SIGNIFICANCE / 2))


def t_half_width(log_ratios: Floats) -> float:
    """Half the width of the 95% interval of one row, as a log ratio; infinite below 2 blocks."""
    if len(log_ratios) < 2:
        return float("inf")
    low, high, _ = t_intervals(np.asarray(log_ratios, dtype=np.float64)[None, :])
    return float(high[0] - low[0]) / 2

"""Shares of trials: how often an arm fails, with an exact interval, and whether two arms fail equally often.

A failure is counted, not measured, so its share has the binomial distribution: the interval is the one of Clopper and
Pearson (1934), which covers the truth in at least 95% of cases whatever the share, and two arms are compared with
Fisher's exact test (1935).
"""

from __future__ import annotations

from math import comb

from toolkit.analysis.stats.verdict_rule import SIGNIFICANCE


def clopper_pearson(events: int, trials: int, significance: float = SIGNIFICANCE) -> tuple[float, float]:
    """The exact interval of the probability of an event that happened in `events` of `trials`; 0 to 1 without trials.

    significance: 0.05 gives the 95% interval. Raises ValueError unless 0 <= events <= trials.
    """
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events in {trials} trials: need 0 <= events <= trials")
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    half = significance / 2
    low = float(betaincinv(events, trials - events + 1, half)) if events else 0.0
    high = float(betaincinv(events + 1, trials - events, 1 - half)) if events < trials else 1.0
    return low, high


def fisher_p(events: int, trials: int, other_events: int, other_trials: int) -> float:
    """Two-sided p of Fisher's exact test that an event is equally likely on both sides: the sum over all tables with the
    same margins that are at most as likely as this one. 1 where a side has no trials.

    Raises ValueError unless 0 <= events <= trials on both sides.
    """
    if not (0 <= events <= trials and 0 <= other_events <= other_trials):
        raise ValueError(f"{events} of {trials} and {other_events} of {other_trials}: need 0 <= events <= trials")
    both = events + other_events
    ways = {
        here: comb(trials, here) * comb(other_trials, both - here)
        for here in range(max(0, both - other_trials), min(trials, both) + 1)
    }
    return sum(way for way in ways.values() if way <= ways[events]) / comb(trials + other_trials, both)

"""Simulated campaigns in which an arm fails by itself: is its failure rate estimated well, and is it never called better?

Where the candidate's trials count it is truly faster and smaller: its lucky trials alone would make it the better choice.
What is drawn goes through the code that judges real campaigns: the interval of the rate, the verdicts on the blocks in
which both arms counted, and the choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.analysis.decision import Choice, choose
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.paired import intervals
from toolkit.analysis.stats.proportions import clopper_pearson
from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.verdicts import VERDICTS, holm, verdict_codes
from toolkit.selftest.simulate import MAX_FALSE, slack

RATIOS = {"requests_per_second": 1.10, "memory_mb": 0.90}
"""Candidate / baseline in the trials that count."""

NOISE = 0.02
BLOCKS = (10, 20)
RATES = ((0.10, 0.0), (0.40, 0.0), (0.10, 0.10), (0.40, 0.40))
"""The true failure rates of candidate and baseline."""

MIN_RATE_COVERAGE = 0.95
"""The nominal coverage of the interval of a failure rate."""


@dataclass(frozen=True)
class FailureRow:
    """The results for one pair of true failure rates, as shares of campaigns.

    coverage: the interval holds the candidate's true rate. better_though_failed: an arm is the better choice although it
    failed in that campaign. candidate_better: the candidate is the better choice, which takes a campaign without a
    failure of it; with few blocks there are such. baseline_better: the choice is the baseline. false_difference: one
    arm is said to fail less although both fail equally often. broken: the promises that these results break.
    """

    candidate_rate: float
    baseline_rate: float
    blocks: int
    coverage: float
    better_though_failed: float
    candidate_better: float
    baseline_better: float
    false_difference: float
    broken: tuple[str, ...]


def simulate_failures(campaigns: int, seed: int) -> Iterator[FailureRow]:
    """A row for each pair of failure rates and number of blocks. The same seed gives the same rows."""
    for place, (rates, blocks) in enumerate((rates, blocks) for blocks in BLOCKS for rates in RATES):
        yield failure_row(*rates, blocks, campaigns, np.random.default_rng([seed, 10_000 + place]))


def failure_row(
    candidate_rate: float, baseline_rate: float, blocks: int, campaigns: int, random: np.random.Generator
) -> FailureRow:
    """Simulate `campaigns` campaigns of `blocks` blocks in which the arms fail by themselves at these rates."""
    covered = though_failed = candidate_better = baseline_better = false_difference = 0
    for _ in range(campaigns):
        failed = random.random((2, blocks)) < np.array([[candidate_rate], [baseline_rate]])
        candidate, baseline = (_rate(name, row) for name, row in zip(("candidate", "baseline"), failed, strict=True))
        choice = _choice(candidate, baseline, int((~failed.any(axis=0)).sum()), random)
        covered += candidate.low <= candidate_rate <= candidate.high
        chosen = {"candidate": candidate, "baseline": baseline}.get(choice.side)
        though_failed += chosen is not None and chosen.failed > 0
        candidate_better += choice.side == "candidate"
        baseline_better += choice.side == "baseline"
        false_difference += choice.reason == "fails less" and candidate_rate == baseline_rate
    shares = (covered, though_failed, candidate_better, baseline_better, false_difference)
    coverage, lucky, better, other, false = (count / campaigns for count in shares)
    promises = {
        f"the rate's interval covers at least {MIN_RATE_COVERAGE:.0%}": coverage
        >= MIN_RATE_COVERAGE - slack(MIN_RATE_COVERAGE, campaigns),
        "no arm that failed is the better choice": lucky == 0,
        f"false differences in at most {MAX_FALSE:.0%}": false <= MAX_FALSE + slack(MAX_FALSE, campaigns),
    }
    broken = tuple(promise for promise, kept in promises.items() if not kept)
    return FailureRow(candidate_rate, baseline_rate, blocks, coverage, lucky, better, other, false, broken)


def _rate(arm: str, failed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> FailureRate:
    count, blocks = int(failed.sum()), len(failed)
    low, high = clopper_pearson(count, blocks)
    return FailureRate("simulated", arm, arm, count, blocks, low, high, {"stalled": count} if count else {})


def _choice(candidate: FailureRate, baseline: FailureRate, blocks: int, random: np.random.Generator) -> Choice:
    """The choice from the blocks in which both arms counted; without one nothing is measured."""
    if not blocks:
        return choose((), baseline, candidate)
    means = np.log(np.array(list(RATIOS.values())))[:, None]
    data: Floats = random.normal(means, NOISE, (len(RATIOS), blocks))
    low, high, p = intervals(data)
    holm_p = holm(p)
    codes = verdict_codes(low, high, holm_p, blocks)
    family = tuple(
        MetricComparison(
            metric=metric, n=blocks, baseline=1.0, candidate=float(np.exp(np.median(row))),
            ratio=float(np.exp(np.median(row))), low=float(np.exp(low[i])), high=float(np.exp(high[i])), p=float(p[i]),
            holm_p=float(holm_p[i]), smallest_effect=None, bootstrap_low=None, bootstrap_high=None,
            verdict=VERDICTS[codes[i]],
        )
        for i, (metric, row) in enumerate(zip(RATIOS, data, strict=True))
    )  # fmt: skip
    return choose(family, baseline, candidate)

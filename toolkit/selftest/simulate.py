"""Simulated campaigns with a known truth: does the method of judging keep its promises?

Each simulated campaign is one point with a family of metrics, each metric at the same true ratio (equal and independent
noise: the hardest case for a family). Block by block both arms are measured in random order, each with noise
of its own, on a machine that may drift; everything after the log ratios is the code that judges real campaigns. The
same seed gives the same table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.analysis.stats.paired import intervals
from toolkit.analysis.stats.signflip import Floats, Ints
from toolkit.analysis.stats.stopping import StoppingRule, short_of_verdict, too_wide
from toolkit.analysis.stats.verdict_rule import BAND
from toolkit.analysis.stats.verdicts import EQUIVALENT, HIGHER, INCONCLUSIVE, LOWER, holm, verdict_codes

Kind = Literal["quiet", "outliers", "drift", "many outliers", "one arm's outliers"]
KINDS: dict[Kind, str] = {
    "quiet": "normal noise only",
    "outliers": "2% of trials lose 20% on average (exponential)",
    "drift": "the machine slows down by 20% and wanders by 1% a trial",
    "many outliers": "5% of trials lose 20% on average",
    "one arm's outliers": "4% of the candidate's trials lose 20% on average, none of the baseline's",
}
PROMISED_KINDS: tuple[Kind, ...] = ("quiet", "outliers", "drift")
RATIOS = (1.00, 1.02, 1.05, 0.80)
NOISES = (0.01, 0.015, 0.02, 0.03, 0.05, 0.10)
FAMILY = 4
BLOCKS = 10
QUIET_NOISE = 0.015
FULL_CAMPAIGNS = 2000
"""From this many campaigns of each kind on the limits apply exactly; with fewer, three standard errors more are allowed."""

MIN_COVERAGE = 0.93
MAX_FALSE = 0.05
MIN_EQUIVALENT = 0.90
MAX_TRIALS_SHARE = 0.5


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated campaign. `noise` is the standard deviation of a block's log ratio before outliers and drift."""

    ratio: float
    noise: float
    kind: Kind


@dataclass(frozen=True)
class Row:
    """The results for one truth, as shares: of intervals (coverage), of families (false), of metrics (the rest).

    A false verdict names a direction that is not the true one, or equivalence beyond the band. `found`: the true
    direction was named. `blocks`: the mean number used. `plan`: judged once, or after every block. `broken`: the
    promises that these results break.
    """

    plan: Literal["fixed", "early stopping"]
    ratio: float
    noise: float
    kind: Kind
    coverage: float
    false: float
    found: float
    equivalent: float
    inconclusive: float
    blocks: float
    broken: tuple[str, ...]


def simulate(campaigns: int, seed: int, *, rule: StoppingRule | None = None) -> Iterator[Row]:
    """All rows of the table, in order: every truth with a fixed number of blocks, then every truth stopped early.

    campaigns: how many are simulated for each row. The same seed gives the same rows. Raises ValueError for less than
    one campaign.
    """
    if campaigns < 1:
        raise ValueError(f"{campaigns} campaigns: need at least 1")
    rule = rule or StoppingRule()
    truths = [Truth(ratio, noise, kind) for kind in KINDS for ratio in RATIOS for noise in NOISES]
    for place, truth in enumerate(truths):
        yield fixed(truth, campaigns, np.random.default_rng([seed, place]))
    for place, truth in enumerate(truths):
        yield stopped_early(truth, campaigns, np.random.default_rng([seed, len(truths) + place]), rule)


def fixed(truth: Truth, campaigns: int, random: np.random.Generator, blocks: int = BLOCKS) -> Row:
    """Every campaign runs `blocks` blocks and is judged once."""
    data = draw(truth, campaigns, blocks, random)
    low, high, p = (part.reshape(campaigns, FAMILY) for part in intervals(data.reshape(-1, blocks)))
    codes = verdict_codes(low, high, holm(p), blocks)
    return _row("fixed", truth, low, high, codes, float(blocks), blocks)


def stopped_early(truth: Truth, campaigns: int, random: np.random.Generator, rule: StoppingRule) -> Row:
    """Every campaign is judged after every block and stops by `rule`, as `stopping.stopping_decision` does."""
    data = draw(truth, campaigns, rule.limit, random)
    low, high = np.empty((campaigns, FAMILY)), np.empty((campaigns, FAMILY))
    codes = np.empty((campaigns, FAMILY), dtype=np.int64)
    blocks = np.empty(campaigns)
    running = np.arange(campaigns)
    for n in range(rule.first, rule.limit + 1):
        rows = data[running, :, :n].reshape(-1, n)
        lo, hi, p = (part.reshape(len(running), FAMILY) for part in intervals(rows, rule.procedure))
        go_on = (too_wide(lo, hi, rule) | short_of_verdict(lo, hi, p)).any(axis=1) & (n < rule.limit)
        done = running[~go_on]
        low[done], high[done], blocks[done] = lo[~go_on], hi[~go_on], n
        codes[done] = verdict_codes(lo[~go_on], hi[~go_on], holm(p[~go_on]), n)
        running = running[go_on]
        if not len(running):
            break
    return _row("early stopping", truth, low, high, codes, float(blocks.mean()), rule.limit)


def draw(truth: Truth, campaigns: int, blocks: int, random: np.random.Generator) -> Floats:
    """Log ratios, campaigns x metrics x blocks, from the figures of two arms measured one after the other."""
    shape = (campaigns, FAMILY, blocks, 2)
    logs = random.normal(0.0, truth.noise / np.sqrt(2), shape)  # the last axis: baseline, candidate
    chance = {"outliers": (0.02, 0.02), "many outliers": (0.05, 0.05), "one arm's outliers": (0.0, 0.04)}.get(
        truth.kind
    )
    if chance is not None:
        logs -= np.where(random.random(shape) < np.array(chance), random.exponential(0.20, shape), 0.0)
    if truth.kind == "drift":
        logs += _drift(campaigns, blocks, random)[:, None]
    logs[..., 1] += np.log(truth.ratio)
    return np.asarray(logs[..., 1] - logs[..., 0])


def _drift(campaigns: int, blocks: int, random: np.random.Generator) -> Floats:
    """The machine's effect on the logarithm of each trial, campaigns x blocks x arms; the order of the arms is random."""
    steps = random.normal(-0.20 / (2 * blocks), 0.01, (campaigns, 2 * blocks))
    path = steps.cumsum(axis=1).reshape(campaigns, blocks, 2)
    candidate_first = random.random((campaigns, blocks, 1)) < 0.5
    return np.where(candidate_first, path[:, :, ::-1], path)


def _row(
    plan: Literal["fixed", "early stopping"],
    truth: Truth,
    low: Floats,
    high: Floats,
    codes: Ints,
    blocks: float,
    limit: int,
) -> Row:
    target = np.log(truth.ratio)
    true_code = HIGHER if target > 0 else LOWER if target < 0 else INCONCLUSIVE
    false = ((codes == HIGHER) | (codes == LOWER)) & (codes != true_code)
    if not 1 - BAND <= truth.ratio <= 1 + BAND:
        false |= codes == EQUIVALENT
    coverage = float(((low <= target) & (target <= high)).mean())
    shares = {
        "coverage": coverage,
        "false": float(false.any(axis=1).mean()),
        "found": float((codes == true_code).mean()) if target else 0.0,
        "equivalent": float((codes == EQUIVALENT).mean()),
        "inconclusive": float((codes == INCONCLUSIVE).mean()),
    }
    return Row(
        plan=plan,
        ratio=truth.ratio,
        noise=truth.noise,
        kind=truth.kind,
        blocks=blocks,
        broken=_broken(plan, truth, shares, blocks, limit, len(codes)),
        **shares,
    )


def slack(limit: float, campaigns: int) -> float:
    """How far a share of `campaigns` may lie beyond its `limit` by chance."""
    return 0.0 if campaigns >= FULL_CAMPAIGNS else 3 * float(np.sqrt(limit * (1 - limit) / campaigns))


def _broken(
    plan: str, truth: Truth, shares: dict[str, float], blocks: float, limit: int, campaigns: int
) -> tuple[str, ...]:
    """The promises that a row breaks; none for kinds that are not in PROMISED_KINDS."""
    if truth.kind not in PROMISED_KINDS:
        return ()
    little_noise = truth.noise <= QUIET_NOISE
    promises = {
        f"coverage at least {MIN_COVERAGE:.0%}": shares["coverage"] >= MIN_COVERAGE - slack(MIN_COVERAGE, campaigns),
        f"false verdicts in at most {MAX_FALSE:.0%}": shares["false"] <= MAX_FALSE + slack(MAX_FALSE, campaigns),
        f"equivalent at least {MIN_EQUIVALENT:.0%}": (
            shares["equivalent"] >= MIN_EQUIVALENT - slack(MIN_EQUIVALENT, campaigns)
            or not (truth.ratio == 1 and little_noise and plan == "fixed")
        ),
        f"at most {MAX_TRIALS_SHARE:.0%} of the trials": (
            blocks <= MAX_TRIALS_SHARE * limit
            or not (plan == "early stopping" and truth.kind == "quiet" and little_noise)
        ),
    }
    return tuple(promise for promise, kept in promises.items() if not kept)

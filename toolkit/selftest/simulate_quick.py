"""Simulated quick runs with a known truth: do the intervals of a default `make bench` keep their promises?

A run has nine points, three at each of the block SDs that were measured in turns on a machine whose speed swings. A block
holds two quads (A B B A) of one-second windows; its log ratio is a fresh start's own deviation plus the mean over its
quads. Storms slow single windows down; where one is noticed its quad is dropped, and a block without a quad is run again. A
point is judged by the code that judges real campaigns, with its family of requests/s and memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.analysis.stats.paired import half_widths, intervals
from toolkit.analysis.stats.procedure import QUICK, Procedure, quick_with_budget
from toolkit.analysis.stats.signflip import Floats, Ints
from toolkit.analysis.stats.verdicts import HIGHER, INCONCLUSIVE, LOWER, holm, verdict_codes
from toolkit.selftest.simulate import MIN_COVERAGE, slack

Kind = Literal[
    "five rounds",
    "stopped by its budget",
    "widest first",
    "much time left",
    "storms noticed",
    "storms",
    "unnoticed storms",
]
KINDS: dict[Kind, str] = {
    "five rounds": "5 blocks at every point",
    "stopped by its budget": "3, 4 or 5 blocks, whatever they show",
    "widest first": "5 rounds, then 9 more blocks, each to the widest point",
    "much time left": "5 rounds, then 45 more blocks, each to the widest point (at most 20 at a point)",
    "storms noticed": "5% of windows lose 25% on average (exponential), all are noticed and their quads dropped",
    "storms": "the same, four of five are noticed; then 9 more blocks",
    "unnoticed storms": "the same, none is noticed",
}
RATIOS = (1.00, 0.95, 0.80)
BLOCK_NOISES = (0.018, 0.03, 0.047)
"""Standard deviations of a block's log ratio of requests/s, as measured in turns."""

START_NOISE = 0.015
"""What fresh starts add to a block; the rest of its deviation is that of its quads."""

MEMORY_NOISE = 0.005
POINTS_EACH, QUADS, ROUNDS, MOST_BLOCKS = 3, 2, 5, 20
STORM_SHARE, STORM_LOSS = 0.05, 0.25
NOTICED: dict[Kind, float] = {"storms noticed": 1.0, "storms": 0.8, "unnoticed storms": 0.0}
MORE_BLOCKS: dict[Kind, int] = {"widest first": 9, "much time left": 45, "storms": 9}
WITH_TIME_LEFT = quick_with_budget(MOST_BLOCKS)
MAX_FALSE_QUICK = 0.055


@dataclass(frozen=True)
class QuickRow:
    """The results at the points of one block SD: coverage of the intervals of requests/s and of memory, the share of families
    with a false verdict, the share of points whose true direction was found, the median half-width of requests/s, the mean
    number of blocks, and the promises that these results break.
    """

    kind: Kind
    ratio: float
    noise: float
    coverage: float
    memory_coverage: float
    false: float
    found: float
    half_width: float
    blocks: float
    broken: tuple[str, ...]


def simulate_quick(campaigns: int, seed: int) -> Iterator[QuickRow]:
    """The rows of every kind, ratio and block SD. campaigns: how many runs are simulated for each kind and ratio; the same
    seed gives the same rows.
    """
    for place, (kind, ratio) in enumerate((kind, ratio) for kind in KINDS for ratio in RATIOS):
        yield from quick_rows(kind, ratio, campaigns, np.random.default_rng([seed, 20_000 + place]))


def quick_rows(kind: Kind, ratio: float, campaigns: int, random: np.random.Generator) -> list[QuickRow]:
    """One row for each block SD. Both metrics have the true ratio `ratio`."""
    noises = np.repeat(np.array(BLOCK_NOISES), POINTS_EACH)
    most = MOST_BLOCKS if kind in MORE_BLOCKS else ROUNDS
    rate = draw_blocks(kind, noises, campaigns, most, random)
    memory = random.normal(0.0, MEMORY_NOISE, rate.shape)
    target = float(np.log(ratio))
    data = np.stack([rate, memory], axis=2) + target  # campaigns, points, metrics, blocks
    procedure = WITH_TIME_LEFT if kind in MORE_BLOCKS else QUICK
    low, high, p = judged_by_number(data, procedure)
    blocks = numbers_of_blocks(kind, half_widths(low[..., 0, :], high[..., 0, :]), random)
    chosen = [np.take_along_axis(one, blocks[:, :, None, None], axis=3)[..., 0] for one in (low, high, p)]
    return [
        _row(kind, ratio, noise, [one[:, noises == noise] for one in chosen], blocks[:, noises == noise])
        for noise in BLOCK_NOISES
    ]


def draw_blocks(kind: Kind, noises: Floats, campaigns: int, blocks: int, random: np.random.Generator) -> Floats:
    """Log ratios of requests/s without the effect: campaigns x points x blocks."""
    shape = (campaigns, len(noises), blocks)
    quad_noise = np.sqrt(QUADS * (noises**2 - START_NOISE**2))[None, :, None, None]
    starts = random.normal(0.0, START_NOISE, shape)
    found = starts + _mean_of_quads(kind, shape, quad_noise, random)
    while (lost := np.isnan(found)).any():  # every quad was dropped: the block is run again, with fresh starts
        again = random.normal(0.0, START_NOISE, shape) + _mean_of_quads(kind, shape, quad_noise, random)
        found = np.where(lost, again, found)
    return found


def _mean_of_quads(kind: Kind, shape: tuple[int, ...], noise: Floats, random: np.random.Generator) -> Floats:
    """The mean over the quads of a block that are kept; NaN where none is."""
    quads = random.normal(0.0, 1.0, (*shape, QUADS)) * noise
    if kind not in NOTICED:
        return np.asarray(quads.mean(axis=-1))
    windows = (*shape, QUADS, 4)
    storms = random.random(windows) < STORM_SHARE
    loss = np.where(storms, random.exponential(STORM_LOSS, windows), 0.0)
    signs = np.array(
        [0.5, -0.5, -0.5, 0.5]
    )  # baseline, candidate, candidate, baseline: a loss of the first raises the ratio
    quads = quads + (loss * signs).sum(axis=-1)
    noticed = (storms & (random.random(windows) < NOTICED[kind])).any(axis=-1)
    kept = (~noticed).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(noticed, 0.0, quads).sum(axis=-1) / np.where(kept, kept, np.nan))


def judged_by_number(data: Floats, procedure: Procedure) -> tuple[Floats, Floats, Floats]:
    """Ends of the intervals (as logs) and p of the first n blocks; the last axis is n, from 0 on."""
    *shape, most = data.shape
    low, high, p = (np.full((*shape, most + 1), fill) for fill in (-np.inf, np.inf, 1.0))
    for n in range(QUICK.min_blocks, most + 1):
        rows = data[..., :n].reshape(-1, n)
        low[..., n], high[..., n], p[..., n] = (part.reshape(shape) for part in intervals(rows, procedure))
    return low, high, p


def numbers_of_blocks(kind: Kind, widths: Floats, random: np.random.Generator) -> Ints:
    """How many blocks each point gets, campaigns x points. widths: half-widths of requests/s by number of blocks."""
    campaigns, points, numbers = widths.shape
    if kind == "stopped by its budget":
        return random.integers(QUICK.min_blocks, ROUNDS + 1, (campaigns, points))
    found = np.full((campaigns, points), ROUNDS, dtype=np.int64)
    rows = np.arange(campaigns)
    for _ in range(MORE_BLOCKS.get(kind, 0)):
        now = np.take_along_axis(widths, found[:, :, None], axis=2)[..., 0]
        widest = np.where(found < numbers - 1, now, -np.inf).argmax(axis=1)
        found[rows, widest] += 1
    return found


def _row(kind: Kind, ratio: float, noise: float, judged: list[Floats], blocks: Ints) -> QuickRow:
    low, high, p = judged
    target = float(np.log(ratio))
    codes = verdict_codes(low, high, holm(p), blocks[:, :, None], QUICK)
    true_code = HIGHER if target > 0 else LOWER if target < 0 else INCONCLUSIVE
    false = ((codes == HIGHER) | (codes == LOWER)) & (codes != true_code)
    covered = (low <= target) & (target <= high)
    coverage, memory_coverage = float(covered[..., 0].mean()), float(covered[..., 1].mean())
    share = float(false.any(axis=2).mean())
    families = codes.shape[0] * codes.shape[1]
    least = MIN_COVERAGE - slack(MIN_COVERAGE, families)
    promises = {
        f"coverage at least {MIN_COVERAGE:.0%}": min(coverage, memory_coverage) >= least,
        f"false verdicts in at most {MAX_FALSE_QUICK:.1%}": share <= MAX_FALSE_QUICK + slack(MAX_FALSE_QUICK, families),
    }
    return QuickRow(
        kind=kind,
        ratio=ratio,
        noise=noise,
        coverage=coverage,
        memory_coverage=memory_coverage,
        false=share,
        found=float((codes[..., 0] == true_code).mean()) if target else 0.0,
        half_width=float(np.expm1(np.median(half_widths(low[..., 0], high[..., 0])))),
        blocks=float(blocks.mean()),
        broken=tuple(promise for promise, kept in promises.items() if not kept),
    )

"""Claims judged by records: what a published statement comes to here.

A claim compares two cells. Cells of one point are compared inside a block; cells of different points (1 thread against
64) are paired by round, since a round visits every point before the next begins.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolkit.records.store import Record
from toolkit.scenario.model import Cell, Claim, Point, Scenario

if TYPE_CHECKING:
    from toolkit.analysis.stats import Looks

MIN_BLOCKS = 8
"""As `stats.MIN_BLOCKS`, so that what has too few blocks anyhow need not load numpy; a test keeps them equal."""

Blocks = Mapping[tuple[str, int], Sequence[Record]]
State = Literal["reproduced", "contradicted", "inconclusive", "not testable here", "not measured"]


@dataclass(frozen=True)
class Setting:
    """What a campaign ran on, as far as claims have preconditions on it."""

    series: str
    profile: str
    server_cpus: int


@dataclass(frozen=True)
class Judgement:
    """A claim, its median ratio over `blocks` pairs with its 95 % interval (None below 8), and what that makes of it."""

    claim: Claim
    ratio: float | None
    blocks: int
    state: State
    reason: str
    low: float | None = None
    high: float | None = None

    def words(self) -> str:
        """State and reason as they are printed."""
        if self.state == "inconclusive" and self.blocks < MIN_BLOCKS:
            return f"inconclusive ({self.blocks} block{'s' if self.blocks != 1 else ''})"
        return f"{self.state}: {self.reason}" if self.reason else self.state


def setting(scenario: Scenario, pair: Mapping[str, Any], server_cpus: int) -> Setting:
    """The setting of a campaign, from what campaign.json holds of its pair."""
    return Setting(str(pair.get("series", "")), str(pair.get("profile", "")), server_cpus)


def judge(claim: Claim, scenario: Scenario, blocks: Blocks, here: Setting, looks: Looks | None = None) -> Judgement:
    """What `blocks` (complete ones) say of a claim. Preconditions come first: untestable is not contradicted.

    `looks`: given for a campaign that stopped early, whose intervals must pay for the looking.
    """
    ratios = paired_ratios(claim, scenario, blocks)
    ratio = stdlib_statistics.median(ratios) if ratios else None
    obstacle = unmet(claim, here)
    if obstacle:
        return Judgement(claim, ratio, len(ratios), "not testable here", obstacle)
    if not ratios:
        return Judgement(claim, None, 0, "not measured", "no block holds both cells")
    if len(ratios) < MIN_BLOCKS:
        return Judgement(claim, ratio, len(ratios), "inconclusive", "")
    from toolkit.analysis import stats

    (estimate,) = stats.estimates([stats.log_ratios(ratios, [1.0] * len(ratios))], looks=looks)
    found = stats.judge_claim(estimate, claim.low, claim.high)
    low, high = (estimate.low, estimate.high) if estimate.bounded else (None, None)
    return Judgement(claim, estimate.ratio, estimate.n, found.outcome, found.reason, low, high)


def unmet(claim: Claim, here: Setting) -> str:
    """The preconditions of a claim that this campaign does not meet, in words; "" when it meets all."""
    needs, found = claim.requires, []
    if needs.series and here.series not in needs.series:
        found.append(f"it is about {' and '.join(needs.series)}, this is {here.series}")
    if here.server_cpus < needs.server_cpus_at_least:
        found.append(f"it needs {needs.server_cpus_at_least} server CPUs, there is {here.server_cpus}")
    if needs.release_build and here.profile == "fast":
        found.append("it needs release builds (PGO), these are fast ones")
    return "; ".join(found)


def paired_ratios(claim: Claim, scenario: Scenario, blocks: Blocks) -> list[float]:
    """The ratio of/against of every round that measured both cells."""
    of, against = (_by_round(cell, claim.metric, scenario.points(), blocks) for cell in (claim.of, claim.against))
    both = sorted(of.keys() & against.keys())
    return [of[index] / against[index] for index in both if of[index] > 0 and against[index] > 0]


def _by_round(cell: Cell, metric: str, points: Sequence[Point], blocks: Blocks) -> dict[int, float]:
    keys = {point.key for point in points if cell.matches(point)}
    found = {}
    for (key, index), records in blocks.items():
        for record in records:
            value = getattr(record.metrics, metric)
            if key in keys and record.role == cell.variant and value is not None:
                found[index] = value
    return found

"""Claims tested on records: whether a published statement is reproduced here.

A claim compares two cells. Cells of one point are compared inside a block; cells of different points (1 thread against
64) are paired by round, since a round visits every point before the next begins.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS, ClaimVerdict
from toolkit.records.store import Record
from toolkit.scenario.model import Cell, Claim, Point, Scenario

if TYPE_CHECKING:
    from toolkit.analysis.stats.interim import InterimAnalyses

Blocks = Mapping[tuple[str, int], Sequence[Record]]
State = ClaimVerdict | Literal["not testable here", "not measured"]


@dataclass(frozen=True)
class Conditions:
    """What a campaign ran on, as far as claims have preconditions on it: `series` 3.14, `profile` fast or release."""

    series: str
    profile: str
    server_cpus: int


@dataclass(frozen=True)
class UnmetPrecondition:
    """One precondition that a campaign does not meet: what the claim `needs`, and what the campaign has."""

    kind: Literal["series", "server_cpus", "release_build"]
    needs: tuple[str, ...] | int | None = None
    has: str | int | None = None


@dataclass(frozen=True)
class ClaimResult:
    """A claim, its median ratio over `blocks` pairs with its 95 % interval (None below 8 blocks), and the conclusion.

    `unmet`: the preconditions that make a claim `not testable here`, empty in every other state.
    """

    claim: Claim
    ratio: float | None
    blocks: int
    state: State
    unmet: tuple[UnmetPrecondition, ...] = ()
    low: float | None = None
    high: float | None = None


def conditions(pair: Mapping[str, Any], server_cpus: int) -> Conditions:
    """The conditions of a campaign, from its pair of interpreters as campaign.json holds it."""
    return Conditions(str(pair.get("series", "")), str(pair.get("profile", "")), server_cpus)


def assess(
    claim: Claim, scenario: Scenario, blocks: Blocks, here: Conditions, interim: InterimAnalyses | None = None
) -> ClaimResult:
    """The result of a claim on complete `blocks`. Preconditions come first: untestable is not contradicted.

    `interim`: given for a campaign that stopped early, whose intervals are corrected for the interim analyses.
    """
    ratios = paired_ratios(claim, scenario, blocks)
    ratio = stdlib_statistics.median(ratios) if ratios else None
    unmet = unmet_preconditions(claim, here)
    if unmet:
        return ClaimResult(claim, ratio, len(ratios), "not testable here", unmet)
    if not ratios:
        return ClaimResult(claim, None, 0, "not measured")
    if len(ratios) < MIN_BLOCKS:
        return ClaimResult(claim, ratio, len(ratios), "inconclusive")
    from toolkit.analysis.stats.paired import estimates, log_ratios
    from toolkit.analysis.stats.verdicts import claim_verdict

    (estimate,) = estimates([log_ratios(ratios, [1.0] * len(ratios))], interim=interim)
    state = claim_verdict(estimate, claim.low, claim.high)
    low, high = (estimate.low, estimate.high) if estimate.bounded else (None, None)
    return ClaimResult(claim, estimate.ratio, estimate.n, state, (), low, high)


def unmet_preconditions(claim: Claim, here: Conditions) -> tuple[UnmetPrecondition, ...]:
    """The preconditions of a claim that a campaign does not meet; empty when it meets all."""
    requires = claim.requires
    unmet = []
    if requires.series and here.series not in requires.series:
        unmet.append(UnmetPrecondition("series", tuple(requires.series), here.series))
    if here.server_cpus < requires.server_cpus_at_least:
        unmet.append(UnmetPrecondition("server_cpus", requires.server_cpus_at_least, here.server_cpus))
    if requires.release_build and here.profile == "fast":
        unmet.append(UnmetPrecondition("release_build"))
    return tuple(unmet)


def paired_ratios(claim: Claim, scenario: Scenario, blocks: Blocks) -> list[float]:
    """The ratio of/against of every round that measured both cells."""
    of, against = (_by_round(cell, claim.metric, scenario.points(), blocks) for cell in (claim.of, claim.against))
    both = sorted(of.keys() & against.keys())
    return [of[index] / against[index] for index in both if of[index] > 0 and against[index] > 0]


def _by_round(cell: Cell, metric: str, points: Sequence[Point], blocks: Blocks) -> dict[int, float]:
    keys = {point.key for point in points if cell.matches(point)}
    figures = {}
    for (key, index), records in blocks.items():
        for record in records:
            value = getattr(record.metrics, metric)
            if key in keys and record.role == cell.variant and value is not None:
                figures[index] = value
    return figures

"""Claims tested on records: whether a published statement is reproduced here.

A claim compares two cells. Cells of one point are compared inside a block; cells of different points (1 thread against
64) are paired by round, since a round visits every point before the next begins, where one machine ran both.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from toolkit.analysis.best import machine_of
from toolkit.analysis.failures import FailureRate, Rates
from toolkit.analysis.stats.procedure import FULL, Procedure
from toolkit.analysis.stats.verdict_rule import ClaimVerdict
from toolkit.records.store import Record
from toolkit.scenario.model import Cell, Claim, Point, Scenario

Blocks = Mapping[tuple[str, int], Sequence[Record]]
Caveat = Literal["", "fast", "unknown"]
State = ClaimVerdict | Literal["not testable here", "not measured"]


@dataclass(frozen=True)
class Conditions:
    """What a campaign ran on, as far as claims depend on it: `series` 3.14, `profile` of the builds (fast, release,
    upstream or unknown).
    """

    series: str
    profile: str
    server_cpus: int


@dataclass(frozen=True)
class UnmetPrecondition:
    """One precondition that a campaign does not meet: what the claim `needs`, and what the campaign has."""

    kind: Literal["series", "server_cpus", "constant_rate"]
    needs: tuple[str, ...] | int | None = None
    has: str | int | None = None


@dataclass(frozen=True)
class ClaimResult:
    """A claim, its ratio over `blocks` pairs with its 95% interval (None where so few allow none), and the conclusion.

    `unmet`: the preconditions that make a claim `not testable here`, empty in every other state. `caveat`: what the build
    does to the claim: `fast` (built without PGO and LTO), `unknown` (nobody knows how), or "" for release builds. A claim
    is about a ratio of two figures of such builds, so it is judged nevertheless. `separated`: rounds that are not used,
    since different machines ran the two cells. `failures`: the failure rates of both cells; where one fails often, the
    claim is inconclusive. `procedure`: what judged it.
    """

    claim: Claim
    ratio: float | None
    blocks: int
    state: State
    unmet: tuple[UnmetPrecondition, ...] = ()
    low: float | None = None
    high: float | None = None
    caveat: Caveat = ""
    separated: int = 0
    failures: tuple[FailureRate, ...] = ()
    procedure: Procedure = FULL

    @property
    def quick(self) -> bool:
        """Whether the claim was judged by the interval of a quick run."""
        return self.procedure.quick and self.low is not None

    @property
    def too_few(self) -> bool:
        """Whether more blocks are all that it takes to judge the claim."""
        return self.state == "inconclusive" and not self.failing and self.blocks < self.procedure.min_blocks

    @property
    def failing(self) -> FailureRate | None:
        """The cell that fails so often that the other trials decide nothing; None where there is none."""
        return next((one for one in self.failures if one.often), None)


def conditions(pair: Mapping[str, Any], server_cpus: int) -> Conditions:
    """The conditions of a campaign, from its pair of interpreters as campaign.json holds it."""
    return Conditions(str(pair.get("series", "")), str(pair.get("profile") or "unknown"), server_cpus)


def assess(
    claim: Claim,
    scenario: Scenario,
    blocks: Blocks,
    here: Conditions,
    procedure: Procedure = FULL,
    rates: Rates | None = None,
) -> ClaimResult:
    """The result of a claim on complete `blocks`. Preconditions come first: untestable is not contradicted.

    `procedure`: that of the campaign. `rates`: the failure rates of the campaign's main arms; None: no arm failed.
    """
    ratios, separated = _paired(claim, scenario, blocks)
    ratio = stdlib_statistics.median(ratios) if ratios else None
    unmet = unmet_preconditions(claim, here, scenario)
    caveat: Caveat = here.profile if here.profile in ("fast", "unknown") else ""  # type: ignore[assignment]
    failed = _failures(claim, scenario, rates or {})
    result = ClaimResult(
        claim,
        ratio,
        len(ratios),
        "inconclusive",
        unmet,
        caveat=caveat,
        separated=separated,
        failures=failed,
        procedure=procedure,
    )
    if unmet:
        return replace(result, state="not testable here")
    if result.failing:
        return result
    if not ratios:
        return replace(result, state="not measured")
    if len(ratios) < procedure.min_blocks:
        return result
    from toolkit.analysis.stats.paired import estimates, log_ratios
    from toolkit.analysis.stats.verdicts import claim_verdict

    (estimate,) = estimates([log_ratios(ratios, [1.0] * len(ratios))], procedure=procedure)
    state = claim_verdict(estimate, claim.low, claim.high, procedure)
    low, high = (estimate.low, estimate.high) if estimate.bounded else (None, None)
    return replace(result, ratio=estimate.ratio, blocks=estimate.n, state=state, low=low, high=high)


def unmet_preconditions(claim: Claim, here: Conditions, scenario: Scenario) -> tuple[UnmetPrecondition, ...]:
    """The preconditions of a claim that a campaign does not meet; empty when it meets all.

    The profile of the builds is none of them: it changes absolute figures, and both sides of a ratio alike.
    """
    requires = claim.requires
    unmet = []
    if requires.series and here.series not in requires.series:
        unmet.append(UnmetPrecondition("series", tuple(requires.series), here.series))
    if here.server_cpus < requires.server_cpus_at_least:
        unmet.append(UnmetPrecondition("server_cpus", requires.server_cpus_at_least, here.server_cpus))
    if claim.metric == "requests_per_second" and scenario.load.rate_rps is not None:
        unmet.append(UnmetPrecondition("constant_rate", has=scenario.load.rate_rps))
    return tuple(unmet)


def paired_ratios(claim: Claim, scenario: Scenario, blocks: Blocks) -> list[float]:
    """The ratio of/against of every round that measured both cells on one machine."""
    return _paired(claim, scenario, blocks)[0]


def _paired(claim: Claim, scenario: Scenario, blocks: Blocks) -> tuple[list[float], int]:
    """The ratios, and how many rounds measured the two cells on different machines."""
    of, against = (_by_round(cell, claim.metric, scenario.points(), blocks) for cell in (claim.of, claim.against))
    both = [index for index in sorted(of.keys() & against.keys()) if of[index][0] > 0 and against[index][0] > 0]
    kept = [index for index in both if of[index][1] == against[index][1]]
    return [of[index][0] / against[index][0] for index in kept], len(both) - len(kept)


def _failures(claim: Claim, scenario: Scenario, rates: Rates) -> tuple[FailureRate, ...]:
    """The failure rates of the two cells, where a trial failed."""
    cells = {
        (point.key, cell.variant)
        for cell in (claim.of, claim.against)
        for point in scenario.points()
        if cell.matches(point)
    }
    return tuple(rate for rate in rates.values() if rate.failed and (rate.key, rate.role) in cells)


def _by_round(cell: Cell, metric: str, points: Sequence[Point], blocks: Blocks) -> dict[int, tuple[float, str]]:
    """By round the figure of a cell and the machine that ran it."""
    keys = {point.key for point in points if cell.matches(point)}
    figures = {}
    for (key, index), records in blocks.items():
        for record in records:
            value = getattr(record.metrics, metric)
            if key in keys and record.role == cell.variant and value is not None:
                figures[index] = (value, machine_of(record))
    return figures

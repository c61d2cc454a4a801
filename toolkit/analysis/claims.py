"""Claims tested on records: whether a published statement is reproduced here.

A claim compares two cells. Cells of one point are compared inside a block; cells of different points (1 thread against
64) are paired by round, since a round visits every point before the next begins, where one machine ran both.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from toolkit.analysis.attribution.direction import Doubt, direction_of, judge_direction
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
    upstream or unknown). `shared_cpus`: whether the load generator ran on the server's CPUs.
    """

    series: str
    profile: str
    server_cpus: int
    shared_cpus: bool = False


@dataclass(frozen=True)
class UnmetPrecondition:
    """One precondition that a campaign does not meet: what the claim `needs`, and what the campaign has."""

    kind: Literal["series", "server_cpus", "constant_rate", "no_direction"]
    needs: tuple[str, ...] | int | None = None
    has: str | int | None = None


@dataclass(frozen=True)
class ClaimResult:
    """A claim, its ratio over `blocks` pairs with its 95% interval (None where so few allow none), and the conclusion.

    `unmet`: the preconditions that make a claim `not testable here`, empty in every other state. `caveat`: what the build
    does to the claim: `fast` (built without PGO and LTO), `unknown` (nobody knows how), or "" for release builds. A claim
    is about a ratio of two figures of such builds, so it is judged nevertheless. `separated`: rounds that are not used,
    since different machines ran the two cells. `failures`: the failure rates of both cells; where one fails often, the
    claim is inconclusive. `procedure`: what judged it. `directed`: only the direction was judged, since server and load
    generator shared CPUs; such a result has neither a ratio nor an interval, and `doubt` is why it is inconclusive.
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
    directed: bool = False
    doubt: Doubt = ""

    @property
    def quick(self) -> bool:
        """Whether the claim was judged by the interval of a quick run."""
        return self.procedure.quick and (self.low is not None or self.directed)

    @property
    def too_few(self) -> bool:
        """Whether more blocks are all that it takes to judge the claim."""
        return self.state == "inconclusive" and not self.failing and self.blocks < self.procedure.min_blocks

    @property
    def failing(self) -> FailureRate | None:
        """The cell that fails so often that the other trials decide nothing; None where there is none."""
        return next((one for one in self.failures if one.often), None)


def conditions(pair: Mapping[str, Any], server_cpus: int, shared_cpus: bool = False) -> Conditions:
    """The conditions of a campaign, from its pair of interpreters as campaign.json holds it."""
    return Conditions(str(pair.get("series", "")), str(pair.get("profile") or "unknown"), server_cpus, shared_cpus)


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
    if _directed(claim, here):
        result = replace(result, ratio=None, directed=True)
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
    if result.directed:
        cpu_seconds, _ = _paired(claim, scenario, blocks, "cpu_seconds_per_1000_requests")
        rows = [log_ratios(cpu_seconds, [1.0] * len(cpu_seconds))] if cpu_seconds else []
        cpu = next(iter(estimates(rows, procedure=procedure)), None)
        loader = _loader_share(claim, scenario, blocks, here.server_cpus)
        judged, doubt = judge_direction(claim, estimate, cpu, loader)
        return replace(result, blocks=estimate.n, state=judged, doubt=doubt)
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
    several = here.shared_cpus and here.server_cpus > 1  # a claim about several cores is judged by its direction then
    if here.server_cpus < requires.server_cpus_at_least and not several:
        unmet.append(UnmetPrecondition("server_cpus", requires.server_cpus_at_least, here.server_cpus))
    if claim.metric == "requests_per_second" and scenario.load.rate_rps is not None:
        unmet.append(UnmetPrecondition("constant_rate", has=scenario.load.rate_rps))
    if _directed(claim, here) and direction_of(claim) is None:
        unmet.append(UnmetPrecondition("no_direction"))
    return tuple(unmet)


def _directed(claim: Claim, here: Conditions) -> bool:
    """Whether only the direction of a claim can be judged: the loader's work is in all figures but memory."""
    return here.shared_cpus and claim.metric != "memory_mb"


def paired_ratios(claim: Claim, scenario: Scenario, blocks: Blocks) -> list[float]:
    """The ratio of/against of every round that measured both cells on one machine."""
    return _paired(claim, scenario, blocks)[0]


def _paired(claim: Claim, scenario: Scenario, blocks: Blocks, metric: str = "") -> tuple[list[float], int]:
    """The ratios of `metric` (the claim's own), and how many rounds measured the two cells on different machines."""
    of, against = (
        _by_round(cell, metric or claim.metric, scenario.points(), blocks) for cell in (claim.of, claim.against)
    )
    both = [index for index in sorted(of.keys() & against.keys()) if of[index][0] > 0 and against[index][0] > 0]
    kept = [index for index in both if of[index][1] == against[index][1]]
    return [of[index][0] / against[index][0] for index in kept], len(both) - len(kept)


def _loader_share(claim: Claim, scenario: Scenario, blocks: Blocks, cpus: int) -> float | None:
    """The largest share of the shared CPUs that the load generator took at one of the two cells; None where unknown."""
    used = [_by_round(cell, "loader_cpus_used", scenario.points(), blocks) for cell in (claim.of, claim.against)]
    medians = [stdlib_statistics.median(value for value, _ in found.values()) for found in used if found]
    return max(medians) / cpus if len(medians) == len(used) else None


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

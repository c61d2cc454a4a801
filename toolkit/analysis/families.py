"""Pairs of figures -> the primary family with its verdicts, and the descriptive figures. Shared by all comparisons.

All families go through `stats` in one call, which works on the rows of a thousand points at the cost of one.
"""

from __future__ import annotations

import math
import statistics as stdlib_statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolkit.analysis.stats.procedure import FULL, Method, Procedure
from toolkit.analysis.stats.verdict_rule import Verdict
from toolkit.records.store import Metrics
from toolkit.scenario.model import Scenario

if TYPE_CHECKING:
    from toolkit.analysis.stats.paired import Estimate
    from toolkit.analysis.stats.verdicts import HolmVerdict

PRIMARY = ("requests_per_second", "cpu_seconds_per_1000_requests", "memory_mb", "latency_p99_ms")
"""The metrics that get verdicts in a closed loop; p99 only where it was measured."""

PRIMARY_AT_CONSTANT_RATE = PRIMARY[1:]
"""The metrics that get verdicts where the load keeps a constant rate: requests/s is then set, not found."""


PRIMARY_QUICK = ("requests_per_second", "memory_mb")
"""The metrics that get verdicts in a quick run with a closed loop, in which a busy server's CPU time per request is its
requests/s again: a smaller family needs fewer blocks."""


def primary_metrics(scenario: Scenario, procedure: Procedure = FULL) -> tuple[str, ...]:
    """The metrics of a scenario that get verdicts; the first is the one by which the best setting is chosen."""
    if scenario.load.rate_rps is not None:
        return PRIMARY_AT_CONSTANT_RATE
    return PRIMARY_QUICK if procedure.quick else PRIMARY


def _per_cpu(one: Metrics) -> float | None:
    return one.requests_per_second / one.server_cpus_used if one.requests_per_second and one.server_cpus_used else None


def _per_gb(one: Metrics) -> float | None:
    return 1000 * one.requests_per_second / one.memory_mb if one.requests_per_second and one.memory_mb else None


DESCRIPTIVE: dict[str, Callable[[Metrics], float | None]] = {
    "cpu_seconds_per_1000_requests": lambda one: one.cpu_seconds_per_1000_requests,
    "latency_mean_ms": lambda one: one.latency_mean_ms,
    "requests_per_second_per_cpu_used": _per_cpu,
    "requests_per_second_per_gb": _per_gb,
    "rss_mb": lambda one: one.rss_mb,
    "uss_mb": lambda one: one.uss_mb,
    "working_set_mb": lambda one: one.working_set_mb,
}
RATE_IN_OTHER_WORDS = frozenset({"requests_per_second_per_cpu_used", "requests_per_second_per_gb"})
"""At a constant rate these are CPU per request and memory again, turned around and scaled by an input."""


@dataclass(frozen=True)
class MetricComparison:
    """One primary metric of a contrast. `baseline` and `candidate` are medians over the same `n` blocks.

    `low`..`high` is the 95% interval of `ratio`, None where so few blocks allow none; `method`: what gave it. `p` is before and `holm_p` after
    the correction for the family. `smallest_effect` (0.02: 2%) is what n blocks with this spread would have seen in
    80% of cases, None where they could not have seen any. The bootstrap interval is given for readers who expect it
    and decides nothing.
    """

    metric: str
    n: int
    baseline: float | None
    candidate: float | None
    ratio: float | None
    low: float | None
    high: float | None
    p: float | None
    holm_p: float | None
    smallest_effect: float | None
    bootstrap_low: float | None
    bootstrap_high: float | None
    verdict: Verdict
    method: Method = "sign-flip"

    @property
    def at_most(self) -> float | None:
        """By how much the arms differ at most (0.04: 4%), where a quick run shows no direction; None in any other case."""
        if self.method != "t" or self.verdict != "inconclusive" or self.low is None or self.high is None:
            return None
        return max(abs(self.low - 1), abs(self.high - 1))


@dataclass(frozen=True)
class DescriptiveFigure:
    """One figure of a contrast without a verdict: medians over `n` blocks, and the median of the ratios inside blocks."""

    metric: str
    n: int
    baseline: float | None
    candidate: float | None
    ratio: float | None


Pairs = Sequence[tuple[Metrics, Metrics]]
"""Baseline and candidate of each block."""


def primary_pairs(pairs: Pairs, primary: Sequence[str] = PRIMARY) -> dict[str, list[tuple[float, float]]]:
    """By metric of `primary`, baseline and candidate of each block that has both; a metric that no block has is omitted."""
    found = {name: _positive_pairs(pairs, lambda one, name=name: getattr(one, name, None)) for name in primary}  # type: ignore[misc]
    return {name: values for name, values in found.items() if values}


def log_ratios_by_metric(pairs: Pairs, primary: Sequence[str] = PRIMARY) -> dict[str, Any]:
    """By metric of `primary` the log ratios of all blocks, as arrays for `stats`."""
    return {name: _log_ratios(values) for name, values in primary_pairs(pairs, primary).items()}


def compare_families(
    groups: Sequence[Pairs],
    procedure: Procedure = FULL,
    *,
    primary: Sequence[str] = PRIMARY,
    withheld: Sequence[bool] = (),
) -> list[tuple[MetricComparison, ...]]:
    """The primary family of each group of blocks, in order; empty where there is no block.

    primary: the metrics of the family. withheld: for each group whether an arm fails so often that it gets no verdict;
    without any, none is.
    procedure: that of the campaign (see `stats.procedure`).
    """
    from toolkit.analysis.stats.paired import estimates
    from toolkit.analysis.stats.verdicts import family_verdicts

    families = [primary_pairs(pairs, primary) for pairs in groups]
    by_place: dict[tuple[int, str], Estimate] = {}
    for size in {len(family) for family in families} - {0}:
        places = [(i, name) for i, family in enumerate(families) if len(family) == size for name in family]
        rows = [_log_ratios(families[i][name]) for i, name in places]
        by_place.update(zip(places, estimates(rows, family_size=size, procedure=procedure), strict=True))
    compared = []
    for i, family in enumerate(families):
        verdicts = family_verdicts({name: by_place[i, name] for name in family}, procedure)
        if withheld and withheld[i]:
            verdicts = {name: replace(one, verdict="inconclusive") for name, one in verdicts.items()}
        compared.append(
            tuple(
                metric_comparison(
                    name,
                    [below for below, _ in values],
                    [above for _, above in values],
                    by_place[i, name],
                    verdicts[name],
                )
                for name, values in family.items()
            )
        )
    return compared


def metric_comparison(
    name: str, baseline: Sequence[float], candidate: Sequence[float], estimate: Estimate, verdict: HolmVerdict
) -> MetricComparison:
    """A metric with its estimate and verdict, infinities as None."""
    return MetricComparison(
        metric=name,
        n=estimate.n,
        baseline=stdlib_statistics.median(baseline),
        candidate=stdlib_statistics.median(candidate),
        ratio=estimate.ratio,
        low=estimate.low if estimate.bounded else None,
        high=estimate.high if estimate.bounded else None,
        p=estimate.p,
        holm_p=verdict.holm_p,
        smallest_effect=estimate.smallest_effect if math.isfinite(estimate.smallest_effect) else None,
        bootstrap_low=estimate.bootstrap_low,
        bootstrap_high=estimate.bootstrap_high,
        verdict=verdict.verdict,
        method=estimate.method,
    )


def descriptive_figures(pairs: Pairs, primary: Sequence[str] = PRIMARY) -> tuple[DescriptiveFigure, ...]:
    """The figures without a verdict; one that no block has is None with n = 0.

    primary: the metrics that get verdicts; where requests/s is not among them, figures that restate the rate are omitted.
    """
    figures = []
    for name, figure in DESCRIPTIVE.items():
        if name in primary or (name in RATE_IN_OTHER_WORDS and "requests_per_second" not in primary):
            continue
        values = _positive_pairs(pairs, figure)
        figures.append(
            DescriptiveFigure(
                name,
                len(values),
                stdlib_statistics.median(below for below, _ in values) if values else None,
                stdlib_statistics.median(above for _, above in values) if values else None,
                stdlib_statistics.median(above / below for below, above in values) if values else None,
            )
        )
    return tuple(figures)


def _log_ratios(values: Sequence[tuple[float, float]]) -> Any:
    from toolkit.analysis.stats.paired import log_ratios

    return log_ratios([above for _, above in values], [below for below, _ in values])


def _positive_pairs(pairs: Pairs, figure: Callable[[Metrics], float | None]) -> list[tuple[float, float]]:
    found = []
    for baseline, candidate in pairs:
        below, above = figure(baseline), figure(candidate)
        if below and above and below > 0 and above > 0:
            found.append((below, above))
    return found

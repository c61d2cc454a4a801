"""Pairs of figures -> the primary family, judged, and what is only described. Shared by all comparisons.

All families are worked out in one call of `stats`, since there the rows of a thousand points cost as much as one.
"""

from __future__ import annotations

import math
import statistics as stdlib_statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolkit.records.store import Metrics

if TYPE_CHECKING:
    from toolkit.analysis.stats import Estimate, Looks, StoppingRule, Verdict

PRIMARY = ("requests_per_second", "cpu_seconds_per_1000_requests", "memory_mb", "latency_p99_ms")
"""Judged as one family; p99 is there only where the load kept a constant rate (closed-loop latency is c/rps again)."""


Outcome = Literal["higher", "lower", "equivalent", "inconclusive"]


def _per_cpu(one: Metrics) -> float | None:
    return one.requests_per_second / one.server_cpus_used if one.requests_per_second and one.server_cpus_used else None


def _per_gb(one: Metrics) -> float | None:
    return 1000 * one.requests_per_second / one.memory_mb if one.requests_per_second and one.memory_mb else None


DESCRIPTIVE: dict[str, Callable[[Metrics], float | None]] = {
    "latency_mean_ms": lambda one: one.latency_mean_ms,
    "requests_per_second_per_cpu_used": _per_cpu,
    "requests_per_second_per_gb": _per_gb,
    "rss_mb": lambda one: one.rss_mb,
    "uss_mb": lambda one: one.uss_mb,
    "working_set_mb": lambda one: one.working_set_mb,
}


@dataclass(frozen=True)
class Judged:
    """One primary metric of a contrast. `baseline` and `candidate` are medians over the same `n` blocks.

    `ratio` with its 95 % interval `low`..`high` (None: so few blocks allow none); `p` before and `holm_p` after the
    correction for the family; `smallest_effect` (0.02: 2 %) is what n blocks with this spread would have seen in 80 %
    of cases. The bootstrap interval is shown beside and decides nothing.
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
    verdict: Outcome
    reason: str


@dataclass(frozen=True)
class Described:
    """One descriptive figure of a contrast: medians, and the median of the ratios inside blocks."""

    metric: str
    n: int
    baseline: float | None
    candidate: float | None
    ratio: float | None


Pairs = Sequence[tuple[Metrics, Metrics]]
"""Baseline and candidate of each block."""


def primary_pairs(pairs: Pairs) -> dict[str, list[tuple[float, float]]]:
    """By primary metric, baseline and candidate of each block that has both; a metric that no block has is left out."""
    found = {name: _both(pairs, lambda one, name=name: getattr(one, name, None)) for name in PRIMARY}  # type: ignore[misc]
    return {name: values for name, values in found.items() if values}


def log_rows(pairs: Pairs) -> dict[str, Any]:
    """By primary metric the log ratios of all blocks, as `stats` takes them."""
    from toolkit.analysis import stats

    return {
        name: stats.log_ratios([above for _, above in values], [below for below, _ in values])
        for name, values in primary_pairs(pairs).items()
    }


def judged(groups: Sequence[Pairs], looks: Looks | None = None) -> list[tuple[Judged, ...]]:
    """The judged family of each group of blocks, in order; empty where there is no block."""
    from toolkit.analysis import stats

    families = [primary_pairs(pairs) for pairs in groups]
    estimates: dict[tuple[int, str], Estimate] = {}
    for size in {len(family) for family in families} - {0}:
        places = [(i, name) for i, family in enumerate(families) if len(family) == size for name in family]
        rows = [
            stats.log_ratios([above for _, above in families[i][name]], [below for below, _ in families[i][name]])
            for i, name in places
        ]
        estimates.update(zip(places, stats.estimates(rows, family_size=size, looks=looks), strict=True))
    found = []
    for i, family in enumerate(families):
        verdicts = stats.judge({name: estimates[i, name] for name in family})
        found.append(
            tuple(
                judged_metric(
                    name,
                    [below for below, _ in values],
                    [above for _, above in values],
                    estimates[i, name],
                    verdicts[name],
                )
                for name, values in family.items()
            )
        )
    return found


def judged_metric(
    name: str, baseline: Sequence[float], candidate: Sequence[float], estimate: Estimate, verdict: Verdict
) -> Judged:
    """A metric with its estimate and verdict, infinities as None."""
    return Judged(
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
        verdict=verdict.outcome,
        reason=verdict.reason,
    )


def described(pairs: Pairs) -> tuple[Described, ...]:
    """The descriptive figures; one that no block has stands there empty."""
    found = []
    for name, figure in DESCRIPTIVE.items():
        values = _both(pairs, figure)
        found.append(
            Described(
                name,
                len(values),
                stdlib_statistics.median(below for below, _ in values) if values else None,
                stdlib_statistics.median(above for _, above in values) if values else None,
                stdlib_statistics.median(above / below for below, above in values) if values else None,
            )
        )
    return tuple(found)


def stopping_rule(description: Mapping[str, Any]) -> StoppingRule | None:
    """The rule under which a campaign stops early, from its campaign.json; None for a fixed number of blocks."""
    given = description.get("stopping")
    if not given:
        return None
    from toolkit.analysis import stats

    return stats.StoppingRule(**given)


def _both(pairs: Pairs, figure: Callable[[Metrics], float | None]) -> list[tuple[float, float]]:
    found = []
    for baseline, candidate in pairs:
        below, above = figure(baseline), figure(candidate)
        if below and above and below > 0 and above > 0:
            found.append((below, above))
    return found

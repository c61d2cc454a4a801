"""A campaign's records -> what it comes to: every contrast at every point, best against best, and how noisy it was.

The unit is a block: ratios are taken inside it and everything else is done to their logarithms by `stats`. The primary
family of a point (requests/s, CPU time, memory, and p99 where the load is constant-rate) is judged together; all else
is descriptive. Figures that are not there are None; nothing here is formatted.
"""

from __future__ import annotations

import math
import statistics as stdlib_statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolkit.campaign import Campaign
from toolkit.contrasts import Contrast, contrasts
from toolkit.noise import Noise, noise
from toolkit.plan import complete_blocks, stop_reason
from toolkit.records import Metrics, Record
from toolkit.scenario import Point

if TYPE_CHECKING:
    from toolkit.stats import Estimate, Looks, StoppingRule, Verdict

SCHEMA = 1
PRIMARY = ("requests_per_second", "cpu_seconds_per_1000_requests", "memory_mb", "latency_p99_ms")
"""Judged as one family; p99 is there only where the load kept a constant rate (closed-loop latency is c/rps again)."""

TOO_NOISY_EFFECT = 0.10
"""A campaign that could not have seen a change of requests/s by 10 % at half of its points is too noisy to decide by."""

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


@dataclass(frozen=True)
class PointComparison:
    """A contrast with identical settings on both sides. `stopped`: why early stopping ended it, "" without."""

    contrast: Contrast
    point: Point
    key: str
    blocks: int
    family: tuple[Judged, ...]
    described: tuple[Described, ...]
    stopped: str = ""


@dataclass(frozen=True)
class Best:
    """Each side at its own best workers, threads, loop and pool for one endpoint and number of connections.

    Both had the same CPUs and the same memory limit. `choices`: how many settings each side chose from, by its median
    requests/s; `caveat` says what that choosing does to the figure.
    """

    contrast: Contrast
    endpoint: str
    connections: int
    baseline: Point
    candidate: Point
    choices: int
    blocks: int
    family: tuple[Judged, ...]
    described: tuple[Described, ...]
    caveat: str


@dataclass(frozen=True)
class Comparison:
    """What a campaign comes to. `too_noisy`: why no verdict can be trusted, "" when it can; then `first_line` says it."""

    campaign: str
    title: str
    contrasts: tuple[Contrast, ...]
    best: tuple[Best, ...]
    points: tuple[PointComparison, ...]
    noise: Noise
    too_noisy: str
    first_line: str
    caveats: tuple[str, ...]
    looks: str
    blocks: int

    def of(self, kind: str) -> list[PointComparison]:
        """The points of one kind of contrast."""
        return [one for one in self.points if one.contrast.kind == kind]

    def data(self) -> dict[str, Any]:
        """As plain data for JSON, with null for what is not a finite number."""
        found = asdict(self)
        for mine, one in zip(found["points"], self.points, strict=True):
            mine["point"] = one.point.model_dump()
        for mine, best in zip(found["best"], self.best, strict=True):
            mine["baseline"], mine["candidate"] = best.baseline.model_dump(), best.candidate.model_dump()
        return {"compare_schema": SCHEMA, **finite(found)}


def finite(value: Any) -> Any:
    """The same data with None for infinities and NaN, which JSON has no words for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value

"""How quiet a campaign was: what disturbed it, how far its blocks lie apart, which trials were rejected and why.

Reports show it with every comparison, so that readers see how far they can trust the figures.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.records.reasons import Rejection, deciding
from toolkit.records.store import Record
from toolkit.scenario.model import Limits

DISTURBANCES = ("steal", "foreign_cpu", "throttled_periods", "loader_throttled_periods", "loader_saturation")
LIMIT_NAMES = {"loader_throttled_periods": "throttled_periods"}


@dataclass(frozen=True)
class DisturbanceShare:
    """A disturbance as a share of 1 over all trials, rejected ones included; above `limit` a trial is rejected."""

    name: str
    median: float
    highest: float
    limit: float | None
    trials: int


@dataclass(frozen=True)
class Spread:
    """How far blocks of one arm at one point lie apart in `Noise.spread_metric`: (highest - lowest) / median."""

    point: str
    arm: str
    relative: float
    blocks: int


@dataclass(frozen=True)
class RejectionCount:
    """How many trials were rejected for one cause. `environmental`: caused by the machine, not by the server."""

    reason: str
    count: int
    environmental: bool
    example: str


@dataclass(frozen=True)
class LoosenedLimit:
    """A limit of the scenario (or of --limit) that lets trials count which gilfree's own limit (`default`) rejects."""

    name: str
    value: float
    default: float


@dataclass(frozen=True)
class Noise:
    """How quiet a campaign was. Frequencies are None where the machine does not report them. `spreads`: widest first.

    `spread_metric`: requests/s, or CPU per request where the load keeps a constant rate. `loosened`: the limits by which
    trials were accepted that are looser than gilfree's own.
    """

    shares: tuple[DisturbanceShare, ...]
    frequency_mhz_lowest: float | None
    frequency_mhz_median: float | None
    frequency_mhz_highest: float | None
    spread_median: float | None
    spreads: tuple[Spread, ...]
    rejected: tuple[RejectionCount, ...]
    trials: int
    spread_metric: str = "requests_per_second"
    loosened: tuple[LoosenedLimit, ...] = ()


def noise_of(
    records: Sequence[Record],
    counted: Mapping[tuple[str, int], Sequence[Record]],
    spread_metric: str = "requests_per_second",
) -> Noise:
    """The noise of a campaign, from all its `records` and its complete blocks (`counted`, by point key and index).

    spread_metric: the metric whose spread over blocks is given.
    """
    frequencies = _values(records, "frequency_mhz")
    spreads = sorted(_spreads(counted, spread_metric), key=lambda one: -one.relative)
    return Noise(
        shares=tuple(share for name in DISTURBANCES if (share := _share(records, name)) is not None),
        frequency_mhz_lowest=min(frequencies, default=None),
        frequency_mhz_median=stdlib_statistics.median(frequencies) if frequencies else None,
        frequency_mhz_highest=max(frequencies, default=None),
        spread_median=stdlib_statistics.median(one.relative for one in spreads) if spreads else None,
        spreads=tuple(spreads),
        rejected=rejection_counts(records),
        trials=len(records),
        spread_metric=spread_metric,
        loosened=loosened_limits(records),
    )


STRICTER_WHEN_HIGHER = frozenset({"latency_multiples"})


def loosened_limits(records: Iterable[Record]) -> tuple[LoosenedLimit, ...]:
    """The limits in these records that are looser than the defaults, each at its loosest: a resumed run may change one."""
    defaults: dict[str, float] = Limits().model_dump()
    found: dict[str, LoosenedLimit] = {}
    for record in records:
        for name, default in defaults.items():
            value = record.limits.get(name)
            sign = -1 if name in STRICTER_WHEN_HIGHER else 1
            known = found[name].value if name in found else default
            if value is not None and sign * value > sign * known:
                found[name] = LoosenedLimit(name, value, default)
    return tuple(found[name] for name in defaults if name in found)


def rejection_counts(records: Iterable[Record]) -> tuple[RejectionCount, ...]:
    """Trials that do not count by the cause that decided, the most frequent first; failed ones are among them."""
    causes = [cause for record in records if (cause := deciding(record.rejections)) is not None]
    first: dict[str, Rejection] = {}
    for cause in causes:
        first.setdefault(cause.reason, cause)
    return tuple(
        RejectionCount(reason, count, first[reason].environmental, first[reason].detail)
        for reason, count in Counter(cause.reason for cause in causes).most_common()
    )


def _values(records: Iterable[Record], name: str) -> list[float]:
    return [value for record in records if (value := getattr(record.metrics, name)) is not None]


def _share(records: Sequence[Record], name: str) -> DisturbanceShare | None:
    values = _values(records, name)
    if not values:
        return None
    limits = [record.limits.get(LIMIT_NAMES.get(name, name)) for record in records]
    limit = next((limit for limit in limits if limit is not None), None)
    return DisturbanceShare(name, stdlib_statistics.median(values), max(values), limit, len(values))


def _spreads(counted: Mapping[tuple[str, int], Sequence[Record]], metric: str) -> Iterable[Spread]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for records in counted.values():
        for record in records:
            if value := getattr(record.metrics, metric):
                found[record.point_key, record.arm].append(value)
    for (point, arm), values in found.items():
        if len(values) > 1:
            yield Spread(point, arm, (max(values) - min(values)) / stdlib_statistics.median(values), len(values))

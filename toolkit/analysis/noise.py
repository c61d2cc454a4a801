"""How quiet a campaign was: what the machine took from it, how far its blocks lie apart, what was rejected and why.

Shown with every comparison, never averaged away: a reader must see what the figures stand on.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.records.store import Record, Rejection

SHARES = ("steal", "foreign_cpu", "throttled_periods", "loader_throttled_periods", "loader_saturation")
LIMIT_NAMES = {"loader_throttled_periods": "throttled_periods"}


@dataclass(frozen=True)
class Share:
    """A disturbance as a share of 1 over all trials, rejected ones included; `limit` is what rejects a trial."""

    name: str
    median: float
    highest: float
    limit: float | None
    trials: int


@dataclass(frozen=True)
class Spread:
    """How far blocks of one arm at one point lie apart in requests/s: (highest - lowest) / median."""

    point: str
    arm: str
    relative: float
    blocks: int


@dataclass(frozen=True)
class Rejected:
    """How many trials fell to one cause. `environmental`: the machine's doing, not the server's."""

    reason: str
    count: int
    environmental: bool
    example: str


@dataclass(frozen=True)
class Noise:
    """All of it. Frequencies are None where the machine does not tell them. `spreads`: the widest first."""

    shares: tuple[Share, ...]
    frequency_mhz_lowest: float | None
    frequency_mhz_median: float | None
    frequency_mhz_highest: float | None
    spread_median: float | None
    spreads: tuple[Spread, ...]
    rejected: tuple[Rejected, ...]
    trials: int


def noise(records: Sequence[Record], counted: Mapping[tuple[str, int], Sequence[Record]]) -> Noise:
    """What `records` (all of a campaign) and its complete blocks say of how quiet it was."""
    frequencies = _values(records, "frequency_mhz")
    spreads = sorted(_spreads(counted), key=lambda one: -one.relative)
    return Noise(
        shares=tuple(share for name in SHARES if (share := _share(records, name)) is not None),
        frequency_mhz_lowest=min(frequencies, default=None),
        frequency_mhz_median=stdlib_statistics.median(frequencies) if frequencies else None,
        frequency_mhz_highest=max(frequencies, default=None),
        spread_median=stdlib_statistics.median(one.relative for one in spreads) if spreads else None,
        spreads=tuple(spreads),
        rejected=rejected(records),
        trials=len(records),
    )


def rejected(records: Iterable[Record]) -> tuple[Rejected, ...]:
    """Rejected trials by their first cause, the most frequent first."""
    causes = [record.rejections[0] for record in records if record.rejections]
    first: dict[str, Rejection] = {}
    for cause in causes:
        first.setdefault(cause.reason, cause)
    return tuple(
        Rejected(reason, count, first[reason].environmental, first[reason].detail)
        for reason, count in Counter(cause.reason for cause in causes).most_common()
    )


def _values(records: Iterable[Record], name: str) -> list[float]:
    return [value for record in records if (value := getattr(record.metrics, name)) is not None]


def _share(records: Sequence[Record], name: str) -> Share | None:
    values = _values(records, name)
    if not values:
        return None
    limits = [record.limits.get(LIMIT_NAMES.get(name, name)) for record in records]
    limit = next((limit for limit in limits if limit is not None), None)
    return Share(name, stdlib_statistics.median(values), max(values), limit, len(values))


def _spreads(counted: Mapping[tuple[str, int], Sequence[Record]]) -> Iterable[Spread]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for records in counted.values():
        for record in records:
            if record.metrics.requests_per_second:
                found[record.point_key, record.arm].append(record.metrics.requests_per_second)
    for (point, arm), values in found.items():
        if len(values) > 1:
            yield Spread(point, arm, (max(values) - min(values)) / stdlib_statistics.median(values), len(values))

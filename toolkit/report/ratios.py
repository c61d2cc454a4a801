"""The ratios of a campaign's table: candidate over baseline at each point, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.analysis.families import compare_families
from toolkit.analysis.stats.procedure import Procedure
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Record
from toolkit.scenario.model import Point, Scenario

TABLE_METRICS = ("requests_per_second", "latency_mean_ms", "memory_mb")


@dataclass(frozen=True)
class Ratio:
    """Candidate over baseline at one point, over the blocks that have both, by metric: the ratio with the ends of its 95%
    interval, which are None where so few blocks allow none. Ratio and interval are those of the comparison.
    """

    point: str
    endpoint: str
    path: str
    workers: int
    threads: int | None
    connections: int
    baseline: str
    candidate: str
    blocks: int
    ratio: dict[str, float | None]
    low: dict[str, float | None]
    high: dict[str, float | None]


def ratios_of(
    campaign: Campaign, by_point: Mapping[str, Sequence[Sequence[Record]]], procedure: Procedure
) -> tuple[Ratio, ...]:
    """The ratios of all points; those without a block have neither ratio nor interval."""
    baseline, candidate = campaign.arms[0].name, campaign.arms[1].name
    points = list(campaign.scenario.points())
    pairs = []
    for point in points:
        blocks = ({record.arm: record.metrics for record in records} for records in by_point.get(point.key, ()))
        pairs.append([(one[baseline], one[candidate]) for one in blocks if {baseline, candidate} <= one.keys()])
    families = compare_families(pairs, procedure, primary=TABLE_METRICS)
    found = []
    for point, rows, family in zip(points, pairs, families, strict=True):
        by_metric = {one.metric: one for one in family}
        found.append(
            Ratio(
                point=point.key,
                endpoint=point.endpoint,
                path=point.path or f"/{point.endpoint}",
                workers=point.workers,
                threads=shown_threads(campaign.scenario, point),
                connections=point.connections,
                baseline=baseline,
                candidate=candidate,
                blocks=len(rows),
                ratio={name: getattr(by_metric.get(name), "ratio", None) for name in TABLE_METRICS},
                low={name: getattr(by_metric.get(name), "low", None) for name in TABLE_METRICS},
                high={name: getattr(by_metric.get(name), "high", None) for name in TABLE_METRICS},
            )
        )
    return tuple(found)


def shown_threads(scenario: Scenario, point: Point) -> int | None:
    """The threads of a point, where its interface has any."""
    return point.threads if scenario.app.interface == "wsgi" else None

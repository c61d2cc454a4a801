"""A campaign's records -> its comparison: every contrast at every point, best against best, and how noisy it was.

The unit is a block: ratios are taken inside it and `stats` works on their logarithms. The primary family of a point
(requests/s, CPU time, memory, and p99 where the load is constant-rate) gets its verdicts together; everything else is
descriptive. Figures that are missing are None; nothing here is formatted.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.analysis.comparison import BestComparison, Comparison, PointComparison
from toolkit.analysis.decision import too_noisy
from toolkit.analysis.early_stopping import stopping_rule
from toolkit.analysis.families import compare_families, descriptive_figures, log_ratios_by_metric
from toolkit.analysis.noise import noise_of
from toolkit.campaign.contrasts import Contrast, contrasts
from toolkit.campaign.ending import stop_reason
from toolkit.campaign.plan import concluded_blocks, counted_blocks
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Metrics, Record
from toolkit.scenario.model import Point

if TYPE_CHECKING:
    from toolkit.analysis.stats.stopping import StoppingDecision, StoppingRule

Cells = Mapping[tuple[str, str], Mapping[int, Metrics]]
"""By point key and arm, the figures of each complete block, by its index."""


def compare(campaign: Campaign, records: Sequence[Record] | None = None) -> Comparison:
    """The comparison of a campaign, finished or under way; `records` saves reading them again."""
    records = campaign.records() if records is None else records
    blocks = counted_blocks(records, [arm.name for arm in campaign.arms])
    cells: dict[tuple[str, str], dict[int, Metrics]] = defaultdict(dict)
    for (key, index), attempt in blocks.items():
        for record in attempt:
            cells[key, record.arm][index] = record.metrics
    rule = stopping_rule(campaign.description)
    all_contrasts = contrasts(campaign.arms)
    points = _compare_points(all_contrasts, campaign.scenario.points(), cells, rule)
    comparison = Comparison(
        campaign=campaign.name,
        title=campaign.scenario.title,
        contrasts=all_contrasts,
        best=_compare_bests(all_contrasts, campaign.scenario.points(), cells, rule),
        points=points,
        noise=noise_of(records, blocks),
        too_noisy=None,
        stopping_rule=rule,
        blocks=max((one.blocks for one in points), default=0),
    )
    keys = [point.key for point in campaign.scenario.points()]
    rounds = rule.limit if rule else campaign.scenario.load.rounds
    left = len(keys) * rounds - len(concluded_blocks(records, [arm.name for arm in campaign.arms]))
    reason = stop_reason(records, keys, campaign.scenario.limits.rejected_share, left)
    return replace(comparison, too_noisy=too_noisy(comparison, reason))


def pairs(cells: Cells, contrast: Contrast, baseline: Point, candidate: Point) -> list[tuple[Metrics, Metrics]]:
    """Baseline and candidate of every round that has both, in the order of rounds.

    Within one point the round is the block; two points are paired by round, since a round visits every point before
    the next begins.
    """
    below, above = cells.get((baseline.key, contrast.baseline), {}), cells.get((candidate.key, contrast.candidate), {})
    return [(below[index], above[index]) for index in sorted(below.keys() & above.keys())]


def _compare_points(
    all_contrasts: Sequence[Contrast], points: Sequence[Point], cells: Cells, rule: StoppingRule | None
) -> tuple[PointComparison, ...]:
    groups = [(contrast, point, pairs(cells, contrast, point, point)) for contrast in all_contrasts for point in points]
    families = compare_families([rows for _, _, rows in groups], rule.interim if rule else None)
    return tuple(
        PointComparison(contrast, point, point.key, len(rows), family, descriptive_figures(rows), _stopping(rows, rule))
        for (contrast, point, rows), family in zip(groups, families, strict=True)
    )


def _compare_bests(
    all_contrasts: Sequence[Contrast], points: Sequence[Point], cells: Cells, rule: StoppingRule | None
) -> tuple[BestComparison, ...]:
    """Best against best for every endpoint and number of connections at which both sides were measured."""
    settings: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for point in points:
        settings[point.endpoint, point.connections].append(point)
    best, groups = [], []
    for contrast in all_contrasts:
        if contrast.kind == "aa":
            continue
        for (endpoint, connections), members in settings.items():
            baseline, candidate = (_fastest(members, arm, cells) for arm in (contrast.baseline, contrast.candidate))
            if baseline is None or candidate is None:
                continue
            rows = pairs(cells, contrast, baseline, candidate)
            groups.append(rows)
            best.append(
                BestComparison(
                    contrast=contrast,
                    endpoint=endpoint,
                    connections=connections,
                    baseline=baseline,
                    candidate=candidate,
                    choices=len(members),
                    blocks=len(rows),
                    family=(),
                    descriptive=descriptive_figures(rows),
                )
            )
    families = compare_families(groups, rule.interim if rule else None)
    return tuple(replace(one, family=family) for one, family in zip(best, families, strict=True))


def _fastest(points: Sequence[Point], arm: str, cells: Cells) -> Point | None:
    """The point at which an arm has its highest median requests/s; None where it has no figure at any."""
    medians = {}
    for point in points:
        figures = [one.requests_per_second for one in cells.get((point.key, arm), {}).values()]
        known = [value for value in figures if value is not None]
        if known:
            medians[point] = stdlib_statistics.median(known)
    return max(medians, key=lambda point: medians[point]) if medians else None


def _stopping(rows: Sequence[tuple[Metrics, Metrics]], rule: StoppingRule | None) -> StoppingDecision | None:
    """Under early stopping: whether this point has enough blocks; None without a rule or without a block."""
    if rule is None:
        return None
    from toolkit.analysis.stats.stopping import stopping_decision

    log_ratios = log_ratios_by_metric(rows)
    return stopping_decision(log_ratios, rule) if log_ratios else None

"""A campaign's records -> what it comes to: every contrast at every point, best against best, and how noisy it was.

The unit is a block: ratios are taken inside it and everything else is done to their logarithms by `stats`. The primary
family of a point (requests/s, CPU time, memory, and p99 where the load is constant-rate) is judged together; all else
is descriptive. Figures that are not there are None; nothing here is formatted.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.analysis.comparison import Best, Comparison, PointComparison
from toolkit.analysis.families import described, judged, log_rows, stopping_rule
from toolkit.analysis.headline import caveats, first_line, too_noisy
from toolkit.analysis.noise import noise
from toolkit.campaign.contrasts import Contrast, contrasts
from toolkit.campaign.plan import complete_blocks, stop_reason
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Metrics, Record
from toolkit.scenario.model import Point

Cells = Mapping[tuple[str, str], Mapping[int, Metrics]]
"""By point key and arm, the figures of each complete block."""


def compare(campaign: Campaign, records: Sequence[Record] | None = None) -> Comparison:
    """The comparison of a campaign, finished or under way; `records` spares reading them again."""
    records = campaign.records() if records is None else records
    arms = [arm.name for arm in campaign.arms]
    counted = complete_blocks(records, arms)
    cells: dict[tuple[str, str], dict[int, Metrics]] = defaultdict(dict)
    for (key, index), attempt in counted.items():
        for record in attempt:
            cells[key, record.arm][index] = record.metrics
    rule = stopping_rule(campaign.description)
    looks = rule.looks if rule else None
    wanted = contrasts(campaign.arms)
    points = campaign.scenario.points()
    at_points = [(one, point, pairs(cells, one, point, point)) for one in wanted for point in points]
    families = judged([rows for _, _, rows in at_points], looks)
    compared = [
        PointComparison(one, point, point.key, len(rows), family, described(rows), _stopped(rows, rule))
        for (one, point, rows), family in zip(at_points, families, strict=True)
    ]
    best = [found for one in wanted if one.kind != "aa" for found in _choices(one, points, cells)]
    families = judged([pairs(cells, found.contrast, found.baseline, found.candidate) for found in best], looks)
    found = Comparison(
        campaign=campaign.name,
        title=campaign.scenario.title,
        contrasts=wanted,
        best=tuple(replace(one, family=family) for one, family in zip(best, families, strict=True)),
        points=tuple(compared),
        noise=noise(records, counted),
        too_noisy="",
        first_line="",
        caveats=(),
        looks=_looks_words(rule),
        blocks=max((one.blocks for one in compared), default=0),
    )
    stopped = stop_reason(records, campaign.scenario.limits.rejected_share)
    found = replace(found, too_noisy=too_noisy(found, stopped), caveats=caveats(found))
    return replace(found, first_line=first_line(found))


def pairs(cells: Cells, contrast: Contrast, baseline: Point, candidate: Point) -> list[tuple[Metrics, Metrics]]:
    """Baseline and candidate of every round that has both, in the order of rounds.

    Within one point that is the block; between two it is the round, since a round visits every point before the next.
    """
    below, above = cells.get((baseline.key, contrast.baseline), {}), cells.get((candidate.key, contrast.candidate), {})
    return [(below[index], above[index]) for index in sorted(below.keys() & above.keys())]


def _choices(contrast: Contrast, points: Sequence[Point], cells: Cells) -> list[Best]:
    """Best against best for every endpoint and number of connections at which both sides were measured."""
    groups: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for point in points:
        groups[point.endpoint, point.connections].append(point)
    found = []
    for (endpoint, connections), members in groups.items():
        below, above = (_fastest(members, arm, cells) for arm in (contrast.baseline, contrast.candidate))
        if below is None or above is None:
            continue
        rows = pairs(cells, contrast, below, above)
        if len(members) == 1:
            caveat = "only one setting was measured, so nothing was chosen"
        else:
            caveat = (
                f"each side's best of {len(members)} settings was chosen by the same trials that are compared here:"
                " what was lucky is chosen more easily, so both figures lean upwards"
            )
        found.append(
            Best(
                contrast,
                endpoint,
                connections,
                below,
                above,
                len(members),
                len(rows),
                (),
                described(rows),
                caveat,
            )
        )
    return found


def _fastest(points: Sequence[Point], arm: str, cells: Cells) -> Point | None:
    medians = {}
    for point in points:
        figures = [one.requests_per_second for one in cells.get((point.key, arm), {}).values()]
        known = [value for value in figures if value is not None]
        if known:
            medians[point] = stdlib_statistics.median(known)
    return max(medians, key=lambda point: medians[point]) if medians else None


def _stopped(rows: Sequence[tuple[Metrics, Metrics]], rule: Any) -> str:
    """Under early stopping: why this point has enough blocks, or that it has not."""
    if rule is None:
        return ""
    from toolkit.analysis import stats

    logs = log_rows(rows)
    if not logs:
        return "no complete block yet"
    decision = stats.decide(logs, rule)
    if decision.why == "precise":
        return f"stopped after {len(rows)} blocks: every interval is within ±{rule.half_width:.0%}"
    if decision.why == "limit":
        return f"stopped at the limit of {rule.limit} blocks, the widest interval is that of {decision.metric}"
    return f"not enough after {len(rows)} blocks ({decision.why}), about {decision.expected_blocks} are expected"


def _looks_words(rule: Any) -> str:
    if rule is None:
        return ""
    from toolkit.analysis.stats.stopping import CORRECTION

    return f"looked at after every block from {rule.first} to {rule.limit}; intervals and p are corrected for it: {CORRECTION}"

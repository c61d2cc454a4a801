"""A campaign's records -> its comparison: every contrast at every point, best against best, and how noisy it was.

The unit is a block: ratios are taken inside it and `stats` works on their logarithms. The primary family of a point
(requests/s, memory, in the full procedure CPU time, and p99 where it was measured; without requests/s where the load
keeps a constant rate) gets its verdicts together; everything else is descriptive. Figures that are missing are None; nothing here is formatted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.analysis.attribution.twins import twins
from toolkit.analysis.best import Cells, cells_of, compare_bests, pairs
from toolkit.analysis.comparison import Comparison, PointComparison
from toolkit.analysis.decision import too_noisy
from toolkit.analysis.early_stopping import procedure_of, stopping_of, stopping_rule
from toolkit.analysis.failures import Rates, failure_rates
from toolkit.analysis.families import compare_families, descriptive_figures, primary_metrics
from toolkit.analysis.noise import noise_of
from toolkit.analysis.stats.procedure import Procedure
from toolkit.campaign.contrasts import Contrast, contrasts
from toolkit.campaign.ending import stop_reason
from toolkit.campaign.plan import concluded_blocks, counted_blocks
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Record
from toolkit.scenario.model import Point

if TYPE_CHECKING:
    from toolkit.analysis.stats.stopping import StoppingRule


def compare(campaign: Campaign, records: Sequence[Record] | None = None) -> Comparison:
    """The comparison of a campaign, finished or under way; `records` saves reading them again."""
    records = campaign.records() if records is None else records
    arms = [arm.name for arm in campaign.arms]
    blocks = counted_blocks(records, arms)
    cells, rates = cells_of(blocks), failure_rates(records, arms)
    scenario = campaign.scenario
    rule = stopping_rule(campaign.description)
    procedure = procedure_of(campaign.description, scenario.load.rounds)
    primary = primary_metrics(scenario, procedure)
    all_contrasts = contrasts(campaign.arms)
    points = _compare_points(all_contrasts, scenario.points(), cells, rates, primary, procedure, rule)
    comparison = Comparison(
        campaign=campaign.name,
        title=scenario.title,
        contrasts=all_contrasts,
        best=compare_bests(all_contrasts, scenario.points(), cells, rates, primary, procedure),
        points=points,
        noise=noise_of(records, blocks, primary[0]),
        too_noisy=None,
        stopping_rule=rule,
        blocks=max((one.blocks for one in points), default=0),
        concluded=max((one.concluded for one in rates.values()), default=0),
        failures=tuple(rates.values()),
        procedure=procedure,
        twins=twins(scenario, [(one.contrast, one.point, one.family) for one in points]),
        shared_cpus=bool(campaign.description.get("shared_cpus")),
    )
    keys = [point.key for point in scenario.points()]
    rounds = rule.limit if rule else scenario.load.rounds
    left = len(keys) * rounds - len(concluded_blocks(records, arms))
    stopped = [one.stopping for one in points if one.contrast.kind != "aa" or len(all_contrasts) == 1]
    if rule and stopped and all(one is not None and one.stop for one in stopped):
        left = 0  # early stopping: every point has enough, although the limit of its blocks is not reached
    reason = stop_reason(records, keys, scenario.limits.rejected_share, left)
    return replace(comparison, too_noisy=too_noisy(comparison, reason, primary[0]))


def _compare_points(
    all_contrasts: Sequence[Contrast],
    points: Sequence[Point],
    cells: Cells,
    rates: Rates,
    primary: Sequence[str],
    procedure: Procedure,
    rule: StoppingRule | None,
) -> tuple[PointComparison, ...]:
    found = []
    for contrast in all_contrasts:
        for point in points:
            rows = pairs(cells, contrast, point, point).rows
            both = tuple(
                rates[point.key, arm] for arm in (contrast.baseline, contrast.candidate) if (point.key, arm) in rates
            )
            stopping = stopping_of(rows, both, rule, primary) if rule else None
            described = descriptive_figures(rows, primary)
            one = PointComparison(contrast, point, point.key, len(rows), (), described, stopping, both)
            found.append((one, rows))
    families = compare_families(
        [rows for _, rows in found],
        procedure,
        primary=primary,
        withheld=[any(rate.often for rate in one.failures) for one, _ in found],
    )
    return tuple(replace(one, family=family) for (one, _), family in zip(found, families, strict=True))

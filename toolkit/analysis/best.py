"""Best against best: each side at its own best setting, chosen by other trials than those that are compared.

Chosen and compared by the same trials, the figures of both sides lean upwards: what was lucky is chosen more easily. So
the rounds are divided in two halves, and each half is compared at the settings that the other half chose.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.analysis.comparison import BestComparison
from toolkit.analysis.failures import Rates, pooled
from toolkit.analysis.families import Pairs, compare_families, descriptive_figures
from toolkit.analysis.stats.procedure import Procedure
from toolkit.campaign.contrasts import Contrast
from toolkit.records.store import Metrics, Record
from toolkit.scenario.model import Point

LOWER_IS_BEST = frozenset({"cpu_seconds_per_1000_requests"})


@dataclass(frozen=True)
class Trial:
    """A counted trial: its figures and the machine that ran it."""

    metrics: Metrics
    machine: str


Cells = Mapping[tuple[str, str], Mapping[int, Trial]]
"""By point key and arm, the counted trial of each concluded block, by the block's index (the round)."""


@dataclass(frozen=True)
class Paired:
    """Baseline and candidate of rounds that have both; `separated`: how many had them on different machines."""

    rows: Pairs
    separated: int = 0


def cells_of(blocks: Mapping[tuple[str, int], Sequence[Record]]) -> Cells:
    """The cells of counted blocks (see `campaign.plan.counted_blocks`)."""
    cells: dict[tuple[str, str], dict[int, Trial]] = defaultdict(dict)
    for (key, index), found in blocks.items():
        for record in found:
            cells[key, record.arm][index] = Trial(record.metrics, machine_of(record))
    return cells


def machine_of(record: Record) -> str:
    """What identifies the machine that ran a trial: the slot, and the boot of its kernel where it is recorded."""
    return f"{record.backend} {record.slot} {record.server.get('boot_id') or ''}".rstrip()


def pairs(
    cells: Cells, contrast: Contrast, baseline: Point, candidate: Point, rounds: Collection[int] | None = None
) -> Paired:
    """Baseline and candidate of every round that has both, in the order of rounds.

    Within one point the round is the block. Two points are paired by round, since a round visits every point before the
    next begins, but only where one machine ran both: otherwise the ratio would be one of machines.
    rounds: only these; None: all.
    """
    below, above = cells.get((baseline.key, contrast.baseline), {}), cells.get((candidate.key, contrast.candidate), {})
    both = [index for index in sorted(below.keys() & above.keys()) if rounds is None or index in rounds]
    kept = [index for index in both if below[index].machine == above[index].machine]
    return Paired([(below[index].metrics, above[index].metrics) for index in kept], len(both) - len(kept))


def compare_bests(
    contrasts: Sequence[Contrast],
    points: Sequence[Point],
    cells: Cells,
    rates: Rates,
    primary: Sequence[str],
    procedure: Procedure,
) -> tuple[BestComparison, ...]:
    """Best against best for every endpoint and number of connections at which both sides were tried.

    primary: the metrics that get verdicts; by the first of them the best setting is chosen.
    """
    settings: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for point in points:
        settings[point.endpoint, point.connections].append(point)
    best, groups = [], []
    for contrast in contrasts:
        if contrast.kind == "aa":
            continue
        for members in settings.values():
            found = _best(contrast, members, cells, rates, primary)
            if found is not None:
                best.append(found[0])
                groups.append(found[1])
    withheld = [any(rate.often for rate in one.failures) for one in best]
    families = compare_families(groups, procedure, primary=primary, withheld=withheld)
    return tuple(replace(one, family=family) for one, family in zip(best, families, strict=True))


def _best(
    contrast: Contrast, members: Sequence[Point], cells: Cells, rates: Rates, primary: Sequence[str]
) -> tuple[BestComparison, Pairs] | None:
    """One comparison, still without its family, and its pairs; None where one side has no trial."""
    arms = (contrast.baseline, contrast.candidate)
    whole = [_choice(members, arm, cells, rates, primary[0]) for arm in arms]
    baseline, candidate = whole
    if baseline is None or candidate is None:
        return None
    rounds = sorted({index for point in members for arm in arms for index in cells.get((point.key, arm), {})})
    halves = [frozenset(rounds[::2]), frozenset(rounds[1::2])]
    chosen: list[tuple[Point, ...]] = [(point,) for point in (baseline, candidate)]
    paired: list[Paired] = []
    crossed = len(members) > 1 and all(halves)
    if crossed:
        # Where an arm has no figure in a half, that half chooses what all rounds choose.
        by_half = [
            tuple(_choice(members, arm, cells, rates, primary[0], half) or all_rounds for half in halves)
            for arm, all_rounds in zip(arms, (baseline, candidate), strict=True)
        ]
        for own, other in ((0, 1), (1, 0)):
            paired.append(pairs(cells, contrast, by_half[0][other], by_half[1][other], halves[own]))
        chosen = [tuple(dict.fromkeys(half)) for half in by_half]
    else:
        paired.append(pairs(cells, contrast, baseline, candidate))
    rows = [row for one in paired for row in one.rows]
    best = BestComparison(
        contrast=contrast,
        endpoint=baseline.endpoint,
        connections=baseline.connections,
        baseline=baseline,
        candidate=candidate,
        choices=len(members),
        blocks=len(rows),
        family=(),
        descriptive=descriptive_figures(rows, primary),
        crossed=crossed,
        baseline_chosen=chosen[0],
        candidate_chosen=chosen[1],
        separated=sum(one.separated for one in paired),
        failures=tuple(
            rate
            for arm, settings in zip(arms, chosen, strict=True)
            if (rate := pooled([rates[point.key, arm] for point in settings if (point.key, arm) in rates]))
        ),
    )
    return best, rows


def _choice(
    points: Sequence[Point],
    arm: str,
    cells: Cells,
    rates: Rates,
    metric: str,
    rounds: Collection[int] | None = None,
) -> Point | None:
    """The setting at which an arm has its best median of `metric` over these rounds.

    Settings at which it often fails are chosen only where there is no other; one without any figure only when none has
    one. None where the arm has no trial that counted or failed, or (with `rounds`) no figure in these.
    """
    medians: dict[Point, float] = {}
    for point in points:
        trials = cells.get((point.key, arm), {})
        figures = [getattr(one.metrics, metric) for index, one in trials.items() if rounds is None or index in rounds]
        known = [value for value in figures if value is not None]
        if known:
            medians[point] = stdlib_statistics.median(known)
    reliable = [point for point in medians if not rates[point.key, arm].often]
    sign = -1 if metric in LOWER_IS_BEST else 1
    if medians:
        return max(reliable or medians, key=lambda point: sign * medians[point])
    tried = [point for point in points if (point.key, arm) in rates]
    if rounds is not None or not tried:
        return None
    return min(tried, key=lambda point: rates[point.key, arm].failed / rates[point.key, arm].concluded)

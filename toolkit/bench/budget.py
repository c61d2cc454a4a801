"""How long blocks take, and `--budget 14m`: which points fit into that time, and each scenario's share of it. Pure.

Points that do not fit are left out before anything is measured, the most expensive ones first: a table with fewer points of five
blocks says more than one with all points of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS
from toolkit.errors import GilfreeError
from toolkit.scenario.matrix import MatrixCell, Point
from toolkit.scenario.model import Scenario
from toolkit.trial.model import FULL_LOAD_SECONDS

TURN_SECONDS = 9
"""Of each arm of a block in turns: its windows of a second, its warm-up and its checks."""

TRIAL_OVERHEAD_SECONDS = 5
"""Of a trial apart: starting, validating and stopping."""

MOST_BLOCKS = 20
"""Blocks that a point of a quick run can get; the correction of its intervals is made for so many."""

Chosen = Sequence[tuple[Scenario, list[str]]]
"""Scenarios, each with its caveats."""


def block_seconds(scenario: Scenario, arms: int, *, turns: bool) -> float:
    """A block of so many arms, if nothing is repeated. turns: whether windows of the arms alternate;
    at a constant rate each arm has one long window in either case.
    """
    if turns and scenario.load.rate_rps is None:
        return TURN_SECONDS * arms
    load = scenario.load
    trial = load.warmup_seconds + load.duration_seconds + 2 * load.validate_seconds + FULL_LOAD_SECONDS
    return (trial + TRIAL_OVERHEAD_SECONDS) * arms


def within_budget(
    chosen: Chosen, arms: Sequence[int], seconds: float, *, turns: bool
) -> list[tuple[Scenario, list[str]]]:
    """The scenarios with the points whose rounds fit into the budget; a caveat names those that were left out.

    arms: how many arms each scenario has. A scenario without any point that fits is left out, and the others' caveats name
    it. Raises GilfreeError where not even one point fits.
    """
    costs = [
        (index, point, one.load.rounds * block_seconds(one, count, turns=turns))
        for index, ((one, _), count) in enumerate(zip(chosen, arms, strict=True))
        for point in one.points()
    ]
    kept = list(costs)
    while kept and sum(cost for _, _, cost in kept) > seconds:
        dearest = max(cost for _, _, cost in kept)
        kept.pop(max(place for place, (_, _, cost) in enumerate(kept) if cost == dearest))
    if not kept:
        cheapest = min(cost for _, _, cost in costs)
        raise GilfreeError(
            f"--budget {seconds:.0f}s: not even one point fits, the cheapest takes about {cheapest:.0f} s",
            "give more time, or fewer --blocks",
        )
    left = [
        f"{chosen[index][0].name} {point.label()}" for index, point, cost in costs if (index, point, cost) not in kept
    ]
    caveat = [f"left out, since {seconds / 60:.3g} min do not suffice for them: {', '.join(left)}"] if left else []
    found = []
    for index, (one, caveats) in enumerate(chosen):
        points = [point for place, point, _ in kept if place == index]
        if points:
            cells = one.matrix if len(points) == len(one.points()) else tuple(map(_cell, points))
            found.append((one.model_copy(update={"matrix": cells}), [*caveats, *caveat]))
    return found


def shares(scenarios: Sequence[Scenario], arms: Sequence[int], seconds: float, *, turns: bool) -> list[dict[str, Any]]:
    """By scenario the `budget` of campaign.json: its share of the seconds by what its rounds cost, what a block takes, and the
    most blocks that a point can get.
    """
    each = [block_seconds(one, count, turns=turns) for one, count in zip(scenarios, arms, strict=True)]
    costs = [len(one.points()) * one.load.rounds * cost for one, cost in zip(scenarios, each, strict=True)]
    return [
        {"seconds": seconds * cost / sum(costs), "block_seconds": block, "most_blocks": most_blocks(one)}
        for one, cost, block in zip(scenarios, costs, each, strict=True)
    ]


def most_blocks(scenario: Scenario) -> int:
    """The most blocks that a point can get: more than its rounds only in a quick run, whose intervals are corrected for it."""
    return MOST_BLOCKS if scenario.load.rounds < MIN_BLOCKS else scenario.load.rounds


def _cell(point: Point) -> MatrixCell:
    return MatrixCell(
        endpoint=(point.endpoint,),
        workers=(point.workers,),
        threads=(point.threads,),
        connections=(point.connections,),
        loop=(point.loop,),
        threadpool=(point.threadpool,),
    )

"""Early stopping: quiet points stop early, noisy ones at the limit, and the same records always give the same block."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from tests.simulated import ARMS, a_trial
from toolkit.analysis.early_stopping import EarlyStoppingPlan
from toolkit.analysis.stats.stopping import StoppingRule
from toolkit.campaign.contrasts import Contrast, contrasts
from toolkit.campaign.plan import Block, FixedMatrix
from toolkit.records.store import Record

NAMES = tuple(arm.name for arm in ARMS)
RULE = StoppingRule()


def plan(found: tuple[Contrast, ...] = contrasts(ARMS), rule: StoppingRule = RULE) -> EarlyStoppingPlan:
    return EarlyStoppingPlan(FixedMatrix("campaign", POINTS, NAMES, rule.limit, 2), found, rule)


def run(one: EarlyStoppingPlan, noise: dict[str, float], seed: int = 1) -> tuple[list[Block], list[Record]]:
    """All blocks that the plan asks for, with `noise` by endpoint."""
    drawn = random.Random(seed)
    records: list[Record] = []
    blocks: list[Block] = []
    while (block := one.next(records, [])) is not None:
        blocks.append(block)
        for name in block.arms:
            arm = next(arm for arm in ARMS if arm.name == name)
            records.append(a_trial(block.point, block.index, arm, 1000, noise[block.point.endpoint], drawn))
    return blocks, records


def test_a_quiet_point_stops_early_and_a_noisy_one_at_the_limit() -> None:
    blocks, records = run(plan(), {"json": 0.005, "io": 0.2})
    counts = {point.endpoint: sum(block.point == point for block in blocks) for point in POINTS}
    assert counts == {"json": 8, "io": 20}
    reasons = {key: [one.reason for one in found] for key, found in plan().decisions(records).items()}
    assert reasons == {POINTS[0].key: ["precise"], POINTS[1].key: ["limit"]}


def test_no_point_stops_before_the_first_analysis() -> None:
    blocks, _ = run(plan(), {"json": 1e-6, "io": 1e-6})
    assert len(blocks) == len(POINTS) * RULE.first


def test_rounds_visit_every_unfinished_point_before_the_next_begins() -> None:
    blocks, _ = run(plan(), {"json": 0.02, "io": 0.2})
    assert [block.index for block in blocks] == sorted(block.index for block in blocks)


@given(st.integers(0, 40), st.integers(0, 3))
@settings(max_examples=15)
def test_resuming_anywhere_goes_the_same_way(cut: int, seed: int) -> None:
    blocks, records = run(plan(), {"json": 0.01, "io": 0.03}, seed)
    at = min(cut, len(blocks))
    following = plan().next(records[: at * len(NAMES)], [])
    assert following == (blocks[at] if at < len(blocks) else None)


def with_stalls(failing: set[int]) -> tuple[list[Block], list[Record]]:
    """All blocks that the plan asks for when 3.14t stalls in these rounds, as a campaign would record them."""
    drawn = random.Random(1)
    records: list[Record] = []
    blocks: list[Block] = []
    while (block := plan().next(records, [])) is not None:
        blocks.append(block)
        for arm in ARMS:
            if arm.name == "3.14t" and block.index in failing:
                records.append(a_record(block.point, block.index, arm.name, accepted=False, reason="stalled"))
            else:
                records.append(a_trial(block.point, block.index, arm, 1000, 0.005, drawn))
    return blocks, records


def test_a_point_at_which_an_arm_often_fails_stops_as_soon_as_that_is_sure() -> None:
    for failing in ({1, 3, 5, 7}, set(range(20))):
        blocks, records = with_stalls(failing)
        assert len(blocks) == len(POINTS) * RULE.first
        assert {one.reason for found in plan().decisions(records).values() for one in found} == {"failing"}
        assert plan().expected(records) == len(blocks)


def test_a_seldom_failure_costs_its_own_block_only() -> None:
    blocks, records = with_stalls({2})
    assert len(blocks) == len(POINTS) * (RULE.first + 1)
    assert {one.reason for found in plan().decisions(records).values() for one in found} == {"precise"}


def test_what_is_expected_ends_at_what_it_took() -> None:
    one = plan()
    blocks, records = run(one, {"json": 0.005, "io": 0.2})
    assert one.expected([]) == one.total() == 40
    assert one.expected(records) == len(blocks)
    assert len(blocks) <= one.expected(records[: 2 * len(NAMES) * 4]) <= one.total()


def test_a_running_block_is_not_started_twice() -> None:
    first = plan().next([], [])
    assert first is not None
    second = plan().next([], [first])
    assert second is not None and second.point != first.point

"""A plan with a time budget: all rounds first, then the widest point, and never beyond the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from toolkit.campaign.budget import BudgetPlan, time_used
from toolkit.campaign.plan import Block, FixedMatrix
from toolkit.records.store import Record

ARMS = ("3.14", "3.14t")
BLOCK_SECONDS = 18.0
JSON, IO = (point.key for point in POINTS)


def plan(seconds: float, widths: Mapping[str, float] | None = None, most_blocks: int = 20) -> BudgetPlan:
    known = {JSON: 0.02, IO: 0.10} if widths is None else widths
    return BudgetPlan(FixedMatrix("c", POINTS, ARMS, 5, 2), seconds, BLOCK_SECONDS, most_blocks, lambda _: known)


def run(
    one: BudgetPlan,
    *,
    before: Sequence[Record] = (),
    block_seconds: float = BLOCK_SECONDS,
    rejected: int = 0,
    start: float = 0.0,
) -> tuple[list[Block], list[Record]]:
    """Runs to the end of the plan: its blocks and all records. rejected: how many blocks the environment spoils first."""
    records, now = list(before), start
    blocks: list[Block] = []
    while (block := one.next(records, [])) is not None:
        for arm in block.arms:
            made = a_record(block.point, block.index, arm, block.attempt, accepted=len(blocks) >= rejected)
            records.append(made.model_copy(update={"wall_time": now}))
        blocks.append(block)
        now += block_seconds
    return blocks, records


def test_time_that_is_left_goes_to_the_widest_point_after_all_rounds() -> None:
    blocks, _ = run(plan(15 * BLOCK_SECONDS))
    assert [block.index for block in blocks[:10]] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [(block.point.key, block.index) for block in blocks[10:]] == [(IO, index) for index in range(5, 10)]


def test_a_point_has_its_most_blocks_and_then_the_next_one_gets_them() -> None:
    blocks, _ = run(plan(100 * BLOCK_SECONDS, most_blocks=7))
    assert [block.point.key for block in blocks[10:]] == [IO, IO, JSON, JSON]


def test_points_without_an_interval_get_no_more() -> None:
    assert len(run(plan(100 * BLOCK_SECONDS, widths={}))[0]) == 10


@given(st.floats(1, 40), st.floats(0.5, 2.5), st.integers(0, 6))
def test_no_block_begins_that_would_end_after_the_budget(blocks: float, slower: float, rejected: int) -> None:
    one = plan(blocks * BLOCK_SECONDS)
    done, records = run(one, block_seconds=slower * BLOCK_SECONDS, rejected=rejected)
    assert (
        len(done) - 2
    ) * slower * BLOCK_SECONDS <= one.seconds  # of the first two it is not known yet how long they take
    assert one.expected(records) >= len({(one.point_key, one.block) for one in records if one.accepted})


@given(st.integers(0, 15), st.floats(1000, 1e6))
def test_a_run_that_paused_has_the_rest_of_its_budget(done: int, pause: float) -> None:
    one = plan(15 * BLOCK_SECONDS)
    whole, records = run(one)
    first = records[: 2 * done]
    again, _ = run(one, before=first, start=pause + done * BLOCK_SECONDS)
    assert [*whole[:done], *again] == whole


def test_blocks_without_a_time_count_as_the_estimate() -> None:
    record = a_record(POINTS[0], 0, "3.14").model_copy(update={"wall_time": None})
    assert time_used([record], BLOCK_SECONDS) == (BLOCK_SECONDS, BLOCK_SECONDS)
    assert time_used([], BLOCK_SECONDS) == (0, BLOCK_SECONDS)

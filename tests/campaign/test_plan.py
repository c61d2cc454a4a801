"""The fixed matrix: every block once, failed ones again within bounds, nothing finished ever twice."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from toolkit.campaign.plan import Block, FixedMatrix, concluded_blocks, counted_blocks, failures
from toolkit.records.store import Record
from toolkit.scenario.loading import load_scenario

ARMS = ("3.14", "3.14t")


def matrix(rounds: int = 3, retries: int = 2) -> FixedMatrix:
    return FixedMatrix("campaign", POINTS, ARMS, rounds, retries)


def run(plan: FixedMatrix, rejected: set[tuple[str, int, int]]) -> tuple[list[Block], list[Record]]:
    records: list[Record] = []
    blocks = []
    while (block := plan.next(records, [])) is not None:
        blocks.append(block)
        for arm in block.arms:
            bad = (block.point.key, block.index, block.attempt) in rejected
            records.append(a_record(block.point, block.index, arm, block.attempt, accepted=not bad))
            if bad:
                break
    return blocks, records


def test_every_point_gets_one_block_before_any_gets_its_next() -> None:
    blocks, _ = run(matrix(), set())
    assert [block.index for block in blocks] == [0, 0, 1, 1, 2, 2]
    assert {(block.point, block.index) for block in blocks} == {(p, i) for p in POINTS for i in range(3)}


def test_two_blocks_in_a_row_have_opposite_orders_at_every_point() -> None:
    orders = {(block.point.key, block.index): block.arms for block in matrix(rounds=21).schedule()}
    for (key, index), order in orders.items():
        if index % 2 == 0 and (key, index + 1) in orders:
            assert orders[key, index + 1] == order[::-1]


def test_the_order_is_random_but_the_same_every_time() -> None:
    first, _ = run(matrix(rounds=20), set())
    again, _ = run(matrix(rounds=20), set())
    assert first == again
    assert {block.arms for block in first} == {ARMS, ARMS[::-1]}


def test_a_failed_block_is_run_again_whole_as_a_new_attempt() -> None:
    failing = {(POINTS[0].key, 1, 1)}
    blocks, records = run(matrix(), failing)
    again = [block for block in blocks if block.point == POINTS[0] and block.index == 1]
    assert [block.attempt for block in again] == [1, 2]
    assert all(set(block.arms) == set(ARMS) for block in again)
    assert len(counted_blocks(records, ARMS)) == 6


def test_a_block_is_given_up_after_its_retries() -> None:
    failing = {(POINTS[0].key, 0, attempt) for attempt in range(1, 20)}
    blocks, records = run(matrix(retries=2), failing)
    assert len([block for block in blocks if (block.point, block.index) == (POINTS[0], 0)]) == 3
    assert len(counted_blocks(records, ARMS)) == 5


def test_an_attempt_that_a_kill_cut_short_uses_up_no_retry() -> None:
    plan = matrix(rounds=1, retries=0)
    first = plan.next([], [])
    assert first is not None
    half = [a_record(first.point, 0, first.arms[0], attempt) for attempt in range(1, 6)]
    block = plan.next(half, [])
    assert block is not None
    assert (block.point, block.attempt) == (first.point, 6)


def test_a_block_in_which_an_arm_failed_by_itself_is_concluded_and_not_run_again() -> None:
    plan = matrix(rounds=1)
    first = plan.next([], [])
    assert first is not None
    records = [
        a_record(first.point, 0, "3.14t", accepted=False, reason="stalled"),
        a_record(first.point, 0, "3.14"),
    ]
    second = plan.next(records, [])
    assert second is not None and second.point != first.point
    assert concluded_blocks(records, ARMS) == {(first.point.key, 0): records}
    assert counted_blocks(records, ARMS) == {(first.point.key, 0): records[1:]}


def test_an_arm_that_failed_is_left_out_when_its_block_is_run_again_for_another() -> None:
    plan = matrix(rounds=1)
    first = plan.next([], [])
    assert first is not None
    failed = a_record(first.point, 0, "3.14t", accepted=False, reason="stalled")
    rejected = a_record(first.point, 0, "3.14", accepted=False, reason="foreign-cpu")
    again = plan.next([failed, rejected], [])
    assert again is not None and (again.point, again.attempt, again.arms) == (first.point, 2, ("3.14",))
    counted = a_record(first.point, 0, "3.14", 2)
    assert concluded_blocks([failed, rejected, counted], ARMS) == {(first.point.key, 0): [failed, counted]}


def test_a_point_that_was_given_up_gets_no_more_blocks() -> None:
    plan = matrix()
    assert {block.point for block in every(plan, without={POINTS[0].key})} == {POINTS[1]}


def every(plan: FixedMatrix, without: set[str]) -> list[Block]:
    """All blocks of a plan whose trials all count."""
    records: list[Record] = []
    blocks = []
    while (block := plan.next(records, [], without)) is not None:
        blocks.append(block)
        records += [a_record(block.point, block.index, arm, block.attempt) for arm in block.arms]
    return blocks


def test_failures_are_counted_over_all_trials_that_the_environment_did_not_reject() -> None:
    stalls = [a_record(POINTS[0], index, "3.14t", accepted=False, reason="stalled") for index in range(4)]
    counted = [a_record(POINTS[0], index, "3.14t") for index in range(4, 10)]
    rejected = [a_record(POINTS[0], 3, "3.14t", 2, accepted=False, reason="stolen")]
    found = failures([*stalls, *counted, *rejected, a_record(POINTS[0], 0, "3.14")], ARMS)
    of_one = found[POINTS[0].key, "3.14t"]
    assert (of_one.failed, of_one.concluded, dict(of_one.reasons)) == (4, 10, {"stalled": 4})
    assert (found[POINTS[0].key, "3.14"].failed, found[POINTS[0].key, "3.14"].concluded) == (0, 1)


@given(
    st.lists(st.sampled_from(["counted", "stalled", "foreign-cpu"]), min_size=200, max_size=200),
    st.integers(0, 3),
)
def test_whatever_befalls_trials_no_failure_is_run_again_and_every_block_ends(
    outcomes: list[str], retries: int
) -> None:
    plan = matrix(retries=retries)
    records: list[Record] = []
    befalls = iter(outcomes)
    while (block := plan.next(records, [])) is not None:
        for arm in block.arms:
            what = next(befalls)
            records.append(
                a_record(block.point, block.index, arm, block.attempt, accepted=what == "counted", reason=what)
            )
            if records[-1].outcome == "rejected":
                break
    for one in records:
        same = [
            other
            for other in records
            if (other.point_key, other.block, other.arm) == (one.point_key, one.block, one.arm)
        ]
        if one.outcome == "failed":
            assert same[-1] is one  # its result in this block
    assert all({one.arm for one in found} == set(ARMS) for found in concluded_blocks(records, ARMS).values())


def test_a_block_under_way_is_not_started_twice() -> None:
    plan = matrix(rounds=1)
    first = plan.next([], [])
    assert first is not None
    second = plan.next([], [first])
    assert second is not None
    assert second.point != first.point
    assert plan.next([], [first, second]) is None


@given(st.integers(0, 40), st.randoms(use_true_random=False))
def test_killed_anywhere_and_resumed_it_repeats_nothing_that_was_finished(kill_at: int, rng: random.Random) -> None:
    plan = matrix()
    records: list[Record] = []
    finished = []
    while (block := plan.next(records, [])) is not None:
        for arm in block.arms:
            if kill_at == 0:
                kill_at = -1
                break  # killed: what is recorded stays, the rest of the block is lost
            kill_at -= 1
            records.append(a_record(block.point, block.index, arm, block.attempt))
        else:
            finished.append((block.point, block.index))
    assert sorted(map(str, finished)) == sorted({str(one) for one in finished})
    assert len(counted_blocks(records, ARMS)) == plan.total()


def test_points_that_a_claim_compares_follow_each_other_in_opposite_orders() -> None:
    threads = load_scenario("wsgi-threads")
    plan = FixedMatrix.of_scenario("c", threads, ARMS, 4)
    keys = [block.point.key for block in plan.schedule()]
    rounds = [keys[first : first + 6] for first in range(0, 24, 6)]
    assert all(sorted(one) == sorted(point.key for point in threads.points()) for one in rounds)
    places = [(one.index("json-w1-t1-c128"), one.index("json-w1-t64-c128")) for one in rounds]
    assert [after - before for before, after in places] == [1, -1, 1, -1]

"""A knee campaign: every block finds its own knees, what a budget left is named, a killed campaign is resumed."""

from __future__ import annotations

from tests.capacity.campaigns import ARMS, THREADED, plan, profile, run, trial, truth
from tests.factory import POINTS
from toolkit.capacity.knee.search import RATE_STEP, SearchResult
from toolkit.capacity.knee.search_plan import step_of
from toolkit.records.store import Record


def test_every_block_finds_its_own_knee_of_every_arm_at_every_point() -> None:
    what = plan(POINTS)
    knees = what.knees(run(what, truth))
    assert len(knees) == what.total() == 2 * 3 * 2
    for (key, block, arm), found in knees.items():
        point = next(one for one in POINTS if one.key == key)
        assert found.finished and found.knee_rps is not None
        assert found.knee_rps <= truth(point, block, arm) < found.knee_rps * RATE_STEP * 1.01


def test_the_ladder_is_one_server_and_each_confirmation_a_fresh_one() -> None:
    records = run(plan(POINTS), truth)
    for record in records:
        steps = {step_of(entry) for entry in record.load.get("rates", ())}
        assert len(steps) <= 1
        if steps == {"confirm"}:
            assert len(record.load["rates"]) == 1
    ladders = [
        record for record in records if record.load.get("rates") and step_of(record.load["rates"][0]) == "ladder"
    ]
    assert all(len(record.load["rates"]) >= 5 for record in ladders)


def test_every_rate_gets_the_requests_that_a_p99_needs() -> None:
    records = run(plan(POINTS), lambda point, block, arm: 90.0)
    entries = [entry for record in records for entry in record.load.get("rates", ())]
    assert entries and all(entry["rate_rps"] * entry["seconds"] >= 2000 for entry in entries)


def test_a_killed_campaign_is_resumed_where_it_was() -> None:
    whole = run(plan(POINTS), truth)
    for kept in (1, 5, 17):
        rest = run(plan(POINTS), truth, whole[:kept])
        assert plan(POINTS).knees(rest) == plan(POINTS).knees(whole)


def test_a_budget_ends_the_campaign_in_time_and_what_it_left_is_named() -> None:
    what = plan(POINTS, budget=400)
    records = run(what, truth)
    assert sum(what.seconds_of(record) for record in records) <= 400
    left = what.unmeasured(records)
    assert left and len(left) + len(what.knees(records)) == what.total()
    assert profile(records, budget=400).unmeasured == tuple(left)
    assert all(arm in " ".join(left) for arm in ARMS)


def test_the_estimate_is_about_what_it_takes() -> None:
    what = plan(POINTS)
    took = sum(what.seconds_of(record) for record in run(what, truth))
    assert 0.6 < what.estimate_seconds() / took < 1.7


def test_an_arm_that_fails_every_time_is_given_up_with_its_reason_and_the_other_goes_on() -> None:
    what = plan(POINTS, blocks=1)
    records: list[Record] = []
    while (block := what.next(records, [])) is not None:
        records += [
            trial(block, arm, truth(block.point, block.index, arm), accepted=arm == "3.14") for arm in block.arms
        ]
    states = what.knees(records)
    assert all(found.finished for (_, _, arm), found in states.items() if arm == "3.14")
    failed = [found for (_, _, arm), found in states.items() if arm == "3.14t"]
    assert failed == [SearchResult(None, None, False, note="given up: foreign-cpu: ")] * 2
    assert profile(records, 1).variants[1].rejected == {"foreign-cpu": 4}


def test_a_slot_does_not_take_a_block_that_another_is_busy_with() -> None:
    what = plan(POINTS)
    first = what.next([], [])
    assert first is not None
    second = what.next([], [first])
    assert second is not None and (second.point, second.index) != (first.point, first.index)


def test_a_grid_is_searched_as_any_points_are() -> None:
    what = plan(THREADED, blocks=1)
    knees = what.knees(run(what, lambda point, block, arm: 1000.0 * point.threads**0.5))
    assert len(knees) == len(THREADED) * 2

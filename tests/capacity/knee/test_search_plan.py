"""A knee campaign: every block finds its own knees, a budget names what it left, a killed one goes on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.capacity.campaigns import ARMS, THREADED, about, plan, run, scenario, trial
from tests.factory import POINTS
from toolkit.capacity.knee.from_records import profile_from_records
from toolkit.capacity.knee.profile import Profile, read_profile, write_profile
from toolkit.capacity.knee.search import RATE_STEP, SearchResult
from toolkit.capacity.knee.search_plan import KneeSettings, step_of
from toolkit.records.store import Record
from toolkit.scenario.model import Point
from toolkit.trial.model import Arm

TRUE = {"3.14": 5000.0, "3.14t": 3000.0}


def truth(point: Point, block: int, arm: str) -> float:
    """A block's own truth: machines are not the same every time."""
    return TRUE[arm] * (1 + 0.1 * block) * (2 if point.endpoint == "io" else 1)


def profile(records: list[Record], blocks: int = 3, budget: int | None = None) -> Profile:
    settings = KneeSettings(plan(POINTS).settings.rules, blocks, budget)
    arms = (Arm("3.14", "gil", "python"), Arm("3.14t", "free-threaded", "python"))
    return profile_from_records("campaign", scenario(POINTS, "asgi"), arms, about(settings), records)


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


def test_a_killed_campaign_goes_on_where_it_was() -> None:
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
    assert failed == [SearchResult(None, None, False, note="given up: wrong-answers: ")] * 2
    assert profile(records, 1).variants[1].rejected == {"wrong-answers": 4}


def test_a_slot_does_not_take_a_block_that_another_is_busy_with() -> None:
    what = plan(POINTS)
    first = what.next([], [])
    assert first is not None
    second = what.next([], [first])
    assert second is not None and (second.point, second.index) != (first.point, first.index)


def test_the_profile_holds_what_a_plan_needs() -> None:
    found = profile(run(plan(POINTS), truth))
    gil, free = found.variants_at(POINTS[0].key)
    assert (gil.variant, free.variant) == ("3.14", "3.14t")
    assert len(gil.knees_rps()) == 3 and not gil.loader_saturated and gil.build_profile == "fast"
    assert gil.memory_high_mb == 100 and gil.memory_kind == "PSS" and gil.server_cpus == 1
    assert gil.server_cpus_used is not None and 0.8 < gil.server_cpus_used <= 0.9
    assert found.unmeasured == () and found.caveats == ("a caveat",)


def test_a_stricter_slo_needs_no_new_measurement() -> None:
    gil = profile(run(plan(POINTS), truth)).variants_at(POINTS[0].key)[0]
    stricter = gil.knees_at(35)
    assert len(stricter) == 3
    assert all(strict < knee for strict, knee in zip(stricter, gil.knees_rps(), strict=True))
    assert gil.knees_at(10) == []


def test_a_profile_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = profile(run(plan(POINTS), truth))
    file = write_profile(found, tmp_path)
    assert read_profile(tmp_path) == read_profile(file) == found
    json.loads(file.read_text())


def test_a_grid_is_searched_as_any_points_are() -> None:
    what = plan(THREADED, blocks=1)
    knees = what.knees(run(what, lambda point, block, arm: 1000.0 * point.threads**0.5))
    assert len(knees) == len(THREADED) * 2

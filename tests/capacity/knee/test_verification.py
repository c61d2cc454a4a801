"""The verification confirms a true knee, and not one that was found too high or too low."""

from __future__ import annotations

from tests.capacity.campaigns import ARMS, RULES, run, trial
from tests.factory import POINTS
from toolkit.capacity.knee.search_plan import VERIFY_BLOCK, KneeSettings
from toolkit.capacity.knee.verification import VerificationPlan
from toolkit.records.reasons import Rejection, outcome_of
from toolkit.records.store import Record

POINT = POINTS[0]


def plan_of(found: float) -> VerificationPlan:
    """The verification plan of a knee that was found on both arms."""
    knees = {(POINT.key, arm): found for arm in ARMS}
    return VerificationPlan(knees, POINTS, ARMS, KneeSettings(RULES, 3, headroom=0.7), 3)


def holds(found: float, truth: float) -> list[bool | None]:
    what = plan_of(found)
    records = run(what, lambda point, block, arm: truth)
    assert what.missing(records) == []
    assert {record.block for record in records} == {VERIFY_BLOCK}
    return [one.holds for one in what.verifications(records)]


def test_a_true_knee_holds_and_one_that_is_too_high_or_too_low_does_not() -> None:
    assert holds(1000, 1000) == [True] * 4
    assert holds(1000, 600) == [False, True, False, True]
    assert holds(1000, 1500) == [True, False, True, False]


def test_the_rate_that_is_to_be_met_lasts_a_minute_on_a_server_of_its_own() -> None:
    records = run(plan_of(1000), lambda point, block, arm: 1000.0)
    lasted = [(entry["rate_rps"], entry["seconds"]) for record in records for entry in record.load["rates"]]
    assert sorted(lasted) == [(700, 60), (700, 60), (1300, 20), (1300, 20)]
    assert all(len(record.load["rates"]) == 1 for record in records)


def test_a_disturbed_minute_is_repeated_within_bounds_and_then_named_as_missing() -> None:
    what, records = plan_of(1000), list[Record]()
    while (block := what.next(records, [])) is not None:
        for arm in block.arms:
            one = trial(block, arm, 1000, disturbed=["9% was stolen"], p99_ms=400.0)
            records.append(one)
    assert len(records) == 4 * 4
    assert len(what.missing(records)) == 4
    assert all(one.holds is None for one in what.verifications(records))


def test_a_server_that_fails_by_itself_at_the_rate_to_be_met_is_not_tried_until_it_is_lucky() -> None:
    what, records = plan_of(1000), list[Record]()
    died = [Rejection("server-died", "the server ended by itself (SIGSEGV)")]
    while (block := what.next(records, [])) is not None:
        for arm in block.arms:
            one = trial(block, arm, 1000)
            if arm == "3.14t":
                one = one.model_copy(update={"rejections": died, "outcome": outcome_of(died)})
            records.append(one)
    assert len(records) == 4
    found = {(one.variant, one.part): (one.holds, one.why) for one in what.verifications(records)}
    assert found["3.14", "verify-met"][0] is True
    assert found["3.14t", "verify-met"] == (False, "server-died: the server ended by itself (SIGSEGV)")


def test_a_knee_that_more_blocks_have_moved_is_verified_again() -> None:
    before = run(plan_of(1000), lambda point, block, arm: 800.0)
    what = plan_of(800)
    assert what.verifications(before) == [] and len(what.missing(before)) == 4
    block = what.next(before, [])
    assert block is not None and block.attempt == 1 + max(one.attempt for one in before)


def test_a_loader_at_its_limit_proves_nothing() -> None:
    what, records = plan_of(1000), list[Record]()
    block = what.next(records, [])
    assert block is not None
    records += [trial(block, arm, 1000, loader_saturation=0.9) for arm in block.arms]
    assert {one.holds for one in what.verifications(records)} == {None}


def test_only_settings_with_a_knee_are_verified() -> None:
    what = VerificationPlan({(POINT.key, "3.14"): 1000}, POINTS, ARMS, KneeSettings(RULES), 3)
    records = run(what, lambda point, block, arm: 1000.0)
    assert {record.arm for record in records} == {"3.14"}

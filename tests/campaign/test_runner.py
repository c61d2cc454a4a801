"""The loop that runs any plan: slots that are lost, time that is over. What trials measure is not looked at here."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factory import a_record
from tests.simulated import ARMS
from toolkit.agent.frames import Frame
from toolkit.backends import SlotUnavailable, one_after_the_other
from toolkit.campaign import runner as module
from toolkit.campaign.ending import Ending
from toolkit.campaign.modes import block_trials, campaign_mode
from toolkit.campaign.plan import Block, FixedMatrix, concluded_blocks, failures
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.records.reasons import Rejection, outcome_of
from toolkit.records.store import Record
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials
from toolkit.trial.model import Arm, Trial, Window

ROUNDS = 3


class Places:
    """A backend of named slots; each `loses` from a number of its trials on."""

    name = "places"

    def __init__(self, **loses: int) -> None:
        self._loses = loses
        self.ran: dict[str, list[Trial]] = defaultdict(list)
        self._both = threading.Barrier(len(loses))

    def slots(self) -> list[str]:
        return list(self._loses)

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        return []

    def apart_reason(self, scenario: Scenario, arms: Sequence[Arm]) -> str:
        return ""

    def run(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        return one_after_the_other(block, lambda trial: self._run_trial(trial, slot))

    def _run_trial(self, trial: Trial, slot: str) -> Iterator[Frame]:
        if not self.ran[slot]:
            self._both.wait(10)  # each slot has begun a block before any goes on
        if len(self.ran[slot]) >= self._loses[slot]:
            raise SlotUnavailable(f"{slot} is gone")
        self.ran[slot].append(trial)
        yield {"kind": "outcome", "seq": 0, "side": "backend", "t_ns": 0, "slot": slot}

    def close(self) -> None:
        pass


class Quiet:
    """Shows nothing; keeps the points that ended."""

    def __init__(self) -> None:
        self.ended: list[Ending] = []

    def block_started(self, slot: str, block: Block) -> None:
        pass

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        pass

    def trial_ended(self, slot: str, one: Record) -> None:
        pass

    def point_ended(self, ending: Ending) -> None:
        self.ended.append(ending)


@pytest.fixture(autouse=True)
def _every_trial_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def accepted(trial: Trial, frames: Sequence[Frame], mode_reason: str) -> Record:
        one = a_record(trial.point, trial.block, trial.arm.name)
        return one.model_copy(update={"trial": trial.id, "attempt": trial.attempt, "slot": frames[-1]["slot"]})

    monkeypatch.setattr(module, "record", accepted)


def run(
    folder: Path, places: Places, deadline: float | None = None, retries: int = 2, scenario: Scenario | None = None
) -> tuple[list[Ending], list[Record], int]:
    scenario = scenario or load_scenario("asgi")
    campaign = Campaign.create(folder / "c", scenario, ARMS, {})
    plan = FixedMatrix("c", tuple(scenario.points()), tuple(arm.name for arm in ARMS), ROUNDS, retries)
    stopped = campaign.run(plan, places, Quiet(), deadline)
    return stopped, campaign.records(), plan.total()


def complete(records: list[Record]) -> int:
    blocks = defaultdict(list)
    for one in records:
        blocks[one.point_key, one.block, one.attempt].append(one)
    return sum(len(some) == len(ARMS) for some in blocks.values())


def test_several_slots_share_the_blocks_and_none_is_torn(tmp_path: Path) -> None:
    stopped, records, total = run(tmp_path, Places(a=100, b=100))
    assert stopped == []
    assert complete(records) == total
    assert {one.slot for one in records} == {"a", "b"}
    for one in records:
        same = [other.slot for other in records if (other.point_key, other.block) == (one.point_key, one.block)]
        assert set(same) == {one.slot}


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_lost_slot_hands_its_unfinished_block_to_the_other(tmp_path: Path, after: int) -> None:
    stopped, records, total = run(tmp_path, Places(a=100, b=after))
    assert stopped == []
    assert complete(records) == total
    assert len([one for one in records if one.slot == "b"]) == after


def test_without_any_slot_left_it_says_so_and_keeps_what_was_measured(tmp_path: Path) -> None:
    with pytest.raises(SlotUnavailable, match=r"no place is left to run trials on: .*a is gone"):
        run(tmp_path, Places(a=3, b=1))
    assert len(Campaign.open(tmp_path / "c").records()) == 4


class Outcomes:
    """Makes the record of a trial as the test says: by point, arm and attempt, a reason against it."""

    def __init__(self, reason: Callable[[Trial], Rejection | None]) -> None:
        self._reason = reason

    def __call__(self, trial: Trial, frames: Sequence[Frame], mode_reason: str = "") -> Record:
        found = [one] if (one := self._reason(trial)) else []
        made = a_record(trial.point, trial.block, trial.arm.name, trial.attempt)
        return made.model_copy(update={"trial": trial.id, "rejections": found, "outcome": outcome_of(found)})


def test_a_point_that_is_hopeless_takes_one_block_and_the_others_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Rejection("wrong-answers", "5 of 5 (before): status 500, expected 200", hopeless=True)
    bad = load_scenario("asgi").points()[0]
    failing = Outcomes(lambda trial: wrong if (trial.point, trial.arm.name) == (bad, "3.14t") else None)
    monkeypatch.setattr(module, "record", failing)
    ended, records, total = run(tmp_path, Places(a=100))
    assert [one.point for one in ended] == [bad.key]
    at_bad = [one for one in records if one.point_key == bad.key]
    assert sorted(one.arm for one in at_bad) == ["3.14", "3.14t"]
    assert len(concluded_blocks(records, ["3.14", "3.14t"])) == total - (ROUNDS - 1)


@pytest.mark.parametrize("slots", [("a",), ("a", "b")])
def test_an_app_that_never_starts_is_tried_at_two_points_and_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots: tuple[str, ...]
) -> None:
    dead = Rejection("server-died", "No module named 'orders'", hopeless=True)
    monkeypatch.setattr(module, "record", Outcomes(lambda trial: dead))
    matrix = load_scenario("wsgi-threads").matrix
    many = matrix[0].model_copy(update={"endpoint": ("json", "io"), "threads": tuple(range(1, 11))})
    scenario = load_scenario("wsgi-threads").model_copy(update={"matrix": (many,)})
    ended, records, _ = run(tmp_path, Places(**dict.fromkeys(slots, 100)), scenario=scenario)
    (last,) = [one for one in ended if one.point is None]
    assert "No module named 'orders'" in last.reason and len(scenario.points()) == 20
    assert len({one.point_key for one in records}) <= 1 + len(slots)


def test_cells_that_cannot_start_end_alone_and_all_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = load_scenario("wsgi-threads").points()
    many = {one.key for one in points if one.threads > 4}
    assert 1 < len(many) < len(points) - 1
    dead = Rejection("server-died", "can't start new thread", hopeless=True)
    monkeypatch.setattr(module, "record", Outcomes(lambda trial: dead if trial.point.key in many else None))
    ended, records, _ = run(tmp_path, Places(a=100), scenario=load_scenario("wsgi-threads"))
    assert {one.point for one in ended} == many
    good = concluded_blocks([one for one in records if one.accepted], ["3.14", "3.14t"])
    assert len(good) == (len(points) - len(many)) * ROUNDS


def test_a_failed_arm_is_not_tried_again_and_the_other_arm_of_its_block_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall = Rejection("stalled", "one request took 9,000 ms")
    monkeypatch.setattr(module, "record", Outcomes(lambda trial: stall if trial.arm.name == "3.14t" else None))
    ended, records, total = run(tmp_path, Places(a=100))
    assert ended == [] and len(records) == 2 * total
    found = failures(records, ["3.14", "3.14t"])
    assert {(arm, one.failed, one.concluded) for (_, arm), one in found.items()} == {
        ("3.14", 0, ROUNDS),
        ("3.14t", ROUNDS, ROUNDS),
    }


def test_a_point_that_the_machine_makes_impossible_does_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = load_scenario("asgi").points()[0]
    noise = Rejection("foreign-cpu", "40%")
    monkeypatch.setattr(module, "record", Outcomes(lambda trial: noise if trial.point == bad else None))
    ended, records, total = run(tmp_path, Places(a=100), retries=20)
    assert [one.point for one in ended] == [bad.key]
    assert len([one for one in records if one.outcome == "rejected"]) < 10  # given up, it is not tried again
    good = {key for key, _ in concluded_blocks(records, ["3.14", "3.14t"])}
    assert len(concluded_blocks(records, ["3.14", "3.14t"])) == total - ROUNDS and bad.key not in good


def test_a_campaign_that_was_stopped_for_noise_goes_on_when_it_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Rejection("foreign-cpu", "40%")
    monkeypatch.setattr(module, "record", Outcomes(lambda trial: noise))
    scenario = load_scenario("asgi")
    campaign = Campaign.create(tmp_path / "c", scenario, ARMS, {})
    plan = FixedMatrix("c", tuple(scenario.points()), tuple(arm.name for arm in ARMS), ROUNDS, 20)
    (stopped,) = [one for one in campaign.run(plan, Places(a=100), Quiet()) if one.point is None]
    assert "rejected for one cause: foreign-cpu" in stopped.reason
    monkeypatch.setattr(module, "record", Outcomes(lambda trial: None))
    assert campaign.run(plan, Places(a=100), Quiet()) == []
    assert len(concluded_blocks(campaign.records(), ["3.14", "3.14t"])) == plan.total()


def test_a_results_folder_has_one_writer_at_a_time(tmp_path: Path) -> None:
    first = Campaign.create(tmp_path / "c", load_scenario("asgi"), ARMS, {})
    second = Campaign.open(tmp_path / "c")
    with (
        first.write_lock(),
        pytest.raises(GilfreeError, match="is being written by another gilfree"),
        second.write_lock(),
    ):
        pass
    with second.write_lock():
        pass


def test_when_its_time_is_over_no_block_is_begun_and_it_says_how_to_go_on(tmp_path: Path) -> None:
    stopped, records, _ = run(tmp_path, Places(a=100), deadline=time.monotonic() - 1)
    assert [one.point for one in stopped] == [None] and "--resume" in stopped[0].reason
    assert records == []


class InTurns(Places):
    """A backend that can load its arms in turns; keeps the blocks that it is given."""

    def __init__(self) -> None:
        super().__init__(a=100)
        self.blocks: list[BlockTrials] = []

    def run(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        self.blocks.append(block)
        if block.mode == "turns":
            yield {"kind": "hello", "seq": 0, "side": "load", "t_ns": 0}  # of the one load agent: it has no arm
        yield from super().run(block, slot)


def test_a_point_whose_servers_do_not_idle_is_measured_apart_from_then_on_and_the_others_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario, backend = load_scenario("asgi"), InTurns()
    restless = scenario.points()[0]

    def records(block: BlockTrials, frames: Sequence[Frame]) -> list[Record]:
        assert frames[0]["kind"] == "hello"
        not_idle = Rejection("not-idle", "3.14t used 4% of a CPU while others were loaded")
        made = Outcomes(lambda trial: not_idle if trial.point == restless else None)
        return [made(trial, frames) for trial in block.trials]

    monkeypatch.setattr(module, "record", Outcomes(lambda trial: None))
    monkeypatch.setattr(module, "block_records", records)
    campaign = Campaign.create(tmp_path / "c", scenario, ARMS, campaign_mode(False))
    plan = FixedMatrix("c", tuple(scenario.points()), tuple(arm.name for arm in ARMS), ROUNDS, 1)
    assert campaign.run(plan, backend, Quiet()) == []
    modes = {(one.trials[0].point == restless, one.mode, one.reason) for one in backend.blocks}
    assert modes == {
        (False, "turns", ""),
        (True, "turns", ""),
        (True, "apart", "3.14t used 4% of a CPU while others were loaded"),
    }
    assert len(backend.blocks) == plan.total() + 1  # one block had to be run again, apart


def test_arms_are_loaded_in_turns_unless_somebody_or_something_is_against_it() -> None:
    scenario = load_scenario("asgi")
    trials = [Trial("c", scenario, scenario.points()[0], 0, arm, 1) for arm in ARMS]
    turns = campaign_mode(False)
    assert block_trials(trials, turns, "", []).mode == "turns"
    assert block_trials(trials, campaign_mode(True), "", []).mode == "apart"
    assert block_trials(trials, {}, "", []).mode == "apart"  # a campaign from before there were turns
    assert block_trials(trials, turns, "no room", []).reason == "no room"
    soaks = [replace(one, windows=(Window("soak-0", 60),)) for one in trials]
    assert "a server of their own" in block_trials(soaks, turns, "", []).reason
    assert "too many" in block_trials([trials[0]] * 5, turns, "", []).reason

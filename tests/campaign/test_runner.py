"""The loop that runs any plan: slots that are lost, time that is over. What trials measure is not looked at here."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.factory import a_record
from tests.simulated import ARMS
from toolkit.agent.frames import Frame
from toolkit.backends import SlotUnavailable
from toolkit.campaign import runner as module
from toolkit.campaign.ending import Ending
from toolkit.campaign.plan import Block, FixedMatrix
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial

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

    def run(self, trial: Trial, slot: str) -> Iterator[Frame]:
        if not self.ran[slot]:
            self._both.wait(10)  # each slot has begun a block before any goes on
        if len(self.ran[slot]) >= self._loses[slot]:
            raise SlotUnavailable(f"{slot} is gone")
        self.ran[slot].append(trial)
        yield {"kind": "outcome", "seq": 0, "side": "backend", "t_ns": 0, "slot": slot}

    def close(self) -> None:
        pass


class Quiet:
    def block_started(self, slot: str, block: Block) -> None:
        pass

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        pass

    def trial_ended(self, slot: str, one: Record) -> None:
        pass


@pytest.fixture(autouse=True)
def _every_trial_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def accepted(trial: Trial, frames: Sequence[Frame]) -> Record:
        one = a_record(trial.point, trial.block, trial.arm.name)
        return one.model_copy(update={"trial": trial.id, "attempt": trial.attempt, "slot": frames[-1]["slot"]})

    monkeypatch.setattr(module, "record", accepted)


def run(folder: Path, places: Places, deadline: float | None = None) -> tuple[list[Ending], list[Record], int]:
    scenario = load_scenario("asgi")
    campaign = Campaign.create(folder / "c", scenario, ARMS, {})
    plan = FixedMatrix("c", tuple(scenario.points()), tuple(arm.name for arm in ARMS), ROUNDS, 2)
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

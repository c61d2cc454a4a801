"""A campaign: a scenario, its arms and its blocks in one results folder, and the loop that runs any plan.

One thread for each slot runs whole blocks. Frames are written to logs/<block>.jsonl as they arrive, a record to
trials.jsonl when the trial has ended. There is no other state: after a kill, the plan is called again with the records
that exist. The backend removes what a killed trial left running.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from toolkit.agent.frames import Frame
from toolkit.backends import Backend, SlotUnavailable
from toolkit.campaign.description import SCHEMA, lacking, read_description
from toolkit.campaign.ending import Ending, endings, waiting_points
from toolkit.campaign.logs import log_file
from toolkit.campaign.modes import block_trials
from toolkit.campaign.plan import Block, Plan
from toolkit.errors import GilfreeError
from toolkit.records.store import Record, Store, record
from toolkit.records.turns import block_records
from toolkit.scenario.loading import recorded_scenario
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials
from toolkit.trial.model import Arm, Trial


class ProgressListener(Protocol):
    """Receives the events of a running campaign, such as the progress display does."""

    def block_started(self, slot: str, block: Block) -> None:
        """A slot has started a block."""

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        """A frame of a trial has arrived."""

    def trial_ended(self, slot: str, one: Record) -> None:
        """A trial has ended with this record."""

    def point_ended(self, ending: Ending) -> None:
        """A point takes no more blocks."""


class Campaign:
    """The folder results/<name>: campaign.json, trials.jsonl, logs/."""

    def __init__(self, folder: Path, description: Mapping[str, Any]) -> None:
        self.folder, self.description = folder, dict(description)
        self.name = folder.name
        self.scenario = recorded_scenario(self.description["scenario"])
        self.arms = tuple(Arm(**arm) for arm in self.description["arms"])
        self.store = Store(folder / "trials.jsonl")

    @classmethod
    def create(cls, folder: Path, scenario: Scenario, arms: Sequence[Arm], details: Mapping[str, Any]) -> Campaign:
        """Make the folder and campaign.json, with `details` (pair, machine, versions, command) as further keys.

        Raises GilfreeError when the folder holds a campaign already.
        """
        if (folder / "campaign.json").exists():
            raise GilfreeError(
                f"{folder} already holds a campaign", "give another --name, or continue it with --resume"
            )
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        description = {
            "schema": SCHEMA,
            "name": folder.name,
            "scenario": scenario.model_dump(mode="json"),
            "arms": [{**asdict(arm), "settings": dict(arm.settings)} for arm in arms],
            **details,
        }
        return cls.replace(folder, description)

    @classmethod
    def replace(cls, folder: Path, description: Mapping[str, Any]) -> Campaign:
        """Write campaign.json, whole or not at all."""
        partial = folder / "campaign.json.part"
        partial.write_text(json.dumps(description, indent=1) + "\n")
        partial.rename(folder / "campaign.json")
        return cls(folder, description)

    @classmethod
    def open(cls, folder: Path) -> Campaign:
        """Read an existing campaign. Raises GilfreeError as `read_description`, and when the description lacks something."""
        description = read_description(folder)
        try:
            return cls(folder, description)
        except (KeyError, TypeError, ValueError) as error:
            raise GilfreeError(
                f"{folder / 'campaign.json'} does not describe a campaign: {lacking(error)}",
                "restore it; trials.jsonl cannot be read without it",
            ) from None

    def records(self) -> list[Record]:
        """All records so far. Raises GilfreeError for a line that is not a record."""
        return self.store.read()

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the lock that makes this the only writer of the folder. Raises GilfreeError when another process has it."""
        try:
            lock = FileLock(self.folder / ".lock").acquire(timeout=0)
        except Timeout:
            raise GilfreeError(f"{self.folder} is being written by another gilfree", "wait for it to end") from None
        with lock:
            yield

    def run(
        self, plan: Plan, backend: Backend, listener: ProgressListener, deadline: float | None = None
    ) -> list[Ending]:
        """Run the plan to its end. Returns what ended earlier: points that were given up, and the campaign itself.

        Ctrl-C ends the trial under way and is raised.
        deadline: the time of time.monotonic() after which no block is started; None: there is none.
        """
        with self.write_lock():
            return _CampaignRun(self, plan, backend, listener, deadline).run()


class _CampaignRun:
    """The threads of one run of a campaign; `_condition` guards the attributes set after it."""

    def __init__(
        self, campaign: Campaign, plan: Plan, backend: Backend, listener: ProgressListener, deadline: float | None
    ) -> None:
        self._campaign, self._plan, self._backend, self._listener = campaign, plan, backend, listener
        self._deadline = deadline
        self._apart_here = backend.apart_reason(campaign.scenario, campaign.arms)
        self._arms = {arm.name: arm for arm in campaign.arms}
        self._condition = threading.Condition()
        self._records = campaign.records()
        self._recorded_before = len(self._records)
        self._points = campaign.scenario.points()
        self._running: list[Block] = []
        self._active_slots = 0
        self._stopping = False
        self._endings: list[Ending] = []
        self._error: BaseException | None = None
        self._lost_slots: list[str] = []

    def run(self) -> list[Ending]:
        slots = self._backend.slots()
        self._active_slots = len(slots)
        for slot in slots:
            threading.Thread(target=self._run_slot, args=(slot,), name=f"slot-{slot}").start()
        try:
            self._wait()
        except BaseException:
            self._stop()
            self._wait()
            raise
        if self._error is not None:
            raise self._error
        return self._endings

    def _wait(self) -> None:
        """Wait until all slots have ended. Not by Thread.join: after a signal during it, CPython 3.11 regards a running
        thread as ended, and the trial under way would be left running."""
        with self._condition:
            while self._active_slots:
                self._condition.wait(0.2)  # with a timeout, so that a signal reaches the main thread

    def _stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def _run_slot(self, slot: str) -> None:
        try:
            while (block := self._next_block()) is not None:
                try:
                    self._run_block(block, slot)
                finally:
                    with self._condition:
                        self._running.remove(block)
                        self._condition.notify_all()
        except SlotUnavailable as error:
            with self._condition:
                self._lost_slots.append(str(error))
                if self._active_slots == 1:
                    self._error = SlotUnavailable(
                        f"no place is left to run trials on: {'; '.join(self._lost_slots)}", error.remedy
                    )
        except BaseException as error:  # noqa: BLE001  (raised again in the main thread)
            self._error = error
            self._stop()
        finally:
            with self._condition:
                self._active_slots -= 1
                self._condition.notify_all()

    def _next_block(self) -> Block | None:
        """The next block; waits while blocks are running that may fail and have to be run again."""
        with self._condition:
            while not self._stopping:
                self._add_endings()
                if any(one.point is None for one in self._endings):
                    return None
                block = self._planned()
                if block is not None:
                    self._running.append(block)
                    return block
                if not self._running:
                    return None
                self._condition.wait()
            return None

    def _planned(self) -> Block | None:
        """The plan's next block, at a second point first where an app did not start at its first."""
        given_up = {one.point for one in self._endings if one.point is not None}
        waiting = waiting_points(self._records, self._points, given_up)
        block = self._plan.next(self._records, self._running, given_up | waiting)
        if block is None and waiting and not self._running:
            block = self._plan.next(self._records, self._running, given_up)  # the second point can take no more blocks
        return block

    def _add_endings(self) -> None:
        """Note what takes no more blocks: by the records, without blocks under way, and by the deadline.

        A point that was given up stays so in this run, and the other points are judged without it.
        """
        given_up = {one.point for one in self._endings if one.point is not None}
        running = {(block.point.key, block.index) for block in self._running}
        records = [one for one in self._records if (one.point_key, one.block) not in running]
        share = self._campaign.scenario.limits.rejected_share
        found = endings(records, self._records[self._recorded_before :], self._points, share, given_up)
        if self._deadline is not None and time.monotonic() > self._deadline:
            found.append(Ending(None, "its time was over; continue it with --resume"))
        for one in found:
            if one.point not in {before.point for before in self._endings}:
                self._endings.append(one)
                if one.point is not None:
                    self._listener.point_ended(one)

    def _run_block(self, block: Block, slot: str) -> None:
        """Run a block and record its trials. Nothing is recorded of trials under way when the campaign is being stopped.

        Apart, each trial is recorded when it has ended, and one that was rejected ends the block: it is run again, so its
        other arms would not count.
        """
        self._listener.block_started(slot, block)
        trials = self._trials_of(block)
        seen: list[Frame] = []
        with closing(self._logged(trials, slot)) as frames:  # type: ignore[type-var]
            for frame in frames:
                seen.append(frame)
                if self._stopping:
                    return
                if trials.mode == "apart" and frame["kind"] == "outcome":
                    own = [one for one in seen if one["arm"] == frame["arm"]]
                    one = self._keep(record(trials.trial(frame["arm"]), own, trials.reason), slot)
                    if one.outcome == "rejected":
                        return
        if trials.mode == "turns":
            for one in block_records(trials, seen):
                self._keep(one, slot)

    def _logged(self, trials: BlockTrials, slot: str) -> Iterator[Frame]:
        """The frames of a block as its backend yields them, logged and shown."""
        log = log_file(self._campaign.folder, trials.id)
        with log.open("w") as file, closing(self._backend.run(trials, slot)) as frames:  # type: ignore[type-var]
            for frame in frames:
                file.write(json.dumps(frame, separators=(",", ":")) + "\n")
                if "arm" in frame:
                    self._listener.frame(slot, trials.trial(frame["arm"]), frame)
                yield frame

    def _trials_of(self, block: Block) -> BlockTrials:
        """The trials that a planned block comes to, and how they are loaded."""
        campaign = self._campaign
        made = [
            Trial(
                campaign.name,
                campaign.scenario,
                block.point,
                block.index,
                self._arms[name],
                block.attempt,
                block.windows.get(name, ()),
            )
            for name in block.arms
        ]
        with self._condition:
            return block_trials(made, campaign.description, self._apart_here, self._records)

    def _keep(self, one: Record, slot: str) -> Record:
        with self._condition:
            self._campaign.store.append(one)
            self._records.append(one)
        self._listener.trial_ended(slot, one)
        return one

"""A campaign: a scenario, its arms and its blocks in one results folder, and the one loop that runs any plan.

One thread per slot takes a whole block. Frames go to logs/<trial>.jsonl as they come, the record to trials.jsonl when
the trial has ended. There is no other state, so going on after a kill is asking the plan again with the records there
are; what a killed trial left behind its backend removes.
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
from toolkit.campaign.plan import Block, Plan, stop_reason
from toolkit.errors import GilfreeError
from toolkit.records.store import Record, Store, record
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial

SCHEMA = 1


class Watcher(Protocol):
    """Who is told how a campaign goes: the progress display, or nobody."""

    def block_started(self, slot: str, block: Block) -> None:
        """A slot has taken a block."""

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        """A frame has come."""

    def trial_ended(self, slot: str, one: Record) -> None:
        """A trial has its record."""


class Campaign:
    """The folder results/<name>: campaign.json, trials.jsonl, logs/."""

    def __init__(self, folder: Path, description: Mapping[str, Any]) -> None:
        self.folder, self.description = folder, dict(description)
        self.name = folder.name
        self.scenario = Scenario.model_validate(self.description["scenario"])
        self.arms = tuple(Arm(**arm) for arm in self.description["arms"])
        self.store = Store(folder / "trials.jsonl")

    @classmethod
    def create(cls, folder: Path, scenario: Scenario, arms: Sequence[Arm], about: Mapping[str, Any]) -> Campaign:
        """Make the folder; `about` is what else campaign.json is to hold (pair, machine, versions, command)."""
        if (folder / "campaign.json").exists():
            raise GilfreeError(f"{folder} holds a campaign already", "take another --name, or go on with --resume")
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        description = {
            "schema": SCHEMA,
            "name": folder.name,
            "scenario": scenario.model_dump(mode="json"),
            "arms": [{**asdict(arm), "settings": dict(arm.settings)} for arm in arms],
            **about,
        }
        partial = folder / "campaign.json.part"
        partial.write_text(json.dumps(description, indent=1) + "\n")
        partial.rename(folder / "campaign.json")
        return cls(folder, description)

    @classmethod
    def open(cls, folder: Path) -> Campaign:
        """Read a campaign that is there. Raises GilfreeError naming the folder when it is none."""
        file = folder / "campaign.json"
        try:
            description = json.loads(file.read_text())
        except FileNotFoundError:
            raise GilfreeError(f"{folder} holds no campaign (no campaign.json)", "see `ls results`") from None
        except ValueError as error:
            raise GilfreeError(
                f"{file} is not JSON: {error}", "restore it; trials.jsonl is read only beside it"
            ) from None
        if description.get("schema") != SCHEMA:
            raise GilfreeError(
                f"{file} has schema {description.get('schema')}, this gilfree reads {SCHEMA}",
                "read it with the gilfree that wrote it (campaign.json names its version)",
            )
        return cls(folder, description)

    def records(self) -> list[Record]:
        """All records so far."""
        return self.store.read()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer of this folder. Raises GilfreeError when another process is."""
        try:
            lock = FileLock(self.folder / ".lock").acquire(timeout=0)
        except Timeout:
            raise GilfreeError(f"{self.folder} is being written by another gilfree", "wait for it to end") from None
        with lock:
            yield

    def run(self, plan: Plan, backend: Backend, watcher: Watcher, until: float | None = None) -> str | None:
        """Run the plan to its end; why it stopped before that, or None. Ctrl-C ends the trial under way and is raised.

        until: time (of time.monotonic) after which no block is begun.
        """
        with self.writing():
            return _Run(self, plan, backend, watcher, until).run()


class _Run:
    """The threads of one run over one campaign; `_changed` guards everything below it."""

    def __init__(self, campaign: Campaign, plan: Plan, backend: Backend, watcher: Watcher, until: float | None) -> None:
        self._campaign, self._plan, self._backend, self._watcher = campaign, plan, backend, watcher
        self._until = until
        self._arms = {arm.name: arm for arm in campaign.arms}
        self._changed = threading.Condition()
        self._records = campaign.records()
        self._running: list[Block] = []
        self._alive = 0
        self._stopping = False
        self._stopped: str | None = None
        self._error: BaseException | None = None
        self._lost: list[str] = []

    def run(self) -> str | None:
        slots = self._backend.slots()
        self._alive = len(slots)
        for slot in slots:
            threading.Thread(target=self._serve_slot, args=(slot,), name=f"slot-{slot}").start()
        try:
            self._wait()
        except BaseException:
            self._stop()
            self._wait()
            raise
        if self._error is not None:
            raise self._error
        return self._stopped

    def _wait(self) -> None:
        """Until all slots have ended. Not by Thread.join: a signal in the middle of it makes CPython 3.11 take a running
        thread for one that has ended, and the trial under way would be left behind."""
        with self._changed:
            while self._alive:
                self._changed.wait(0.2)  # not for ever: a signal must reach the main thread

    def _stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _serve_slot(self, slot: str) -> None:
        try:
            while (block := self._take()) is not None:
                try:
                    self._run_block(block, slot)
                finally:
                    with self._changed:
                        self._running.remove(block)
                        self._changed.notify_all()
        except SlotUnavailable as error:
            with self._changed:
                self._lost.append(str(error))
                if self._alive == 1:
                    self._error = SlotUnavailable(
                        f"no place is left to run trials on: {'; '.join(self._lost)}", error.remedy
                    )
        except BaseException as error:  # noqa: BLE001  (raised again in the main thread)
            self._error = error
            self._stop()
        finally:
            with self._changed:
                self._alive -= 1
                self._changed.notify_all()

    def _take(self) -> Block | None:
        """The next block, waiting while others run that may yet fail and have to be run again."""
        with self._changed:
            while not self._stopping:
                self._stopped = stop_reason(self._records, self._campaign.scenario.limits.rejected_share)
                if self._until is not None and time.monotonic() > self._until:
                    self._stopped = self._stopped or "its time was over; go on with --resume"
                if self._stopped:
                    return None
                block = self._plan.next(self._records, self._running)
                if block is not None:
                    self._running.append(block)
                    return block
                if not self._running:
                    return None
                self._changed.wait()
            return None

    def _run_block(self, block: Block, slot: str) -> None:
        self._watcher.block_started(slot, block)
        for name in block.arms:
            windows = block.windows.get(name, ())
            arm, scenario = self._arms[name], self._campaign.scenario
            trial = Trial(self._campaign.name, scenario, block.point, block.index, arm, block.attempt, windows)
            one = self._run_trial(trial, slot)
            if one is None or not one.accepted:
                return  # the block is run again whole, so its other arms would be for nothing

    def _run_trial(self, trial: Trial, slot: str) -> Record | None:
        """One trial to its record; None, and nothing recorded, when the campaign is being stopped."""
        seen: list[Frame] = []
        log = self._campaign.folder / "logs" / f"{trial.id}.jsonl"
        with log.open("w") as file, closing(self._backend.run(trial, slot)) as frames:  # type: ignore[type-var]
            for frame in frames:
                seen.append(frame)
                file.write(json.dumps(frame, separators=(",", ":")) + "\n")
                self._watcher.frame(slot, trial, frame)
                if self._stopping:
                    return None
        one = record(trial, seen)
        with self._changed:
            self._campaign.store.append(one)
            self._records.append(one)
        self._watcher.trial_ended(slot, one)
        return one


def frames_of(campaign: Campaign, trial_id: str) -> list[Frame]:
    """The frames that a trial's log holds; a torn last line is left out."""
    found = []
    for line in (campaign.folder / "logs" / f"{trial_id}.jsonl").read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found

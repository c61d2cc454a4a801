"""Backends: where the two sides of a trial run. They yield frames and know nothing of figures.

A failed block never raises: the last frame of each of its trials is the backend's own `outcome`, which says how both sides
ended and, under `problem` (reason, detail), what the backend itself met (records/reasons.py holds all reasons). Only what
ends a campaign is raised (the engine does not answer any more): nothing is then recorded of the trials under way, and the
campaign can be resumed. Running the same block again first removes or adopts what an earlier run left. Closing the
iterator removes all sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol, runtime_checkable

from toolkit.agent.frames import Frame
from toolkit.errors import GilfreeError
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials
from toolkit.trial.model import Arm, Trial


class Backend(Protocol):
    """The seam between a campaign and the place where blocks run."""

    name: str

    def slots(self) -> list[str]:
        """Names of the places that each run one block at a time; at least one."""

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Check and make ready, once before the first block. Returns caveats, as sentences for the user.

        Raises GilfreeError when the scenario cannot run here.
        """

    def apart_reason(self, scenario: Scenario, arms: Sequence[Arm]) -> str:
        """Why the servers of these arms cannot all be alive at once here, to be loaded in turns; "" when they can."""

    def run(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        """Run the trials of a block in `slot`, in the block's mode, which is turns only without an `apart_reason`.

        Yields their frames as they come, each with its `arm` (without one: what all arms of a block in turns share); the
        last of each arm is `outcome`. Apart, a trial ends before the next one starts, so that whoever reads the frames may
        end the block in between. Raises GilfreeError only for what ends the campaign, and SlotUnavailable for what ends
        this slot.
        """

    def close(self) -> None:
        """Give back whatever `prepare` took. May be called without `prepare`, and again."""


@runtime_checkable
class DescriptionStore(Protocol):
    """A backend that keeps a campaign's description where its trials run, so that they can be gathered from there."""

    def store_description(self, name: str, description: Mapping[str, Any]) -> None:
        """Keep the description (JSON-ready data) of campaign `name` until `close`."""


class SlotUnavailable(GilfreeError):
    """A slot takes no trials any more (its node was cordoned or deleted): its block goes to another slot."""


def outcome_frame(backend: str, slot: str, fields: Mapping[str, Any]) -> Frame:
    """The last frame of a trial, made by the backend itself: its name, the slot, and what it knows of the trial."""
    head = {"seq": 0, "side": "backend", "kind": "outcome", "t_ns": time.monotonic_ns()}
    return {**head, "backend": backend, "slot": slot, **fields}


def one_after_the_other(block: BlockTrials, run: Callable[[Trial], Iterator[Frame]]) -> Iterator[Frame]:
    """The frames of all trials of a block, each run by `run` when the one before has ended; every frame with its `arm`."""
    for trial in block.trials:
        with closing(run(trial)) as frames:  # type: ignore[type-var]
            for frame in frames:
                yield {**frame, "arm": trial.arm.name}

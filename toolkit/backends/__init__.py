"""Backends: where the two sides of a trial run. They yield frames and know nothing of figures.

A failed trial never raises: the last frame is the backend's own `outcome`, which says how both sides ended and, under
`problem` (reason, detail), what the backend itself met (records/reasons.py holds all reasons). Only what ends a campaign is raised (the engine
does not answer any more): nothing is then recorded of the trial, and the campaign can be resumed. Running the same
trial id again first removes or adopts what an earlier run left. Closing the iterator removes both sides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from toolkit.agent.frames import Frame
from toolkit.errors import GilfreeError
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial


class Backend(Protocol):
    """The seam between a campaign and the place where trials run."""

    name: str

    def slots(self) -> list[str]:
        """Names of the places that each run one trial at a time; at least one."""

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Check and make ready, once before the first trial. Returns caveats, as sentences for the user.

        Raises GilfreeError when the scenario cannot run here.
        """

    def run(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """Run one trial in `slot`. Yields its frames as they come, `outcome` last.

        Raises GilfreeError only for what ends the campaign, and SlotUnavailable for what ends this slot.
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

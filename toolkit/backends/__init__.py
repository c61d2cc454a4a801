"""Backends: where the two sides of a trial run. They yield frames and know nothing of figures.

A failed trial never raises: the last frame is the backend's own `outcome`, which says how both sides ended and, under
`problem` (reason, detail, environmental), what the backend itself met. Raised is only what ends a campaign, so that
nothing is recorded of the trial and the campaign can be resumed: the engine is gone. Running the same trial id again
first removes or adopts what an earlier run left. Closing the iterator removes both sides.
"""

from __future__ import annotations

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
        """The places that each run one trial at a time; at least one."""

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Check and make ready, once before the first trial; what the user should know (caveats) is returned.

        Raises GilfreeError when the scenario cannot run here.
        """

    def run(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """Run one trial; its frames as they come, `outcome` last."""

    def close(self) -> None:
        """Give back whatever `prepare` took."""


@runtime_checkable
class DescriptionStore(Protocol):
    """A backend that keeps a campaign's description where its trials run, so that they can be gathered from there."""

    def store_description(self, name: str, description: Mapping[str, Any]) -> None:
        """Keep it until `close`."""


class SlotUnavailable(GilfreeError):
    """The place that a slot is went away (a node cordoned or deleted): its block goes to another slot."""

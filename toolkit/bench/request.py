"""What the user asks `gilfree bench` for, what a backend prepares for it, and the check that all backends share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.backends import Backend
from toolkit.bench.baselines import BaselineArms
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit
from toolkit.scenario.model import ARM_COUNTS, ArmSet, Scenario
from toolkit.trial.baseline import Baseline
from toolkit.trial.model import Arm


@dataclass(frozen=True)
class BackendOptions:
    """Where trials are to run.

    Docker and Kubernetes use `registry` (HOST[/PREFIX] whose image digests to use); only Kubernetes uses the others:
    `yes` skips the confirmation, `cluster_file` holds `cluster:` settings, `keep` leaves Jobs and logs at the end.
    """

    backend: str = "local"
    registry: str | None = None
    context: str | None = None
    namespace: str | None = None
    yes: bool = False
    cluster_file: Path | None = None
    keep: bool = False


@dataclass(frozen=True)
class BenchRequest:
    """What the user asked for beyond the scenarios.

    apart: one server after the other instead of in turns. budget_seconds: the time of the run; None: as long as it takes.
    explicit: the pair to use, GIL first: executables locally, image references elsewhere. stopping: the rule of
    --stop-when-sure, and knee: the settings of a search for knees (capacity/knee/search_plan.py), both as campaign.json
    holds them.
    """

    python: str
    profile: str
    explicit: tuple[str, str] | None
    project: Path | None
    port: int | None
    quiet: bool
    against: Baseline | None = None
    aa: bool = False
    apart: bool = False
    stopping: Mapping[str, Any] | None = None
    knee: Mapping[str, Any] | None = None
    budget_seconds: float | None = None
    options: BackendOptions = field(default_factory=BackendOptions)

    def arms(self, scenario: Scenario) -> int:
        """How many arms a campaign of this scenario has."""
        aa: ArmSet = "variants+aa" if self.aa and scenario.arms == "variants" else scenario.arms
        return ARM_COUNTS[aa] + (2 if self.against is not None else 0)

    @property
    def own_images(self) -> bool:
        """Whether the images, where there are any, are not all gilfree's own: what is in them was not tested here."""
        return self.project is not None or self.explicit is not None


@dataclass(frozen=True)
class PreparedBackend:
    """A backend that is ready for campaigns, with the arms to run on it.

    arms: GIL, then free-threaded; those of `--against` are in `baseline`. description: its part of campaign.json (`pair`,
    `packages`, …). cpus: one entry for each scenario, in their order.
    """

    backend: Backend
    arms: tuple[Arm, ...]
    baseline: BaselineArms
    description: Mapping[str, Any]
    cpus: tuple[CpuSplit, ...]


def check_loops(
    scenarios: Sequence[Scenario], series: str, installed: Mapping[str, str], against: Baseline | None
) -> None:
    """Raises GilfreeError for an event loop, of a scenario or of `--against`, whose package is not installed.

    series: the pair's, for the message. installed: versions by package name; a loop's package has its name.
    """
    loops = {point.loop for scenario in scenarios for point in scenario.points()}
    loops |= {against.settings.get("loop") if against else None}  # type: ignore[arg-type]
    for loop in sorted(loop for loop in loops if loop not in (None, "asyncio")):
        if loop not in installed:
            raise GilfreeError(
                f"loop {loop!r} has no wheel for both variants of {series}",
                "take asyncio, or lock a version that has",
            )

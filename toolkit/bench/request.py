"""What a user asks of the main job, what a backend made ready for it, and the checks that all backends share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.backends import Backend
from toolkit.bench.baselines import Held
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import Reference
from toolkit.trial.model import Arm


@dataclass(frozen=True)
class BackendOptions:
    """Where trials are to run. `registry`, `context`, `namespace` and `yes` are of use to some backends only."""

    backend: str = "local"
    registry: str | None = None
    context: str | None = None
    namespace: str | None = None
    yes: bool = False
    cluster_file: Path | None = None
    keep: bool = False


@dataclass(frozen=True)
class BenchRequest:
    """What the user asked for, as far as it is not in the scenarios.

    explicit: the pair itself, GIL and free-threaded: executables locally, image references elsewhere. knee: settings of a
    search for knees (capacity/knee_plan.py), as campaign.json holds them.
    """

    python: str
    profile: str
    explicit: tuple[str, str] | None
    project: Path | None
    port: int | None
    quiet: bool
    against: Reference | None = None
    aa: bool = False
    stopping: Mapping[str, Any] | None = None
    knee: Mapping[str, Any] | None = None
    options: BackendOptions = field(default_factory=BackendOptions)


@dataclass(frozen=True)
class PreparedBackend:
    """A backend that is ready for campaigns, and what they are told of it.

    about: for campaign.json (`pair`, `packages`, …). cpus: one for each scenario, in their order.
    """

    backend: Backend
    arms: tuple[Arm, ...]
    held: Held
    about: Mapping[str, Any]
    cpus: tuple[CpuSplit, ...]


def check_loops(
    scenarios: Sequence[Scenario], series: str, installed: Mapping[str, str], against: Reference | None
) -> None:
    """Refuse an event loop that is not among the locked packages, which hold wheels for both variants only."""
    loops = {point.loop for scenario in scenarios for point in scenario.points()}
    loops |= {against.settings.get("loop") if against else None}  # type: ignore[arg-type]
    for loop in sorted(loop for loop in loops if loop not in (None, "asyncio")):
        if loop not in installed:
            raise GilfreeError(
                f"loop {loop!r} has no wheel for both variants of {series}",
                "take asyncio, or lock a version that has",
            )

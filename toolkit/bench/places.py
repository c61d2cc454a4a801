"""The one place where `--backend` becomes a backend, with the arms that it serves from and what a record must know of it.

Locally arms are Python executables; on Docker and Kubernetes they are images, by id or digest, never by a moving tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.backends import Backend
from toolkit.bench.baselines import Held
from toolkit.errors import GilfreeError
from toolkit.host.cpus import Cpus, physical_cores, split
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import Reference
from toolkit.trial.model import Arm

Say = Callable[[str], None]

BACKENDS = ("local", "docker", "kubernetes")


@dataclass(frozen=True)
class Where:
    """Where trials are to run. `registry`, `context`, `namespace` and `yes` are of use to some backends only."""

    backend: str = "local"
    registry: str | None = None
    context: str | None = None
    namespace: str | None = None
    yes: bool = False
    cluster_file: Path | None = None
    keep: bool = False


@dataclass(frozen=True)
class Asked:
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
    where: Where = field(default_factory=Where)


@dataclass(frozen=True)
class Place:
    """A backend that is ready for campaigns, and what they are told of it.

    about: for campaign.json (`pair`, `packages`, …). cpus: one for each scenario, in their order.
    """

    backend: Backend
    arms: tuple[Arm, ...]
    held: Held
    about: Mapping[str, Any]
    cpus: tuple[Cpus, ...]


def check_backend(name: str) -> None:
    """Refuse a name that is no backend."""
    if name not in BACKENDS:
        raise GilfreeError(f"there is no backend {name!r}", f"take {', '.join(BACKENDS)}")


def choose(asked: Asked, scenarios: Sequence[Scenario], say: Say) -> Place:
    """Make everything ready that trials of these scenarios need there. Raises GilfreeError for what cannot be."""
    check_backend(asked.where.backend)
    if asked.where.backend == "local":
        return _local(asked, scenarios, say)
    if asked.port is not None:
        raise GilfreeError("--port: a container's ports are its own", "leave it away; it is for BACKEND=local")
    if asked.where.backend == "docker":
        from toolkit.bench.docker_place import docker_place

        return docker_place(asked, scenarios, say)
    from toolkit.bench.kubernetes_place import kubernetes_place

    return kubernetes_place(asked, scenarios, say)


def again(about: Mapping[str, Any], arms: Sequence[Arm], where: Where, port: int | None) -> Backend:
    """The backend to go on with, from what campaign.json holds. Raises GilfreeError when what it needs is gone.

    Runs of earlier versions do not name their backend: they were local.
    """
    name = about.get("backend", "local")
    if name == "docker":
        from toolkit.bench.docker_place import docker_again

        return docker_again(about, arms)
    if name == "kubernetes":
        from toolkit.bench.kubernetes_place import kubernetes_again

        return kubernetes_again(about, where)
    from toolkit.backends.local.backend import LocalBackend

    oha = about.get("oha", {}).get("path", "")
    for needed in (*(arm.runtime for arm in arms), about["rewrk"]["path"], *([oha] if oha else [])):
        if not Path(needed).exists():
            raise GilfreeError(f"{needed}, which run {about['run']} was started with, is gone", "start a new run")
    return LocalBackend(about["rewrk"]["path"], Path(about["app_directory"]), port, oha=oha)


def _local(asked: Asked, scenarios: Sequence[Scenario], say: Say) -> Place:
    from toolkit import paths
    from toolkit.backends.local.backend import LocalBackend
    from toolkit.bench.baselines import held_against
    from toolkit.host import machine
    from toolkit.loadgen.tools import ensure_tool, needs_of
    from toolkit.pythons.environment import packages, pair_environments, project_requirements
    from toolkit.pythons.find import find_pair
    from toolkit.pythons.lock import load_lock

    cores = physical_cores()
    splits = [split(cores, scenario.resources.server.cpus, scenario.resources.load.cpus) for scenario in scenarios]
    entry = load_lock().resolve(asked.python)
    explicit = (Path(asked.explicit[0]), Path(asked.explicit[1])) if asked.explicit else None
    rates = asked.knee is not None or any(scenario.load.rate_rps for scenario in scenarios)
    generators = ("rewrk", "oha") if rates else ("rewrk",)
    later = tuple(dict.fromkeys(need for name in generators for need in needs_of(name)))
    pair = find_pair(asked.python, profile=asked.profile, explicit=explicit, say=say, later=later)
    requirements = entry.requirements()
    if asked.project is not None:
        requirements = project_requirements(pair, requirements, asked.project, say)
    environments = pair_environments(pair, requirements, asked.project, say)
    built = {name: ensure_tool(name, say) for name in generators}
    arms = (
        Arm(pair.gil.variant, "gil", str(environments[0])),
        Arm(pair.free_threaded.variant, "free-threaded", str(environments[1])),
    )
    held = held_against(asked.against, arms, pair, requirements, asked.project, asked.profile, say)
    app_directory = asked.project or paths.shipped("images") / "app"
    installed = packages(environments[0])
    check_loops(scenarios, pair.series, installed, asked.against)
    about = {
        "pair": pair.describe(),
        "locked": entry.model_dump(),
        "packages": installed,
        **{name: tool.describe() for name, tool in built.items()},
        "machine": machine.facts(),
        "app_directory": str(app_directory),
    }
    oha = built["oha"].path if rates else ""
    return Place(
        LocalBackend(built["rewrk"].path, app_directory, asked.port, oha=oha), arms, held, about, tuple(splits)
    )


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

"""Prepares the local backend: the pair of interpreters, an environment for each variant, the load generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit import paths
from toolkit.backends.local.backend import LocalBackend, install_agent
from toolkit.bench.baselines import BaselineArms, local_baseline
from toolkit.bench.request import BackendOptions, BenchRequest, PreparedBackend, check_loops
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit, physical_cores, split_cpus
from toolkit.host.facts import machine_facts, machine_identity
from toolkit.loadgen.binaries import ensure_binary, needs_of
from toolkit.pythons.apps.probe import probe_app
from toolkit.pythons.environment import pair_environments, project_requirements
from toolkit.pythons.find import find_pair
from toolkit.pythons.fingerprint import file_hash, fingerprint, source_hash
from toolkit.pythons.lock import load_lock
from toolkit.pythons.packages import installed_packages
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, app_environment


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """Find or build the pair, its environments and the load generators. Raises GilfreeError naming what is missing."""
    cores = physical_cores()
    splits = [split_of(scenario, cores) for scenario in scenarios]
    entry = load_lock().resolve(request.python)
    explicit = (Path(request.explicit[0]), Path(request.explicit[1])) if request.explicit else None
    rates = request.knee is not None or any(scenario.load.rate_rps for scenario in scenarios)
    generators = ("rewrk", "oha") if rates else ("rewrk",)
    later = tuple(dict.fromkeys(need for name in generators for need in needs_of(name)))
    pair = find_pair(request.python, profile=request.profile, explicit=explicit, say=say, later=later)
    requirements = entry.requirements()
    if request.project is not None:
        requirements = project_requirements(pair, requirements, request.project, say)
    environments = pair_environments(pair, requirements, request.project, say)
    if request.project is not None:
        check_apps(environments, request.project, scenarios)
    tools = {name: ensure_binary(name, say) for name in generators}
    arms = (
        Arm(pair.gil.variant, "gil", str(environments[0])),
        Arm(pair.free_threaded.variant, "free-threaded", str(environments[1])),
    )
    baseline = BaselineArms()
    if request.against is not None:
        baseline = local_baseline(request.against, arms, pair, requirements, request.project, request.profile, say)
    app_directory = request.project or paths.shipped("images") / "app"
    installed = installed_packages(environments[0])
    check_loops(scenarios, pair.series, installed, request.against)
    description = {
        "pair": pair.describe(),
        "locked": entry.model_dump(),
        "packages": installed,
        **{name: tool.describe() for name, tool in tools.items()},
        "machine": machine_facts(),
        "app_directory": str(app_directory),
    }
    oha = tools["oha"].path if rates else ""
    return PreparedBackend(
        LocalBackend(tools["rewrk"].path, app_directory, request.port, oha=oha),
        arms,
        baseline,
        description,
        tuple(splits),
    )


def check_apps(environments: Sequence[Path], app_directory: Path, scenarios: Sequence[Scenario]) -> None:
    """Import the scenarios' apps with both interpreters. Raises GilfreeError for the first that cannot be served."""
    for app in dict.fromkeys(scenario.app for scenario in scenarios):
        for python in environments:
            probe = probe_app(python, app_directory, app.target, app.interface, app_environment(app, app.threadpool))
            if not probe.usable:
                raise GilfreeError(probe.problem, probe.remedy)


def identity(description: Mapping[str, Any], arms: Sequence[Arm], backend: LocalBackend) -> dict[str, Any]:
    """This machine, the environment of each arm, the app's sources, the agent and the load generators, as hashes."""
    found = {arm.name: fingerprint(Path(arm.runtime)) for arm in arms}
    return {
        "machine": machine_identity(),
        "interpreter": {name: one["interpreter"] for name, one in found.items()},
        "package": {name: one["packages"] for name, one in found.items()},
        "app": source_hash(Path(description["app_directory"])),
        "agent": install_agent().name,
        "tool": {name: file_hash(Path(description[name]["path"])) for name in ("rewrk", "oha") if name in description},
    }


def cpu_sets(scenario: Scenario, backend: LocalBackend) -> dict[str, tuple[int, ...]]:
    """The CPUs that this process may use now, divided between server and load."""
    split = split_of(scenario, physical_cores())
    return {"server": split.server, "load": split.load}


def split_of(scenario: Scenario, cores: Sequence[tuple[int, ...]]) -> CpuSplit:
    """The CPUs of both sides on these cores. Raises GilfreeError as `split_cpus` does."""
    server, load = scenario.resources.server, scenario.resources.load
    return split_cpus(cores, server.cpus, load.cpus, server.share)


def reopen(
    description: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None
) -> LocalBackend:
    """The backend of a run that was started earlier. Raises GilfreeError naming an executable that no longer exists."""
    oha = description.get("oha", {}).get("path", "")
    for needed in (*(arm.runtime for arm in arms), description["rewrk"]["path"], *([oha] if oha else [])):
        if not Path(needed).exists():
            raise GilfreeError(
                f"{needed}, which run {description['run']} was started with, no longer exists", "start a new run"
            )
    return LocalBackend(description["rewrk"]["path"], Path(description["app_directory"]), port, oha=oha)

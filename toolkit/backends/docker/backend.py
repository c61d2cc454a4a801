"""The `docker` backend: server and load in two containers of the built images, one network namespace, nothing published.

Both are pinned by cpuset, their memory is limited without swap, their root is read-only. The server's container has
only loopback unless it serves a user's own app, which may need its database. Frames come out of the containers' logs;
the engine says how the containers ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.agent.frames import Frame
from toolkit.backends import one_after_the_other, outcome_frame
from toolkit.backends.docker.trial_containers import TrialContainers, start_network
from toolkit.backends.image_placement import image_placement
from toolkit.backends.trial_agents import StartAgent, TrialAgents
from toolkit.backends.turn_agents import LOAD, TurnAgents
from toolkit.engine import containers
from toolkit.engine.client import EngineUnreachable, engine_errors, is_local
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit, split_cpus
from toolkit.host.measuring_lock import MeasuringLock
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials
from toolkit.trial.contract import AGENT_ENVIRONMENT, LOAD_PYTHON, PORT, USER
from toolkit.trial.model import Arm, Trial

if TYPE_CHECKING:
    from docker import DockerClient

PROBE_SECONDS = 60
PRINT_CORES = "import json; from gilfree_agent import system; print(json.dumps(system.physical_cores()))"


class DockerBackend:
    """One slot: the engine. Where it runs on this machine, the measuring lock keeps other measurements off it.

    load_image: the image that holds the load generators and the agent.
    """

    name = "docker"

    def __init__(self, client: DockerClient, load_image: str) -> None:
        self._client, self._load_image = client, load_image
        self._lock = MeasuringLock() if is_local(client) else None
        self._cores: list[tuple[int, ...]] = []
        self._info: Mapping[str, Any] = {}
        self.cpus = CpuSplit((), (), ())

    def slots(self) -> list[str]:
        """The engine, by its host's name."""
        return [str(self.info()["Name"])]

    def info(self) -> Mapping[str, Any]:
        """The engine's own description of itself (`docker info`), read once."""
        if not self._info:
            with engine_errors("asking the Docker engine for its description"):
                self._info = self._client.info()
        return self._info

    def split_cpus(self, scenario: Scenario) -> CpuSplit:
        """The CPUs of both sides, out of those that a container of this engine sees.

        Raises GilfreeError when the scenario asks for more, or when this engine cannot pin containers to CPUs.
        """
        if not self._cores:
            self._cores = self._read_cores()
        resources = scenario.resources
        found = split_cpus(self._cores, resources.server.cpus, resources.load.cpus, resources.server.share)
        return replace(found, caveats=(*found.caveats, *limit_caveats(self.info(), found)))

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Choose CPUs, take the measuring lock, remove what a killed run left; see `Backend.prepare`."""
        self.cpus = self.split_cpus(scenario)
        if self._lock is not None:
            self._lock.acquire()
        leftover = containers.remove_leftover_containers(self._client)
        caveats = list(self.cpus.caveats)
        if leftover:
            caveats.append(f"removed {len(leftover)} containers that an earlier, killed run had left")
        return caveats

    def close(self) -> None:
        """Release the measuring lock."""
        if self._lock is not None:
            self._lock.release()

    def apart_reason(self, scenario: Scenario, arms: Sequence[Arm]) -> str:
        """Servers whose limits do not fit into the engine's memory together."""
        needed, there = len(arms) * scenario.resources.server.memory_bytes, int(self.info().get("MemTotal") or 0)
        if there and needed > there:
            return f"{len(arms)} servers may use {needed / 1e9:.1f} GB together, the engine has {there / 1e9:.1f} GB"
        return ""

    def run(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        """Each side of each trial in a container of its own; see `Backend.run`. Raises EngineUnreachable when the engine
        does not answer any more."""
        if block.mode == "turns":
            yield from self._run_in_turns(block, slot)
        else:
            yield from one_after_the_other(block, lambda trial: self._run_trial(trial, slot))

    def _run_trial(self, trial: Trial, slot: str) -> Iterator[Frame]:
        containers.remove_leftover_containers(self._client, trial.id)
        outcome = self._outcome(trial)
        with ExitStack() as stack:
            started = TrialContainers(self._client, trial, self.cpus, self._load_image, stack)
            placement = image_placement(self.cpus.server, self.cpus.load, watch_stdin=True)
            agents = TrialAgents(trial, placement, started.start)
            try:
                yield from agents.frames()
                outcome.update(agents.finish())
                outcome.update({"problem": agents.problem} if agents.problem else {})
            except EngineUnreachable:
                raise
            except GilfreeError as error:
                outcome["problem"] = {"reason": "engine-refused", "detail": str(error)}
        yield outcome_frame(self.name, slot, outcome)

    def _run_in_turns(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        """All servers at once on one cpuset, in one network, which a container that does nothing else keeps."""
        for name in (block.id, *(trial.id for trial in block.trials)):
            containers.remove_leftover_containers(self._client, name)
        placements = {
            trial.arm.name: replace(
                image_placement(self.cpus.server, self.cpus.load, watch_stdin=True), port=PORT + number
            )
            for number, trial in enumerate(block.trials)
        }
        ended: dict[str, dict[str, Any]] = {}
        problem: dict[str, Any] | None = None
        with ExitStack() as stack:
            try:
                network = start_network(self._client, block, self._load_image, stack)
                starters: dict[str, StartAgent] = {
                    trial.arm.name: TrialContainers(
                        self._client, trial, self.cpus, self._load_image, stack, network=network
                    ).start
                    for trial in block.trials
                }
                load = TrialContainers(
                    self._client, block.trials[0], self.cpus, self._load_image, stack, network=network, name=block.id
                )
                agents = TurnAgents(block, placements, {**starters, LOAD: load.start})
                yield from agents.frames()
                ended, problem = agents.finish(), agents.problem
            except EngineUnreachable:
                raise
            except GilfreeError as error:
                problem = {"reason": "engine-refused", "detail": str(error)}
        for trial in block.trials:
            outcome = self._outcome(trial)
            for key, name in (("serve_agent", trial.arm.name), ("load_agent", LOAD)):
                outcome |= {key: ended[name]} if name in ended else {}
            outcome |= {"problem": problem} if problem else {}
            yield {**outcome_frame(self.name, slot, outcome), "arm": trial.arm.name}

    def _outcome(self, trial: Trial) -> dict[str, Any]:
        return {
            "memory_limit": f"container, cgroup v{self.info().get('CgroupVersion', '1')}",
            "cpu_quota": {"server": self.cpus.server_quota, "load": self.cpus.load_quota},
            "cpus": {"server": self.cpus.server, "load": self.cpus.load},
            "images": {"server": trial.arm.runtime, "load": self._load_image},
        }

    def _read_cores(self) -> list[tuple[int, ...]]:
        command = [LOAD_PYTHON, "-P", "-c", PRINT_CORES]
        options = {"environment": AGENT_ENVIRONMENT, "network_mode": "none", "read_only": True, "user": str(USER)}
        exit_state, stdout, stderr = containers.run(
            self._client, self._load_image, command, purpose="probe", timeout_seconds=PROBE_SECONDS, **options
        )
        if exit_state.code != 0:
            raise GilfreeError(
                f"a container of the load image cannot say which CPUs it has (exit code {exit_state.code}):"
                f" {(stderr.strip() or exit_state.error)[-300:]}",
                "gilfree images build, then gilfree images test",
            )
        return [tuple(core) for core in json.loads(stdout)]


def limit_caveats(info: Mapping[str, Any], cpus: CpuSplit) -> tuple[str, ...]:
    """What this engine's kernel cannot limit, as caveats. Pure.

    info: the engine's own description. Raises GilfreeError when it cannot pin containers to CPUs, or cannot set the CPU
    quota that `cpus` has.
    """
    quotas = [quota for quota in (cpus.server_quota, cpus.load_quota) if quota is not None]
    if quotas and not info.get("CpuCfsQuota", True):
        raise GilfreeError(
            f"resources: {quotas[0]:g} CPUs are a share of a CPU, and this Docker engine cannot set a CPU quota",
            "write whole CPUs in the scenario",
        )
    if not info.get("CPUSet", True):
        raise GilfreeError(
            "this Docker engine cannot pin containers to CPUs (no cpuset)",
            "rootless: delegate it, https://docs.docker.com/engine/security/rootless/tips/#limiting-resources",
        )
    caveats = []
    if not info.get("MemoryLimit", True):
        caveats.append("this Docker engine cannot limit memory: the server's limit is not enforced")
    elif not info.get("SwapLimit", True):
        caveats.append("this Docker engine cannot limit swap: a server at its memory limit may swap")
    return tuple(caveats)

"""The `local` backend: server and loader as two pinned processes of this machine, over loopback."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from toolkit import paths
from toolkit.agent.frames import Frame
from toolkit.backends import one_after_the_other, outcome_frame
from toolkit.backends.local import processes
from toolkit.backends.local.processes import AgentProcess
from toolkit.backends.trial_agents import LOOPBACK, AgentEvents, StartAgent, TrialAgents
from toolkit.backends.turn_agents import LOAD, TurnAgents
from toolkit.host import confinement
from toolkit.host.confinement import Confinement, confine
from toolkit.host.cpus import CpuSplit, physical_cores, split_cpus
from toolkit.host.measuring_lock import MeasuringLock
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials
from toolkit.trial.contract import Side
from toolkit.trial.model import Arm, Placement, Trial


class LocalBackend:
    """One slot: this machine. The measuring lock keeps every other measurement off it from `prepare` to `close`.

    rewrk, oha: paths of the load generators. app_directory: where the server runs. port: None for a free one in each
    trial. limiter: how a side is confined, from a name, bytes of memory and a CPU quota; see `confine`.
    """

    name = "local"

    def __init__(
        self,
        rewrk: str,
        app_directory: Path,
        port: int | None = None,
        limiter: Callable[[str, int | None, float | None], Confinement] = confine,
        oha: str = "",
    ) -> None:
        self._rewrk, self.app_directory, self._port, self._limiter = rewrk, app_directory, port, limiter
        self._oha = oha
        self._lock = MeasuringLock()
        self.cpus = CpuSplit((), (), ())
        self._agent_directory = Path()

    def slots(self) -> list[str]:
        """This machine."""
        return [socket.gethostname()]

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Choose CPUs, take the machine's measuring lock, end what a killed run left; see `Backend.prepare`.

        Raises GilfreeError too when the scenario asks for a share of a CPU and no quota can be set here.
        """
        server, load = scenario.resources.server, scenario.resources.load
        self.cpus = split_cpus(physical_cores(), server.cpus, load.cpus, server.share)
        self._agent_directory = install_agent()
        for quota in (self.cpus.server_quota, self.cpus.load_quota):
            if quota is not None:
                self._limiter(f"quota-{os.getpid()}", None, quota).remove()  # refused now, not in the first trial
        self._lock.acquire()
        leftover = processes.kill_trial_processes()
        confinement.remove_leftovers()
        caveats = list(self.cpus.caveats)
        if leftover:
            caveats.append(f"ended {len(leftover)} processes that an earlier, killed run had left")
        return caveats

    def close(self) -> None:
        """Release the measuring lock."""
        self._lock.release()

    def apart_reason(self, scenario: Scenario, arms: Sequence[Arm]) -> str:
        """Servers that do not fit into this machine's memory together, or a port that only one of them can have."""
        if self._port is not None:
            return f"port {self._port} was given, and each server needs one of its own"
        needed, there = len(arms) * scenario.resources.server.memory_bytes, psutil.virtual_memory().total
        if needed > there:
            return f"{len(arms)} servers may use {needed / 1e9:.1f} GB together, this machine has {there / 1e9:.1f} GB"
        return ""

    def run(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        """The trials of a block, each server and the load in processes of their own; see `Backend.run`."""
        if block.mode == "turns":
            yield from self._run_in_turns(block, slot)
        else:
            yield from one_after_the_other(block, lambda trial: self._run_trial(trial, slot))

    def _run_trial(self, trial: Trial, slot: str) -> Iterator[Frame]:
        processes.kill_trial_processes(trial.id)
        port = self._port or free_port()
        port_problem = _port_problem(port)
        if port_problem:
            problem = {"reason": "port-taken", "detail": port_problem}
            yield outcome_frame(self.name, slot, {"problem": problem})
            return
        server, load = self._confined_server(trial), self._confined_load(trial.id)
        placement = self._placement(trial, port, server)
        outcome = self._outcome(server, load)
        start_server, start_load = self._starter(placement.python, server), self._starter(sys.executable, load)
        agents = TrialAgents(
            trial, placement, lambda side, *rest: (start_server if side == "serve" else start_load)(side, *rest)
        )
        try:
            yield from agents.frames()
            outcome.update(agents.finish())
            if agents.problem:
                outcome["problem"] = agents.problem
        finally:
            agents.finish()
            processes.kill_trial_processes(trial.id)
            outcome["notes"] = [note for one in (server, load) if (note := one.remove())]
        yield outcome_frame(self.name, slot, outcome)

    def _run_in_turns(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        """All servers at once on the same CPUs, each confined by itself, and one load that alternates between them."""
        ids = [block.id, *(trial.id for trial in block.trials)]
        for one in ids:
            processes.kill_trial_processes(one)
        servers = {trial.arm.name: self._confined_server(trial) for trial in block.trials}
        load = self._confined_load(block.id)
        placements = {
            trial.arm.name: self._placement(trial, port, servers[trial.arm.name])
            for trial, port in zip(block.trials, free_ports(len(block.trials)), strict=True)
        }
        starters = {name: self._starter(one.python, servers[name]) for name, one in placements.items()}
        agents = TurnAgents(block, placements, {**starters, LOAD: self._starter(sys.executable, load)})
        ended: dict[str, dict[str, Any]] = {}
        notes: list[str] = []
        try:
            yield from agents.frames()
            ended = agents.finish()
        finally:
            agents.finish()
            for one in ids:
                processes.kill_trial_processes(one)
            notes = [note for one in (*servers.values(), load) if (note := one.remove())]
        for name, server in servers.items():
            outcome = {**self._outcome(server, load), "notes": notes, "serve_agent": ended[name]}
            outcome |= {"load_agent": ended[LOAD]} if LOAD in ended else {}
            outcome |= {"problem": agents.problem} if agents.problem else {}
            yield {**outcome_frame(self.name, slot, outcome), "arm": name}

    def _confined_server(self, trial: Trial) -> Confinement:
        return self._limiter(trial.id, trial.scenario.resources.server.memory_bytes, self.cpus.server_quota)

    def _confined_load(self, name: str) -> Confinement:
        return self._limiter(f"{name}-load", None, self.cpus.load_quota)

    def _placement(self, trial: Trial, port: int, server: Confinement) -> Placement:
        return Placement(
            python=trial.arm.runtime,
            app_directory=str(self.app_directory),
            agent_directory=str(self._agent_directory),
            rewrk=self._rewrk,
            oha=self._oha,
            host=LOOPBACK,
            port=port,
            server_cpus=self.cpus.server,
            load_cpus=self.cpus.load,
            memory_watchdog=not server.kernel_memory,
            watch_stdin=True,
        )

    def _outcome(self, server: Confinement, load: Confinement) -> dict[str, Any]:
        return {
            "memory_limit": server.kind,
            "cpu_quota": {"server": server.cpus, "load": load.cpus},
            "cpus": {"server": self.cpus.server, "load": self.cpus.load},
        }

    def _starter(self, python: str, confinement: Confinement) -> StartAgent:
        """Starts agents as processes under `python`: the server's under the variant's interpreter."""

        def start(side: Side, argument: Mapping[str, Any], events: AgentEvents, name: str) -> AgentProcess:
            return AgentProcess(side, python, argument, self._agent_directory, events, name, confinement)

        return start


def install_agent() -> Path:
    """A folder in the cache that holds the agent as the package `gilfree_agent`, as images do; one folder for each content."""
    source = Path(__file__).parents[2] / "agent"
    files = sorted(source.glob("*.py"))
    digest = hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:16]
    folder = paths.cache("agents", digest)
    target = folder / "gilfree_agent"
    if not target.is_dir():
        partial = folder / f"partial-{time.monotonic_ns()}"
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns("__pycache__"))
        try:
            partial.rename(target)
        except OSError:  # another run was first
            shutil.rmtree(partial)
    return folder


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ports of the loopback interface that nobody listens on now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _port_problem(port: int) -> str:
    """Why `port` cannot be used, or "". Bound without SO_REUSEPORT, with which two servers would share it silently."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return f"port {port} on {LOOPBACK} cannot be used: {error.strerror}"
    return ""

"""The `local` backend: server and loader as two pinned processes of this machine, over loopback."""

from __future__ import annotations

import hashlib
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit import paths
from toolkit.agent.frames import Frame
from toolkit.backends.local import processes
from toolkit.backends.local.processes import AgentProcess
from toolkit.backends.trial_agents import AgentEvents, Side, StartAgent, TrialAgents
from toolkit.host.cpus import CpuSplit, physical_cores, split_cpus
from toolkit.host.measuring_lock import MeasuringLock
from toolkit.host.memory_limit import MemoryLimit, memory_limit
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Placement, Trial

HOST = "127.0.0.1"


class LocalBackend:
    """One slot: this machine. A lock keeps every other measurement off it meanwhile."""

    name = "local"

    def __init__(
        self,
        rewrk: str,
        app_directory: Path,
        port: int | None = None,
        limiter: Callable[[str, int], MemoryLimit] = memory_limit,
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
        """Choose CPUs, take the machine's measuring lock, end what a killed run left."""
        self.cpus = split_cpus(physical_cores(), scenario.resources.server.cpus, scenario.resources.load.cpus)
        self._agent_directory = install_agent()
        self._lock.acquire()
        left = processes.kill_trial_processes()
        notes = list(self.cpus.caveats)
        if left:
            notes.append(f"ended {len(left)} processes that an earlier, killed run had left")
        return notes

    def close(self) -> None:
        """Let others measure."""
        self._lock.release()

    def run(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """Both sides of one trial; see `Backend.run`."""
        processes.kill_trial_processes(trial.id)
        limit_bytes = trial.scenario.resources.server.memory_bytes
        limit = self._limiter(trial.id, limit_bytes)
        port = self._port or free_port()
        place = Placement(
            python=trial.arm.runtime,
            app_directory=str(self.app_directory),
            agent_directory=str(self._agent_directory),
            rewrk=self._rewrk,
            oha=self._oha,
            host=HOST,
            port=port,
            server_cpus=self.cpus.server,
            load_cpus=self.cpus.load,
            memory_watchdog=limit.folder is None and not limit.prefix,
            watch_stdin=True,
        )
        outcome: dict[str, Any] = {
            "memory_limit": limit.kind,
            "cpus": {"server": self.cpus.server, "load": self.cpus.load},
        }
        taken = _taken(port)
        if taken:
            outcome["problem"] = {"reason": "port-taken", "detail": taken}
            yield self._outcome(slot, outcome)
            return
        sides = TrialAgents(trial, place, self._starter(place, limit))
        try:
            yield from sides.frames()
            outcome.update(sides.exits())
            if sides.problem:
                outcome["problem"] = sides.problem
        finally:
            sides.exits()
            processes.kill_trial_processes(trial.id)
            limit.remove()
        yield self._outcome(slot, outcome)

    def _starter(self, place: Placement, limit: MemoryLimit) -> StartAgent:
        """Starts agents as processes: the server's under the variant's interpreter and inside the memory limit."""

        def start(side: Side, argument: Mapping[str, Any], events: AgentEvents) -> AgentProcess:
            serving = side == "serve"
            python = place.python if serving else sys.executable
            return AgentProcess(side, python, argument, self._agent_directory, events, limit if serving else None)

        return start

    def _outcome(self, slot: str, fields: dict[str, Any]) -> Frame:
        head = {"seq": 0, "side": "backend", "kind": "outcome", "t_ns": time.monotonic_ns()}
        return {**head, "backend": self.name, "slot": slot, **fields}


def install_agent() -> Path:
    """A folder that holds the agent as the package `gilfree_agent`, as images do; kept in the cache by content."""
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
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _taken(port: int) -> str:
    """Why `port` cannot be had, or "". Bound without SO_REUSEPORT, since with it two servers would share it silently."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return f"port {port} on {HOST} cannot be used: {error.strerror}"
    return ""

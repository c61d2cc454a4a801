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
from toolkit.backends import outcome_frame
from toolkit.backends.local import processes
from toolkit.backends.local.processes import AgentProcess
from toolkit.backends.trial_agents import LOOPBACK, AgentEvents, StartAgent, TrialAgents
from toolkit.host.cpus import CpuSplit, physical_cores, split_cpus
from toolkit.host.measuring_lock import MeasuringLock
from toolkit.host.memory_limit import MemoryLimit, memory_limit
from toolkit.scenario.model import Scenario
from toolkit.trial.contract import Side
from toolkit.trial.model import Arm, Placement, Trial


class LocalBackend:
    """One slot: this machine. The measuring lock keeps every other measurement off it from `prepare` to `close`.

    rewrk, oha: paths of the load generators. app_directory: where the server runs. port: None for a free one in each
    trial. limiter: how a server's memory is limited, from the trial's id and a number of bytes.
    """

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
        """Choose CPUs, take the machine's measuring lock, end what a killed run left; see `Backend.prepare`."""
        self.cpus = split_cpus(physical_cores(), scenario.resources.server.cpus, scenario.resources.load.cpus)
        self._agent_directory = install_agent()
        self._lock.acquire()
        leftover = processes.kill_trial_processes()
        caveats = list(self.cpus.caveats)
        if leftover:
            caveats.append(f"ended {len(leftover)} processes that an earlier, killed run had left")
        return caveats

    def close(self) -> None:
        """Release the measuring lock."""
        self._lock.release()

    def run(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """Both sides of one trial; see `Backend.run`."""
        processes.kill_trial_processes(trial.id)
        limit_bytes = trial.scenario.resources.server.memory_bytes
        limit = self._limiter(trial.id, limit_bytes)
        port = self._port or free_port()
        placement = Placement(
            python=trial.arm.runtime,
            app_directory=str(self.app_directory),
            agent_directory=str(self._agent_directory),
            rewrk=self._rewrk,
            oha=self._oha,
            host=LOOPBACK,
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
        port_problem = _port_problem(port)
        if port_problem:
            outcome["problem"] = {"reason": "port-taken", "detail": port_problem}
            yield outcome_frame(self.name, slot, outcome)
            return
        agents = TrialAgents(trial, placement, self._starter(placement, limit))
        try:
            yield from agents.frames()
            outcome.update(agents.finish())
            if agents.problem:
                outcome["problem"] = agents.problem
        finally:
            agents.finish()
            processes.kill_trial_processes(trial.id)
            limit.remove()
        yield outcome_frame(self.name, slot, outcome)

    def _starter(self, placement: Placement, limit: MemoryLimit) -> StartAgent:
        """Starts agents as processes: the server's under the variant's interpreter and inside the memory limit."""

        def start(side: Side, argument: Mapping[str, Any], events: AgentEvents) -> AgentProcess:
            serving = side == "serve"
            python = placement.python if serving else sys.executable
            return AgentProcess(side, python, argument, self._agent_directory, events, limit if serving else None)

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
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _port_problem(port: int) -> str:
    """Why `port` cannot be used, or "". Bound without SO_REUSEPORT, with which two servers would share it silently."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return f"port {port} on {LOOPBACK} cannot be used: {error.strerror}"
    return ""

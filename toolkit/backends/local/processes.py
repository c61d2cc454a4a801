"""Agents as local processes: started, read and ended, so that no process of a trial is left behind.

Every process of a trial carries the trial's id in its environment, by which those that a killed run left are found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.agent import frames
from toolkit.backends.trial_agents import STDERR_CHARACTERS, AgentEvents
from toolkit.host.confinement import BASE_ENVIRONMENT, Confinement
from toolkit.trial.contract import TRIAL_VARIABLE, Side, agent_argv

KEPT_STDERR_CHARACTERS = 2000


class AgentProcess:
    """One agent as a process; it puts its frames, under `name`, into the queue that all share. See `trial_agents.Agent`."""

    def __init__(
        self,
        side: Side,
        python: str,
        argument: Mapping[str, Any],
        agent_directory: Path,
        events: AgentEvents,
        name: str,
        confinement: Confinement | None = None,
    ) -> None:
        self._name, self._events = name, events
        environment = {
            **BASE_ENVIRONMENT,
            **(confinement.environment if confinement else {}),  # of the agent alone: it gives its program another
            "PYTHONPATH": str(agent_directory),
            TRIAL_VARIABLE: str(argument["trial"]),
        }
        command = agent_argv(python, side, argument)
        self._process = subprocess.Popen(
            [*(confinement.prefix if confinement else ()), *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is the tool's to handle
            preexec_fn=confinement.join if confinement else None,
        )
        self.stderr = ""
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for frame in frames.read(self._process.stdout):
            self._events.put((self._name, frame))
        self._events.put((self._name, None))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.stderr = (self.stderr + line)[-KEPT_STDERR_CHARACTERS:]

    def request_stop(self) -> None:
        """Close the agent's standard input, on which it stops its side and reports to the end."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def finish(self, grace_seconds: float) -> dict[str, Any]:
        """Stop the agent, by force after `grace_seconds`; its exit status (`code`) and the end of its standard error."""
        self.request_stop()
        try:
            code = self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for thread in self._threads:
            thread.join(1)
        return {"code": code, "stderr": self.stderr[-STDERR_CHARACTERS:]}


def trial_processes(id_prefix: str = "") -> list[int]:
    """PIDs of this machine's processes whose trial id starts with `id_prefix`, except those in containers."""
    own_namespace = _pid_namespace("self")
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            trial = _trial_of(entry)
            if trial is not None and trial.startswith(id_prefix) and _pid_namespace(entry) == own_namespace:
                found.append(int(entry))
    return found


def kill_trial_processes(id_prefix: str = "", timeout_seconds: float = 10) -> list[int]:
    """Kill the processes that `trial_processes(id_prefix)` finds, and wait until they are gone.

    Returns the PIDs that were found first. Processes that survive `timeout_seconds` are left, without an error.
    """
    found = trial_processes(id_prefix)
    deadline = time.monotonic() + timeout_seconds
    remaining = found
    while remaining and time.monotonic() < deadline:
        for pid in remaining:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)  # between the signal and the end
        remaining = trial_processes(id_prefix)
    return found


def _trial_of(pid: str) -> str | None:
    """The trial id in a process's environment; None when it has none, is gone or may not be read."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    prefix = TRIAL_VARIABLE.encode() + b"="
    return next((one.removeprefix(prefix).decode() for one in variables if one.startswith(prefix)), None)


def _pid_namespace(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""

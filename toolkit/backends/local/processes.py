"""Agents as local processes: started, read and ended, with nothing of a trial left behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.agent import frames
from toolkit.agent.frames import Frame
from toolkit.host.memory_limit import MemoryLimit

STDERR_CHARACTERS = 500
MARK = "GILFREE_TRIAL"
"""Environment variable that every process of a trial carries: how what a killed run left is found."""


class AgentProcess:
    """One agent, its frames going into a queue that both sides of a trial share, as (side, frame or None at its end)."""

    def __init__(
        self,
        side: str,
        python: str,
        argument: Mapping[str, Any],
        agent_directory: Path,
        events: queue.Queue[tuple[str, Frame | None]],
        limit: MemoryLimit | None = None,
    ) -> None:
        self.side, self._events = side, events
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(agent_directory),
            MARK: str(argument["trial"]),
        }
        command = [python, "-m", "gilfree_agent", side, json.dumps(argument)]
        self._process = subprocess.Popen(
            [*(limit.prefix if limit else ()), *command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is the tool's to handle
            preexec_fn=limit.join if limit else None,
        )
        self.stderr = ""
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for frame in frames.read(self._process.stdout):
            self._events.put((self.side, frame))
        self._events.put((self.side, None))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.stderr = (self.stderr + line)[-2000:]

    def ask_to_stop(self) -> None:
        """Close the agent's standard input, on which it stops its side and reports to the end."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def end(self, grace_seconds: float) -> dict[str, Any]:
        """See the agent out, by force after `grace_seconds`; its exit status and the end of its standard error."""
        self.ask_to_stop()
        try:
            code = self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        for thread in self._threads:
            thread.join(1)
        return {"code": code, "stderr": self.stderr[-STDERR_CHARACTERS:]}


def trial_processes(beginning: str = "") -> list[int]:
    """Processes of trials on this machine whose id begins so, those in containers left out."""
    own_namespace = _namespace("self")
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                environment = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            values = [item.partition(b"=")[2].decode() for item in environment if item.startswith(MARK.encode() + b"=")]
            if values and values[0].startswith(beginning) and _namespace(entry) == own_namespace:
                found.append(int(entry))
    return found


def kill_trial_processes(beginning: str = "", timeout_seconds: float = 10) -> list[int]:
    """Kill what trials left on this machine and wait until it is gone; the processes that were found first."""
    first = trial_processes(beginning)
    deadline = time.monotonic() + timeout_seconds
    left = first
    while left and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
        time.sleep(0.02)  # between the signal and the end
        left = trial_processes(beginning)
    return first


def _namespace(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""

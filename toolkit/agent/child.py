"""Starting and stopping the one program an agent stands beside, so that nothing of it is ever left running."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from . import system
from .frames import Emitter

LOG_LINE_CHARACTERS = 1000
LOG_LINES = 200
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind, so that it can be found and ended."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> subprocess.Popen[str]:
    """Start the program in a session of its own, both streams piped; it gets SIGTERM should this agent be killed.

    Raises OSError when the program is not there or may not be run.
    """
    libc = ctypes.CDLL(None)

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        # When memory runs out the kernel is to kill the server, not the agent that has to report it.
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("500")

    return subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=in_child,
    )


def forward(stream: IO[str], name: str, emitter: Emitter) -> threading.Thread:
    """Send the lines of a child's stream as `log` frames, the first of them only, each cut to a bounded length."""

    def run() -> None:
        lines = 0
        for line in stream:
            if lines < LOG_LINES:
                emitter.emit("log", stream=name, text=line.rstrip("\n")[:LOG_LINE_CHARACTERS])
            lines += 1
        if lines > LOG_LINES:
            emitter.emit("log", stream=name, text=f"... and {lines - LOG_LINES} more lines")

    thread = threading.Thread(target=run, name=f"forward-{name}", daemon=True)
    thread.start()
    return thread


def stop(process: subprocess.Popen[str], grace_seconds: float) -> None:
    """Ask the program to end, wait, then kill it and all that it left; every descendant is gone on return."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [pid for pid in system.tree(os.getpid()) if pid != os.getpid()]
        if not left:
            break
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap()
        time.sleep(0.01)  # the kernel needs a moment between the signal and the end
    if process.poll() is None:
        process.wait(1)


def reap() -> None:
    """Collect adopted orphans that have ended; children that `subprocess` waits for are left to it."""
    for pid in _children():
        fields = system.stat_fields(pid)
        if fields and fields[0] == "Z" and pid not in _waited:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


_waited: set[int] = set()


def waited(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Mark a child whose exit status `subprocess` must get, so that `reap` does not take it away."""
    _waited.add(process.pid)
    return process


def _children() -> list[int]:
    own = str(os.getpid())
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [pid for pid in pids if system.stat_fields(pid)[1:2] == [own]]


def exit_state(returncode: int | None) -> dict[str, Any]:
    """An exit as `code` and, when a signal ended it, the signal's `name`."""
    if returncode is not None and returncode < 0:
        return {"code": returncode, "signal": signal.Signals(-returncode).name}
    return {"code": returncode, "signal": None}


def bind_cpus(cpus: Sequence[int] | None) -> list[int]:
    """Pin this process, and so all it starts, to `cpus`; the CPUs it may then really use."""
    if cpus:
        os.sched_setaffinity(0, cpus)
    return sorted(os.sched_getaffinity(0))


def agent_hash() -> str:
    """SHA-256 over this agent's own files: says which agent wrote a frame."""
    import hashlib

    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def hello(emitter: Emitter, argument: Mapping[str, Any], cpus: Sequence[int]) -> None:
    """The first frame of either side: which kernel, which agent, which interpreter, which CPUs."""
    emitter.emit(
        "hello",
        trial=argument["trial"],
        boot_id=system.boot_id(),
        wall_time=time.time(),
        agent=agent_hash(),
        python=sys.version.split()[0],
        pid=os.getpid(),
        cpus=list(cpus),
        cgroup_version=system.Cgroup().version,
    )

"""Starts and stops the agent's one program, so that neither it nor its descendants are ever left running."""

from __future__ import annotations

import collections
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from . import system
from .frames import Emitter

LOG_LINE_CHARACTERS = 1000
LOG_LINE_BYTES = 4 * LOG_LINE_CHARACTERS
LOG_LINES = 200
LAST_LINES = 20
OOM_SCORE = 500
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that they can be found and ended."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(argv: Sequence[str], env: Mapping[str, str], cwd: str | None) -> subprocess.Popen[str]:
    """Start the program in its own session with both streams piped; the kernel sends it SIGTERM when this agent dies.

    Raises OSError when the program does not exist or must not be run.
    """
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        _be_killed_first()

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
        preexec_fn=prepare,
    )


def _be_killed_first() -> None:
    """When memory runs out the kernel should kill this process, not the agent that reports it.

    A score that is higher already stays, since lowering it needs a privilege; where it may not be changed at all (a
    read-only /proc) the kernel chooses.
    """
    path = "/proc/self/oom_score_adj"
    try:
        if int(system.read_text(path)) < OOM_SCORE:
            with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(str(OOM_SCORE))
    except (OSError, ValueError):
        return


def forward_lines(stream: IO[str], name: str, emitter: Emitter) -> threading.Thread:
    """Send a child's stream as `log` frames: its first LOG_LINES lines and its last LAST_LINES, each cut to LOG_LINE_CHARACTERS.

    The stream is read as bytes, whatever they are, and no more of it is kept than is sent.
    """

    def run() -> None:
        lines, last = 0, collections.deque[str](maxlen=LAST_LINES)
        for line in cut_lines(iter(lambda: os.read(stream.fileno(), 65536), b"")):
            if lines < LOG_LINES:
                emitter.emit("log", stream=name, text=line)
            else:
                last.append(line)
            lines += 1
        if lines > LOG_LINES + len(last):
            emitter.emit("log", stream=name, text=f"... {lines - LOG_LINES - len(last)} lines are omitted")
        for line in last:
            emitter.emit("log", stream=name, text=line)

    thread = threading.Thread(target=run, name=f"forward-{name}", daemon=True)
    thread.start()
    return thread


def cut_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines in a stream that comes in chunks, each cut to LOG_LINE_CHARACTERS; bytes that are no UTF-8 are replaced."""
    kept = b""
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            yield _text_of(kept + piece[:LOG_LINE_BYTES])
            kept = b""
        kept = (kept + rest[:LOG_LINE_BYTES])[:LOG_LINE_BYTES]
    if kept:
        yield _text_of(kept)


def _text_of(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")[:LOG_LINE_CHARACTERS]


def stop(process: subprocess.Popen[str], grace_seconds: float) -> None:
    """Ask the program to end, wait, then kill it and its descendants; all of them are gone on return."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [pid for pid in system.process_tree(os.getpid()) if pid != os.getpid()]
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
    """Reap adopted orphans that have ended, except the children that `subprocess` waits for."""
    for pid in _children():
        fields = system.stat_fields(pid)
        if fields and fields[0] == "Z" and pid not in _awaited:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


_awaited: set[int] = set()


def keep_exit_status(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Leave the exit status of this child to `subprocess`: `reap` does not collect it."""
    _awaited.add(process.pid)
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
    """Pin this process and all that it starts to `cpus`; returns the CPUs that it may use, which can differ."""
    if cpus:
        os.sched_setaffinity(0, cpus)
    return sorted(os.sched_getaffinity(0))


def agent_hash() -> str:
    """The first 16 characters of the SHA-256 over this agent's files: identifies the agent that wrote a frame."""
    import hashlib

    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def emit_hello(emitter: Emitter, argument: Mapping[str, Any], cpus: Sequence[int]) -> None:
    """Send the first frame of either side: kernel, agent, interpreter, CPUs and machine."""
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
        irq_apart=system.interrupts_are_apart(),
        machine=system.machine(),
    )

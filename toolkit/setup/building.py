"""How the long builds are run: one builder at a time, a log to look at, progress, and nothing left behind.

A build happens in a temporary folder inside the cache and enters it by one rename. The folder's lock tells a running
build from what a killed one left, which the next builder removes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from toolkit.console import Say


@contextmanager
def only_builder(folder: Path, name: str, say: Say) -> Iterator[None]:
    """Hold the folder's lock: the operating system gives it back however this process ends."""
    fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another gilfree builds the same, waiting for it")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def remove_leftovers(folder: Path, keep: Sequence[str]) -> int:
    """Remove folders but `keep` that killed builds left, unless a builder holds the lock; how many there were."""
    lock = folder / ".lock"
    if not lock.exists():
        return 0
    count = 0
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        for scratch in folder.iterdir():
            if scratch.is_dir() and scratch.name not in keep:
                shutil.rmtree(scratch, ignore_errors=True)
                count += 1
    return count


def run_logged(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    line_seen: Callable[[str, float], None],
) -> int:
    """The command's exit code; its output goes to `log`, and each line with the seconds so far to `line_seen`.

    It runs in a process group of its own, which is killed whole should we be interrupted.
    """
    started = time.monotonic()
    with log.open("w", buffering=1) as file:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                line_seen(line, time.monotonic() - started)
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, indented to stand in a message."""
    return "\n    ".join(log.read_text(errors="replace").splitlines()[-count:])

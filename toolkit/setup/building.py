"""How long builds (CPython, load generators) are run: one at a time, with a log and progress, and without leftovers.

A build happens in a temporary folder inside the cache and enters the cache by one rename. The lock of the cache's folder
tells a running build from the leftovers of a killed one, which the next build removes.
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
def build_lock(folder: Path, name: str, say: Say) -> Iterator[None]:
    """Hold the folder's lock while the block runs; wait, and say so, while another process holds it.

    name: what is built, for that message. The operating system releases the lock however this process ends.
    """
    fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another gilfree is building it; waiting")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def remove_leftovers(folder: Path, keep: Sequence[str]) -> int:
    """Remove the folders of killed builds from a folder of the cache; the number removed.

    keep: names of folders that hold finished builds. Nothing is removed while a running build holds the lock.
    """
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
    on_line: Callable[[str, float], None],
) -> int:
    """Run a command to its end; its exit code.

    Both output streams go to `log`; `on_line` is given each line and the seconds since the start. The command runs in a
    process group of its own, which is killed as a whole when this process is interrupted.
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
                on_line(line, time.monotonic() - started)
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def last_lines(log: Path, count: int = 15) -> str:
    """The last lines of a log, indented for a message."""
    return "\n    ".join(log.read_text(errors="replace").splitlines()[-count:])

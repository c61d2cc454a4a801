"""One measurement at a time on a machine: a lock that all users and all checkouts of it share.

What is locked is a folder of the system that every process can open: nothing is created in it, so there is no file
that another user could have made first, made a link, or keep for himself, and no temporary folder that a variable moves.
Containers that have a /dev/shm of their own are other machines in this respect.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDERS = (Path("/dev/shm"), Path("/run"), Path("/"))
"""The first that exists is locked. Only root can change that."""


class MeasuringLock:
    """Held while something is measured. The kernel frees it when its holder dies, however that happens."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or next(folder for folder in FOLDERS if folder.is_dir())
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock; wait for another holder, with a message on standard error. Taking it twice is taking it once.

        Raises OSError when the folder cannot be opened.
        """
        if self._fd is not None:
            return
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting: another measurement runs on this machine ({self._holder(fd)})", file=sys.stderr)
                fcntl.flock(fd, fcntl.LOCK_EX)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Let others measure. Without effect when the lock is not held."""
        fd, self._fd = self._fd, None
        if fd is not None:
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing alone would leave it to a copy of this process
            os.close(fd)

    def _holder(self, fd: int) -> str:
        status = os.fstat(fd)
        try:
            lines = Path("/proc/locks").read_text().splitlines()
        except OSError:
            lines = []
        pid = holder_of(lines, os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
        return f"process {pid} holds the lock on {self._folder}" if pid else f"{self._folder} is locked"


def holder_of(lines: Iterable[str], major: int, minor: int, inode: int) -> int | None:
    """The PID that holds the lock on a file, from the lines of /proc/locks; None where none is shown. Pure."""
    wanted = f"{major:02x}:{minor:02x}:{inode}"
    for line in lines:
        fields = line.split()
        if len(fields) == 8 and fields[1] == "FLOCK" and fields[5] == wanted and fields[4].isdigit():
            return int(fields[4]) or None
    return None

"""One measurement at a time on a machine: a lock that all users and all checkouts of it share."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from pathlib import Path

FILE = Path(tempfile.gettempdir()) / "gilfree-measuring.lock"


class MeasuringLock:
    """Held while something is measured. The kernel frees it when its holder dies, however that happens."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._fd: int | None = None

    def acquire(self) -> None:
        """Wait for the machine, saying so when that takes any time."""
        if self._fd is not None:
            return
        fd = self._open()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting: another measurement runs on this machine ({self._file} is locked)", file=sys.stderr)
            fcntl.flock(fd, fcntl.LOCK_EX)
        self._fd = fd

    def _open(self) -> int:
        try:
            # Without O_CREAT: in a sticky folder the kernel denies it on a file that is another user's.
            return os.open(self._file, os.O_RDONLY)
        except FileNotFoundError:
            fd = os.open(self._file, os.O_RDONLY | os.O_CREAT, 0o666)
            os.fchmod(fd, 0o666)  # whatever the umask: the lock is everybody's
            return fd

    def release(self) -> None:
        """Let others measure."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

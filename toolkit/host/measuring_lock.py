"""One measurement at a time on a machine: a lock that all users and all checkouts of it share."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

FOLDER = Path(tempfile.gettempdir()) / "gilfree-measuring"
"""A folder of its own, because the temporary folder is sticky: there a file can only be locked by the user who made it
(by filelock's own rule, and by the kernel's `fs.protected_regular`), and this lock is for everybody."""


class MeasuringLock:
    """Held while something is measured. The kernel frees it when its holder dies, however that happens."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        # Not bound to a thread: a campaign may release in another thread than it acquired in.
        self._lock = FileLock(folder / "lock", mode=0o666, thread_local=False)

    def acquire(self) -> None:
        """Take the lock; wait for another holder, with a message on standard error. Taking it twice is taking it once.

        Raises OSError when the lock's file can neither be made nor opened.
        """
        if self._lock.is_locked:
            return
        if not self._folder.is_dir():
            self._folder.mkdir(exist_ok=True)
            self._folder.chmod(0o777)  # whatever the umask: the lock is everybody's
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            print(
                f"waiting: another measurement runs on this machine ({self._lock.lock_file} is locked)", file=sys.stderr
            )
            self._lock.acquire()

    def release(self) -> None:
        """Let others measure. Without effect when the lock is not held."""
        self._lock.release()

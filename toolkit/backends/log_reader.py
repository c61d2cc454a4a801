"""A container's log as frames: followed for progress and read again at the end, so that none is lost or delivered twice.

A follow breaks off when the engine or the API server restarts, and may be cut before the last lines. So every backend
whose agents write to a container's log does the same: `LogReader.follow` while the container runs, then `LogReader.read`
with the whole log. The Docker backend does both in one thread (`backends/docker/agent.py`); the Kubernetes backend
follows in a thread and reads the whole log when the watch has seen the pod end (`backends/kubernetes/logs.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from toolkit.agent import frames
from toolkit.agent.frames import Frame

HEAD = ("side", "kind", "t_ns")


class LogReader:
    """Delivers each frame of one container's log once, however often the log is read. Safe to use from several threads.

    `deliver` is called with one frame at a time, in the order in which they are found; it must not call this reader.
    """

    def __init__(self, deliver: Callable[[Frame], None]) -> None:
        self._deliver = deliver
        self._numbers: set[int] = set()
        self._lock = threading.Lock()

    def read(self, lines: Iterable[str]) -> None:
        """Deliver the frames in `lines` that were not delivered before; whatever else stands there is skipped.

        Raises what `lines` raises while it is iterated; the frames before that are delivered.
        """
        for frame in frames.read(lines):
            number = frame_number(frame)
            if number is None:
                continue
            with self._lock:  # also around `deliver`: a thread that skips a frame may rely on its being delivered
                if number not in self._numbers:
                    self._numbers.add(number)
                    self._deliver(frame)

    def follow(self, open_log: Callable[[], Iterable[str]], ended: Callable[[], bool]) -> None:
        """Read `open_log()` to its end again and again until `ended()` is true, which is asked after each reading.

        open_log: the log's lines from the first on, as they are written. ended: whether following is over; it should
        wait a little before it answers False, since the log is opened again at once. Raises what either raises.
        """
        self.read(open_log())
        while not ended():
            self.read(open_log())


def frame_number(frame: Frame) -> int | None:
    """The frame's `seq`; None for JSON that carries a right checksum and yet is no frame. Pure."""
    number = frame.get("seq")
    return number if isinstance(number, int) and all(key in frame for key in HEAD) else None

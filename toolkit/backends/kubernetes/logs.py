"""A container's log as frames: followed for progress, read again at the end, none lost and none twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from toolkit.agent import frames
from toolkit.agent.frames import Frame
from toolkit.backends.kubernetes.client import Cluster, Gone, Refused

FOLLOW_AGAIN_SECONDS = 1.0
TAIL_LINES = 20

Take = Callable[[Frame], None]


def log_path(cluster: Cluster, pod: str) -> str:
    """Where the API has a pod's log."""
    return f"/api/v1/namespaces/{cluster.namespace}/pods/{pod}/log"


def whole_frames(lines: Iterable[str]) -> list[Frame]:
    """Complete frames with a right checksum, in the order of the log, whatever else stands between them. Pure."""
    found: dict[int, Frame] = {}
    for frame in frames.read(lines):
        number = frame.get("seq")
        if isinstance(number, int) and "kind" in frame and "t_ns" in frame and "side" in frame:
            found.setdefault(number, frame)
    return list(found.values())


def read_frames(cluster: Cluster, pod: str, container: str) -> list[Frame]:
    """All frames of a container's log, as the API has it now; none when there is no log any more."""
    try:
        return whole_frames(cluster.text(log_path(cluster, pod), container=container).splitlines())
    except Refused as error:
        if error.status in (400, 404):  # the container never started, or the pod is gone
            return []
        raise


def tail(cluster: Cluster, pod: str, container: str) -> list[str]:
    """The last lines of a log that are no frames: what a container said that never came to speak in frames."""
    try:
        lines = cluster.text(log_path(cluster, pod), container=container, tailLines=100).splitlines()
    except (Refused, Gone):
        return []
    return [line[:400] for line in lines if frames.decode(line) is None][-TAIL_LINES:]


class Follower:
    """Follows one container in a thread and gives each frame to `take` once; a follow that breaks off begins again."""

    def __init__(self, cluster: Cluster, pod: str, container: str, take: Take) -> None:
        self._cluster, self._pod, self._container, self._take = cluster, pod, container, take
        self._seen: set[int] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"log-{container}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; the connection ends with the container."""
        self._stop.set()

    def offer(self, lines_or_frames: Iterable[Frame]) -> None:
        """Give `take` those of these frames that it has not had."""
        for frame in lines_or_frames:
            number = int(frame["seq"])
            with self._lock:  # taken under it too: whoever finds a frame seen must find it taken
                if number not in self._seen:
                    self._seen.add(number)
                    self._take(frame)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                lines = self._cluster.lines(log_path(self._cluster, self._pod), container=self._container, follow=True)
                for line in lines:
                    if self._stop.is_set():
                        return
                    self.offer(whole_frames([line]))
            except (Refused, Gone):
                pass  # not there yet, or away for a while; the end is read again in any case
            self._stop.wait(FOLLOW_AGAIN_SECONDS)

"""A pod's logs through the API: followed while its containers run, and read as a whole at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from toolkit.agent import frames
from toolkit.agent.frames import Frame
from toolkit.backends.kubernetes.client import ApiError, Cluster, Unreachable
from toolkit.backends.log_reader import LogReader

FOLLOW_AGAIN_SECONDS = 1.0
LAST_LINES = 20


def log_path(cluster: Cluster, pod: str) -> str:
    """The API's path of a pod's log."""
    return cluster.path("pods", f"{pod}/log")


def whole_log(cluster: Cluster, pod: str, container: str) -> list[str]:
    """All lines of a container's log; none when there is no log, or no longer."""
    try:
        return cluster.text(log_path(cluster, pod), container=container).splitlines()
    except ApiError as error:
        if error.status in (400, 404):  # the container never started, or the pod is gone
            return []
        raise


def last_lines(cluster: Cluster, pod: str, container: str) -> list[str]:
    """The last lines of a log that are not frames, such as the error of a container whose agent never started."""
    try:
        lines = cluster.text(log_path(cluster, pod), container=container, tailLines=100).splitlines()
    except (ApiError, Unreachable):
        return []
    return [line[:400] for line in lines if frames.decode(line) is None][-LAST_LINES:]


class Follower:
    """Follows one container's log in a thread and delivers each frame once; see `LogReader`."""

    def __init__(self, cluster: Cluster, pod: str, container: str, deliver: Callable[[Frame], None]) -> None:
        self._cluster, self._pod, self._container = cluster, pod, container
        self._reader = LogReader(deliver)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._reader.follow,
            args=(self._lines, lambda: self._stop.wait(FOLLOW_AGAIN_SECONDS)),
            name=f"log-{container}",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop following; the connection ends with the container."""
        self._stop.set()

    def read_again(self) -> None:
        """Deliver the frames of the whole log that were not delivered while it was followed."""
        self._reader.read(whole_log(self._cluster, self._pod, self._container))

    def _lines(self) -> Iterator[str]:
        path = log_path(self._cluster, self._pod)
        try:
            for line in self._cluster.lines(path, container=self._container, follow=True):
                if self._stop.is_set():
                    return
                yield line
        except (ApiError, Unreachable):
            pass  # not there yet, or unreachable for a while; the whole log is read at the end in any case

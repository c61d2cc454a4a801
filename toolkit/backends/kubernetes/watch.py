"""One watch for all of gilfree's pods in a namespace, kept up through interruptions of the API server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolkit.backends.kubernetes.client import ApiError, Cluster, Object, Unreachable
from toolkit.backends.kubernetes.labels import job_name

WATCH_SECONDS = 240
"""After this time the server ends a watch, which then continues from where it was."""

Listener = Callable[[], None]
"""Called on the watch's own thread after every change."""

_DELETED = "gilfree_deleted"
"""Marks a pod that was deleted while it was watched; only its last state is known."""


def is_deleted(pod: Mapping[str, Any]) -> bool:
    """Whether a pod that the watch returned no longer exists."""
    return bool(pod.get(_DELETED))


class PodWatch:
    """The latest state of every pod that a label selector selects. Readers wait for changes and never poll the server.

    unreachable_since: when the API server stopped answering (time.monotonic), None while it answers.
    """

    def __init__(self, cluster: Cluster, labels: str) -> None:
        self._cluster, self._labels = cluster, labels
        self._path = cluster.path("pods")
        self._changed = threading.Condition(threading.RLock())  # reentrant: listeners read the pods
        self._pods: dict[str, Object] = {}
        self._deleted: dict[str, Object] = {}
        self._stop = threading.Event()
        self._listeners: list[Listener] = []
        self.unreachable_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="pod-watch", daemon=True)

    def start(self) -> None:
        """Read the first list and begin to watch. Raises ApiError or Unreachable when there is no list."""
        self._replace(self._list())
        self._thread.start()

    def stop(self) -> None:
        """End the watch and wake those who wait. Its thread ends after the read that it is in."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def pods(self) -> list[Object]:
        """All pods that exist."""
        with self._changed:
            return list(self._pods.values())

    def pods_of_job(self, name: str) -> list[Object]:
        """The pods of a Job, oldest first, including those deleted while they were watched (see `is_deleted`)."""
        with self._changed:
            both = [*self._pods.values(), *self._deleted.values()]
        own = [pod for pod in both if job_name(pod) == name]
        return sorted(own, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))

    def forget(self, name: str) -> None:
        """Forget the deleted pods of a Job."""
        with self._changed:
            for uid in [uid for uid, pod in self._deleted.items() if job_name(pod) == name]:
                del self._deleted[uid]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after every change, until the returned function is called."""
        with self._changed:
            self._listeners.append(listener)

        def end() -> None:
            with self._changed:
                self._listeners.remove(listener)

        return end

    def wait_for(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds`, evaluated after every change, or until the time is over or the watch stopped.

        Returns whether it holds, or True when the watch was stopped.
        """
        with self._changed:
            return self._changed.wait_for(lambda: holds() or self._stop.is_set(), seconds)

    def _list(self) -> Object:
        return self._cluster.list(self._path, self._labels)

    def _replace(self, listed: Object) -> None:
        with self._changed:
            current = {pod["metadata"]["uid"]: _reduced(pod) for pod in listed.get("items", ())}
            for uid, pod in self._pods.items():
                if uid not in current:
                    self._deleted[uid] = {**pod, _DELETED: True}
            self._pods = current
            self._resource_version = listed["metadata"]["resourceVersion"]
            self._notify()

    def _notify(self) -> None:
        self.unreachable_since = None
        self._changed.notify_all()
        for listener in self._listeners:
            listener()

    def _run(self) -> None:
        pause = 0.2
        relist = False
        while not self._stop.is_set():
            try:
                if relist:
                    self._replace(self._list())
                    relist = False
                for kind, pod in self._events():
                    self._apply(kind, pod)
                    pause = 0.2
                self.unreachable_since = None
            except _Expired:
                relist = True
            except ApiError:
                relist = True
                self._stop.wait(pause)
            except Unreachable:
                self.unreachable_since = self.unreachable_since or time.monotonic()
                self._stop.wait(pause)
                pause = min(2 * pause, 3.0)
                relist = True  # the server may have restarted and forgotten the version; a list costs one request

    def _events(self) -> Iterator[tuple[str, Object]]:
        query: dict[str, Any] = {
            "watch": True,
            "labelSelector": self._labels,
            "resourceVersion": self._resource_version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": WATCH_SECONDS,
        }
        for line in self._cluster.lines(self._path, WATCH_SECONDS + 30, **query):
            if self._stop.is_set():
                return
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise _Expired
            yield event["type"], event["object"]

    def _apply(self, kind: str, pod: Object) -> None:
        with self._changed:
            self._resource_version = pod["metadata"]["resourceVersion"]
            if kind == "BOOKMARK":
                self.unreachable_since = None
                return
            uid = pod["metadata"]["uid"]
            if kind == "DELETED":
                self._pods.pop(uid, None)
                self._deleted[uid] = {**_reduced(pod), _DELETED: True}
            else:
                self._pods[uid] = _reduced(pod)
            self._notify()


class _Expired(Exception):
    """The server no longer knows the version that a watch was to continue from."""


def _reduced(pod: Object) -> Object:
    """The parts of a pod that anything reads. The rest is dropped: specs hold whole commands, and there may be hundreds."""
    meta, spec = pod["metadata"], pod.get("spec", {})
    kept = ("name", "namespace", "uid", "labels", "creationTimestamp", "deletionTimestamp")
    return {
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"nodeName": spec.get("nodeName")},
        "status": pod.get("status", {}),
    }

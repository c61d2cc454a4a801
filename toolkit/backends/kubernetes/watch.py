"""One list and one watch for all of gilfree's pods in a namespace, kept up while the API server comes and goes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from toolkit.backends.kubernetes.client import ApiError, Cluster, Object, Unreachable

WATCH_SECONDS = 240
"""After which the server ends a watch and it is begun again from where it was."""

Listener = Callable[[], None]
"""Called, on the watch's own thread, whenever something has changed."""


class PodWatch:
    """The newest state of every pod under a label selector. Readers wait for changes; nobody polls the server."""

    def __init__(self, cluster: Cluster, labels: str) -> None:
        self._cluster, self._labels = cluster, labels
        self._path = f"/api/v1/namespaces/{cluster.namespace}/pods"
        self._changed = threading.Condition(threading.RLock())  # listeners look at the pods
        self._pods: dict[str, Object] = {}
        self._deleted: dict[str, Object] = {}
        self._stop = threading.Event()
        self._listeners: list[Listener] = []
        self.lists = 0
        self.unreachable_since: float | None = None
        self.refused: ApiError | None = None
        self._thread = threading.Thread(target=self._run, name="pod-watch", daemon=True)

    def start(self) -> None:
        """Begin; returns when the first list is there. Raises ApiError or Unreachable when there is none."""
        self._replace(self._list())
        self._thread.start()

    def stop(self) -> None:
        """End the watch; a read that is under way ends by itself."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def pods(self) -> list[Object]:
        """All pods there are."""
        with self._changed:
            return list(self._pods.values())

    def pods_of_job(self, name: str) -> list[Object]:
        """The pods of a Job, those deleted meanwhile included (marked `gilfree_deleted`), in order of their making."""
        with self._changed:
            both = [*self._pods.values(), *self._deleted.values()]
        mine = [pod for pod in both if pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name") == name]
        return sorted(mine, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))

    def forget(self, name: str) -> None:
        """Drop what is remembered of a Job's deleted pods."""
        with self._changed:
            for uid in [uid for uid, pod in self._deleted.items() if _job_name(pod) == name]:
                del self._deleted[uid]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called at every change until what is returned is called."""
        with self._changed:
            self._listeners.append(listener)

        def end() -> None:
            with self._changed:
                self._listeners.remove(listener)

        return end

    def wait_for(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Until `holds`, asked at every change, or the time is over; whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: holds() or self._stop.is_set(), seconds)

    def _list(self) -> Object:
        self.lists += 1
        return self._cluster.list(self._path, self._labels)

    def _replace(self, found: Object) -> None:
        with self._changed:
            there = {pod["metadata"]["uid"]: _reduced(pod) for pod in found.get("items", ())}
            for uid, pod in self._pods.items():
                if uid not in there:
                    self._deleted[uid] = {**pod, "gilfree_deleted": True}
            self._pods = there
            self._resource_version = found["metadata"]["resourceVersion"]
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
            except ApiError as error:
                self.refused = error
                relist = True
                self._stop.wait(pause)
            except Unreachable:
                self.unreachable_since = self.unreachable_since or time.monotonic()
                self._stop.wait(pause)
                pause = min(2 * pause, 3.0)
                relist = True  # it may have forgotten; a list costs one request

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
                self._deleted[uid] = {**_reduced(pod), "gilfree_deleted": True}
            else:
                self._pods[uid] = _reduced(pod)
            self._notify()


class _Expired(Exception):
    """The server has forgotten the version that a watch was to go on from."""


def _job_name(pod: Object) -> str:
    return str(pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name"))


def _reduced(pod: Object) -> Object:
    """What is asked of a pod later; specs hold whole commands, and there may be hundreds."""
    meta, spec = pod["metadata"], pod.get("spec", {})
    kept = ("name", "namespace", "uid", "labels", "creationTimestamp", "deletionTimestamp")
    return {
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"nodeName": spec.get("nodeName")},
        "status": pod.get("status", {}),
    }

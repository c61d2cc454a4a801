"""One trial in its pod, from the release of its Job to the last line of both logs."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from toolkit.agent.frames import Frame, gap
from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import RETRY_SECONDS, ApiError, Cluster, Object, Unreachable
from toolkit.backends.kubernetes.logs import Follower, tail
from toolkit.backends.kubernetes.pod_state import LOAD, SERVER, Problem
from toolkit.backends.kubernetes.render import deadline_seconds
from toolkit.backends.kubernetes.watch import PodWatch
from toolkit.trial.model import Trial

LOOK_SECONDS = 2.0
NO_POD_SECONDS = 6.0
"""After which the Job's events are read for why it has no pod."""

ENDING_SECONDS = 60
"""How long a pod may take to be over once its loader has reported to the end."""

SERVER_OVER = {"server_failed", "not_ready"}


class PodTrial:
    """Yields frames as they come; `problem` is what speaks against the trial that no frame tells."""

    def __init__(self, cluster: Cluster, watch: PodWatch, trial: Trial, node: str) -> None:
        self._cluster, self._watch, self._trial, self._node = cluster, watch, trial, node
        self._queue: queue.Queue[Frame | None] = queue.Queue()
        self._followers: dict[str, Follower] = {}
        self._seen: dict[str, list[Frame]] = {SERVER: [], LOAD: []}
        self._pod: Object | None = None
        self._uids: set[str] = set()
        self._over = False
        self._events: list[str] = []
        self._tails: dict[str, list[str]] = {}
        self.problem: Problem | None = None

    def frames(self) -> Iterator[Frame]:
        """Every frame of both sides, until the pod is over or can never be."""
        unsubscribe = self._watch.subscribe(lambda: self._queue.put(None))
        began = time.monotonic()
        deadline = began + deadline_seconds(self._trial) + ENDING_SECONDS
        looked = began
        try:
            while not self._finished():
                try:
                    frame = self._queue.get(timeout=LOOK_SECONDS)
                except queue.Empty:
                    frame = None
                if frame is not None:
                    self._seen[SERVER if frame["side"] == "server" else LOAD].append(frame)
                    yield frame
                    if self._server_is_over(frame):
                        break
                    continue
                now = time.monotonic()
                if self._pod is None and now - began > NO_POD_SECONDS and now - looked > LOOK_SECONDS:
                    looked = now
                    self.problem = self._why_no_pod()
                if now > deadline:
                    self.problem = Problem("deadline", f"the pod was not over {now - began:.0f} s after its release")
                gone = self._watch.unreachable_since
                if gone is not None and now - gone > RETRY_SECONDS:
                    raise Unreachable("the API server has been away for too long", "go on with --resume")
        finally:
            unsubscribe()
            for follower in self._followers.values():
                follower.stop()
        yield from self._rest()
        if self.problem is None and self._pod is not None and self._over:
            self.problem = pod_state.final_problem(self._pod, len(self._uids))
        if self.problem is not None or self._missing():
            self._save()

    def _server_is_over(self, frame: Frame) -> bool:
        """Whether the server cannot serve any more, so that waiting for the loader is for nothing."""
        return frame["kind"] in SERVER_OVER or (frame["kind"] == "server_exit" and frame["by_itself"])

    def _finished(self) -> bool:
        """Look at the pod as the watch has it now; whether there is nothing more to wait for."""
        if self.problem is not None:
            return True
        pods = self._watch.pods_of_job(self._trial.id)
        self._uids |= {pod["metadata"]["uid"] for pod in pods}
        if not pods:
            return False
        self._pod = pod = pods[-1]
        for side in (SERVER, LOAD):
            if side not in self._followers and pod_state.has_started(pod, side):
                self._followers[side] = Follower(self._cluster, pod["metadata"]["name"], side, self._queue.put)
        self._over = pod_state.has_ended(pod)
        if self._over:
            return True
        if pod.get("gilfree_deleted"):
            self.problem = Problem("pod-deleted", f"pod {pod['metadata']['name']} was deleted during the trial", True)
        else:
            self.problem = pod_state.fatal_problem(pod, datetime.now(UTC))
        return self.problem is not None

    def _rest(self) -> Iterator[Frame]:
        """What the logs hold that was not followed; a follow may have ended early."""
        if self._pod is not None and not self._pod.get("gilfree_deleted"):
            for follower in self._followers.values():
                follower.read_again()
        while True:
            try:
                frame = self._queue.get_nowait()
            except queue.Empty:
                return
            if frame is not None:
                self._seen[SERVER if frame["side"] == "server" else LOAD].append(frame)
                yield frame

    def _missing(self) -> bool:
        return any(gap(found) for found in self._seen.values())

    def _why_no_pod(self) -> Problem | None:
        for event in jobs.list_events(self._cluster, [self._trial.id]):
            if event.get("reason") == "FailedCreate":
                words = str(event.get("message", ""))
                return Problem("quota" if "exceeded quota" in words else "pod-not-created", words, True)
        return None

    def _save(self) -> None:
        """Keep what the cluster says of a failed trial before its pod is removed."""
        names = [self._trial.id, *([self._pod["metadata"]["name"]] if self._pod else [])]
        try:
            self._events = pod_state.event_lines(jobs.list_events(self._cluster, names))
            if self._pod is not None and not self._pod.get("gilfree_deleted"):
                name = self._pod["metadata"]["name"]
                self._tails = {side: tail(self._cluster, name, side) for side in self._followers}
        except (ApiError, Unreachable):
            return  # the verdict stands without them

    def leave(self) -> None:
        """Leave nothing running: a Job that is not over is removed with its pod."""
        for follower in self._followers.values():
            follower.stop()
        if not self._over:
            self._cluster.delete(jobs.jobs_path(self._cluster, self._trial.id))

    def outcome(self) -> dict[str, Any]:
        """What the backend knows beyond the frames."""
        found: dict[str, Any] = {"node": self._node}
        if self._pod is not None:
            found.update(pod_state.pod_summary(self._pod), **pod_state.container_exits(self._pod))
        if self.problem is not None:
            found["problem"] = self.problem.data()
        if self._events or self._tails:
            found.update(events=self._events, last_words=self._tails)
        return found

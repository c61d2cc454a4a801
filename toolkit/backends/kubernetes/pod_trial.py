"""One trial in its pod: its frames, from the release of its Job to the last line of both logs, and why it cannot count."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from toolkit.agent.frames import Frame, gap
from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import RETRY_SECONDS, ApiError, Cluster, Object, Unreachable
from toolkit.backends.kubernetes.logs import Follower, last_lines
from toolkit.backends.kubernetes.pod_state import LOAD, SERVER, Problem
from toolkit.backends.kubernetes.render import deadline_seconds
from toolkit.backends.kubernetes.watch import PodWatch, is_deleted
from toolkit.trial.model import Trial

WAIT_SECONDS = 2.0
"""How long to wait for a frame or a change of the pod before deadlines are checked."""

NO_POD_SECONDS = 6.0
"""After this time without a pod the Job's events are read for the reason."""

ENDING_SECONDS = 60
"""How long a pod may take to end after its deadline."""

SERVER_FAILURES = {"server_failed", "not_ready"}


class PodTrial:
    """Reads one trial from its pod. problem: why the trial cannot count, as far as the frames do not say it."""

    def __init__(self, cluster: Cluster, watch: PodWatch, trial: Trial, node: str) -> None:
        self._cluster, self._watch, self._trial, self._node = cluster, watch, trial, node
        self._queue: queue.Queue[Frame | None] = queue.Queue()
        self._followers: dict[str, Follower] = {}
        self._frames: dict[str, list[Frame]] = {SERVER: [], LOAD: []}
        self._pod: Object | None = None
        self._uids: set[str] = set()
        self._ended = False
        self._events: list[str] = []
        self._last_lines: dict[str, list[str]] = {}
        self.problem: Problem | None = None

    def frames(self) -> Iterator[Frame]:
        """Every frame of both sides as it comes, until the pod has ended or certainly never will.

        Raises Unreachable when the API server does not answer for RETRY_SECONDS.
        """
        unsubscribe = self._watch.subscribe(lambda: self._queue.put(None))
        began = time.monotonic()
        deadline = began + deadline_seconds(self._trial) + ENDING_SECONDS
        checked = began
        try:
            while not self._finished():
                try:
                    frame = self._queue.get(timeout=WAIT_SECONDS)
                except queue.Empty:
                    frame = None
                if frame is not None:
                    self._frames[SERVER if frame["side"] == "server" else LOAD].append(frame)
                    yield frame
                    if self._server_ended(frame):
                        break
                    continue
                now = time.monotonic()
                if self._pod is None and now - began > NO_POD_SECONDS and now - checked > WAIT_SECONDS:
                    checked = now
                    self.problem = self._creation_problem()
                if now > deadline:
                    self.problem = Problem("deadline", f"the pod had not ended {now - began:.0f} s after its release")
                since = self._watch.unreachable_since
                if since is not None and now - since > RETRY_SECONDS:
                    raise Unreachable(
                        f"the API server has not answered for {now - since:.0f} s", "continue with --resume"
                    )
        finally:
            unsubscribe()
            for follower in self._followers.values():
                follower.stop()
        yield from self._remaining_frames()
        if self.problem is None and self._pod is not None and self._ended:
            self.problem = pod_state.final_problem(self._pod, len(self._uids))
        if self.problem is not None or self._lacks_frames():
            self._keep_evidence()

    def _server_ended(self, frame: Frame) -> bool:
        """Whether the server has ended, so that the loader has nothing left to measure."""
        return frame["kind"] in SERVER_FAILURES or (frame["kind"] == "server_exit" and frame["by_itself"])

    def _finished(self) -> bool:
        """Take over the pod's state from the watch; whether there is nothing left to wait for."""
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
        self._ended = pod_state.has_ended(pod)
        if self._ended:
            return True
        if is_deleted(pod):
            self.problem = Problem("pod-deleted", f"pod {pod['metadata']['name']} was deleted during the trial")
        else:
            self.problem = pod_state.fatal_problem(pod, datetime.now(UTC))
        return self.problem is not None

    def _remaining_frames(self) -> Iterator[Frame]:
        """What the logs hold that was not followed; a follow may have ended early."""
        if self._pod is not None and not is_deleted(self._pod):
            for follower in self._followers.values():
                follower.read_again()
        while True:
            try:
                frame = self._queue.get_nowait()
            except queue.Empty:
                return
            if frame is not None:
                self._frames[SERVER if frame["side"] == "server" else LOAD].append(frame)
                yield frame

    def _lacks_frames(self) -> bool:
        return any(gap(found) for found in self._frames.values())

    def _creation_problem(self) -> Problem | None:
        for event in jobs.list_events(self._cluster, [self._trial.id]):
            if event.get("reason") == "FailedCreate":
                message = str(event.get("message", ""))
                return Problem("quota" if "exceeded quota" in message else "pod-not-created", message)
        return None

    def _keep_evidence(self) -> None:
        """Keep the events and last log lines of a failed trial before its pod is removed."""
        names = [self._trial.id, *([self._pod["metadata"]["name"]] if self._pod else [])]
        try:
            self._events = pod_state.event_lines(jobs.list_events(self._cluster, names))
            if self._pod is not None and not is_deleted(self._pod):
                name = self._pod["metadata"]["name"]
                self._last_lines = {side: last_lines(self._cluster, name, side) for side in self._followers}
        except (ApiError, Unreachable):
            return  # the problem is known without them

    def close(self) -> None:
        """Leave nothing running: a Job whose pod has not ended is removed with it."""
        for follower in self._followers.values():
            follower.stop()
        if not self._ended:
            self._cluster.delete(jobs.jobs_path(self._cluster, self._trial.id))

    def outcome(self) -> dict[str, Any]:
        """What is known of the trial beyond its frames, for the outcome frame."""
        found: dict[str, Any] = {"node": self._node}
        if self._pod is not None:
            found.update(pod_state.pod_summary(self._pod), **pod_state.container_exits(self._pod))
        if self.problem is not None:
            found["problem"] = self.problem.data()
        if self._events or self._last_lines:
            found.update(events=self._events, last_words=self._last_lines)
        return found

"""What a trial on a cluster takes beyond its windows of load, compared with a Job of the same shape that does nothing.

Most of it is the cluster's own: placing a pod, starting two containers, a startup probe, stopping a sidecar. The rest is
gilfree's: starting the server, validating answers, reading logs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.render import READY_FILE, render_job
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.records.store import record
from toolkit.trial.block import alone
from toolkit.trial.model import Trial

LARGEST_RATIO = 1.6
BARE_SECONDS = 120
IDLE = f"trap 'exit 0' TERM; touch {READY_FILE}; while :; do sleep 60 & wait $!; done"


@dataclass(frozen=True)
class Cost:
    """Seconds of each bare Job, and of each trial less its windows, in the order in which they ran."""

    bare_seconds: tuple[float, ...]
    trial_seconds: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median trial over the median bare Job."""
        return statistics.median(self.trial_seconds) / statistics.median(self.bare_seconds)

    def text(self) -> str:
        """All figures in one sentence."""
        bare, trials = ([f"{one:.1f}" for one in seconds] for seconds in (self.bare_seconds, self.trial_seconds))
        return (
            f"a bare Job: {statistics.median(self.bare_seconds):.1f} s ({', '.join(bare)});"
            f" a trial beyond its windows: {statistics.median(self.trial_seconds):.1f} s ({', '.join(trials)});"
            f" ratio {self.ratio:.2f}, at most {LARGEST_RATIO} is allowed"
        )


def measure(backend: KubernetesBackend, trial_of: Callable[[int], Trial], pairs: int, say: Say) -> Cost:
    """Run `pairs` bare Jobs and trials in turn on the first node; a trial that is not counted pulls the images before.

    trial_of: a trial by its attempt, which must be unique. Raises GilfreeError when a Job or a trial does not end well.
    """
    slot = backend.slots()[0]
    bare: list[float] = []
    trials: list[float] = []
    beyond_windows_seconds(backend, trial_of(1), slot)
    for number in range(1, pairs + 1):
        bare.append(bare_job_seconds(backend, trial_of(1000 + number), slot))
        trials.append(beyond_windows_seconds(backend, trial_of(1 + number), slot))
        say(f"pair {number} of {pairs}: {bare[-1]:.1f} s and {trials[-1]:.1f} s")
    return Cost(tuple(bare), tuple(trials))


def beyond_windows_seconds(backend: KubernetesBackend, trial: Trial, slot: str) -> float:
    """Seconds of one trial, less those of its windows. Raises GilfreeError when the trial is rejected for its own fault."""
    began = time.monotonic()
    with closing(backend.run(alone(trial), slot)) as running:  # type: ignore[type-var]
        frames = list(running)
    took = time.monotonic() - began
    failed = [one for one in record(trial, frames).rejections if not one.environmental]
    if failed:
        raise GilfreeError(f"a trial was rejected: {failed[0].reason}: {failed[0].detail}", "see `gilfree bench`")
    return took - windows_seconds(frames)


def windows_seconds(frames: list[Frame]) -> float:
    """How long all windows of load took. Pure."""
    began = {frame["name"]: frame["t_ns"] for frame in frames if frame["kind"] == "window_start"}
    return sum(float(one["t_ns"] - began[one["name"]]) for one in frames if one["kind"] == "window_end") / 1e9


def bare_job_seconds(backend: KubernetesBackend, trial: Trial, slot: str) -> float:
    """Seconds from making a Job whose containers do nothing until its pod has ended.

    Raises GilfreeError when it has not ended after BARE_SECONDS.
    """
    cluster, name = backend.cluster, trial.id
    job = idle_job(
        render_job(
            trial,
            backend.load_image,
            backend.settings(trial.scenario),
            backend.shares(trial.scenario),
            node=slot,
            namespace=cluster.namespace,
            suspend=False,
        )
    )

    def over() -> bool:
        return any(pod_state.has_ended(pod) for pod in backend.watch.pods_of_job(name))

    began = time.monotonic()
    cluster.create(jobs.jobs_path(cluster), job)
    try:
        if not backend.watch.wait_for(over, BARE_SECONDS):
            raise GilfreeError(
                f"a Job that does nothing had not ended after {BARE_SECONDS} s", "see `gilfree cluster status`"
            )
        return time.monotonic() - began
    finally:
        cluster.delete(jobs.jobs_path(cluster, name))


def idle_job(job: dict[str, Any]) -> dict[str, Any]:
    """A trial's Job with the same pod but for what its containers run. Pure."""
    spec = job["spec"]["template"]["spec"]
    spec["initContainers"][0]["command"] = ["/bin/sh", "-c", IDLE]
    spec["containers"][0]["command"] = ["/bin/true"]
    return job

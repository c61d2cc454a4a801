"""Checks of a trial's surroundings: CPUs of its own, a load generator below its limit, no other work on its CPUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from toolkit.agent.frames import Frame
from toolkit.records.metrics import Measurement, first_of_kind
from toolkit.records.reasons import Rejection
from toolkit.trial.model import Trial

PINNING_REMEDY = (
    "whole CPUs are pinned only where the kubelet's cpuManagerPolicy is static; without it write"
    " `cluster: {pinning: preferred}` and expect less reliable figures"
)


def not_pinned(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A server or load generator that ran on other CPUs than those assigned to it."""
    outcome = first_of_kind(frames, "outcome") or {}
    for frame in frames:
        asked = (outcome.get("cpus") or {}).get(frame["side"])
        if frame["kind"] == "hello" and asked is not None and sorted(asked) != sorted(frame["cpus"]):
            yield Rejection("not-pinned", f"{frame['side']}: asked for CPUs {sorted(asked)}, ran on {frame['cpus']}")
        count = (outcome.get("cpu_counts") or {}).get(frame["side"])
        if frame["kind"] == "hello" and count is not None and len(frame["cpus"]) != count:
            yield Rejection(
                "not-pinned",
                f"{frame['side']}: asked for {count} CPUs of its own, could run on {len(frame['cpus'])}: {frame['cpus']};"
                f" {PINNING_REMEDY}",
            )


def saturated_load_generator(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A load generator at its own limit: the figures are the generator's, not the server's."""
    if trial.seeks_rate:
        return
    yield from loader_saturation(trial, measurement)


def loader_saturation(trial: Trial, measurement: Measurement) -> Iterator[Rejection]:
    """The rejection of a window in which the generator used more of the CPUs that its threads can use than the limit."""
    limit = trial.scenario.limits.loader_saturation
    if measurement.loader_saturation is not None and measurement.loader_saturation > limit:
        yield Rejection(
            "loader-saturated",
            f"the load generator used {measurement.loader_saturation:.0%} of the CPUs that its threads can use, the limit is {limit:.0%}",
        )


def disturbed(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """CPU time that the trial did not get: throttled by a quota, stolen by the host, taken by other processes."""
    if trial.seeks_rate:
        return
    yield from disturbances(trial, without_wanted_waits(frames, measurement))


def without_wanted_waits(frames: Sequence[Frame], measurement: Measurement) -> Measurement:
    """The measurement without throttling that is no disturbance: where it is to be measured, and of a server with a share
    of a CPU, which waits when it has used it up."""
    outcome = first_of_kind(frames, "outcome") or {}
    if outcome.get("throttling") == "measure":
        return replace(measurement, throttled_periods=None, loader_throttled_periods=None)
    if (outcome.get("cpu_quota") or {}).get("server") is not None:
        return replace(measurement, throttled_periods=None)
    return measurement


def disturbances(trial: Trial, measurement: Measurement) -> Iterator[Rejection]:
    """Every disturbance of a window above its limit in the scenario."""
    limits = trial.scenario.limits
    for reason, share, limit, words in (
        (
            "throttled",
            measurement.throttled_periods,
            limits.throttled_periods,
            "of the server's CPU periods were throttled",
        ),
        (
            "throttled",
            measurement.loader_throttled_periods,
            limits.throttled_periods,
            "of the load generator's CPU periods were throttled",
        ),
        ("stolen", measurement.steal, limits.steal, "of the server's CPU time was stolen by the host"),
        (
            "foreign-cpu",
            measurement.foreign_cpu,
            limits.foreign_cpu,
            "of the server's CPU time went to other processes",
        ),
    ):
        if share is not None and share > limit:
            yield Rejection(reason, f"{share:.1%} {words}, the limit is {limit:.1%}")

"""Checks of what a trial was given: CPUs of its own, a loader with room to spare, and nobody else on its CPUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolkit.agent.frames import Frame
from toolkit.records.metrics import Measured
from toolkit.trial.model import Trial

PINNING_REMEDY = (
    "whole CPUs are pinned only where the kubelet's cpuManagerPolicy is static; without it take"
    " `cluster: {pinning: preferred}` and believe the figures less"
)


@dataclass(frozen=True)
class Found:
    """One reason against a trial. `environmental`: the machine's doing, so that trying again may help."""

    reason: str
    detail: str
    environmental: bool = False


def first(frames: Sequence[Frame], kind: str) -> Frame | None:
    """The first frame of a kind."""
    return next((frame for frame in frames if frame["kind"] == kind), None)


def not_pinned(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A server or loader that ran elsewhere than on the CPUs it was given."""
    outcome = first(frames, "outcome") or {}
    for frame in frames:
        asked = (outcome.get("cpus") or {}).get(frame["side"])
        if frame["kind"] == "hello" and asked is not None and sorted(asked) != sorted(frame["cpus"]):
            yield Found("not-pinned", f"{frame['side']}: asked for CPUs {sorted(asked)}, ran on {frame['cpus']}")
        count = (outcome.get("cpu_counts") or {}).get(frame["side"])
        if frame["kind"] == "hello" and count is not None and len(frame["cpus"]) != count:
            yield Found(
                "not-pinned",
                f"{frame['side']}: asked for {count} CPUs of its own, could run on {len(frame['cpus'])}: {frame['cpus']};"
                f" {PINNING_REMEDY}",
            )


def saturated_loader(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A loader at its own limit measures itself."""
    if trial.searching:
        return
    yield from loader_at_its_limit(trial, seen)


def loader_at_its_limit(trial: Trial, seen: Measured) -> Iterator[Found]:
    """The same of any window."""
    limit = trial.scenario.limits.loader_saturation
    if seen.loader_saturation is not None and seen.loader_saturation > limit:
        yield Found(
            "loader-saturated", f"the loader used {seen.loader_saturation:.0%} of its CPUs, {limit:.0%} is the limit"
        )


def disturbed(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """CPU time that the trial did not get: throttled by a quota, stolen by the host, taken by other processes."""
    if trial.searching:
        return
    meant = (first(frames, "outcome") or {}).get("throttling") == "measure"  # pods that are to be throttled
    yield from (found for found in disturbances(trial, seen) if not (meant and found.reason == "throttled"))


def disturbances(trial: Trial, seen: Measured) -> Iterator[Found]:
    """The same of any window."""
    limits = trial.scenario.limits
    for reason, share, limit, words in (
        ("throttled", seen.throttled_periods, limits.throttled_periods, "of the server's CPU periods were throttled"),
        (
            "throttled",
            seen.loader_throttled_periods,
            limits.throttled_periods,
            "of the loader's CPU periods were throttled",
        ),
        ("stolen", seen.steal, limits.steal, "of the server's CPU time was stolen by the host"),
        ("foreign-cpu", seen.foreign_cpu, limits.foreign_cpu, "of the server's CPU time went to other processes"),
    ):
        if share is not None and share > limit:
            yield Found(reason, f"{share:.1%} {words}, {limit:.1%} is the limit", environmental=True)

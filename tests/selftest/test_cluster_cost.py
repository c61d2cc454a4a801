"""What a trial costs beyond its windows: the windows are taken off, the idle Job has the trial's shape."""

from __future__ import annotations

import copy

import pytest

from tests.backends.kubernetes.test_preflight import a_job
from toolkit.agent.frames import Frame
from toolkit.selftest.cluster_cost import Cost, idle_job, windows_seconds


def mark(kind: str, name: str, seconds: float) -> Frame:
    return {"kind": kind, "name": name, "t_ns": int(seconds * 1e9)}


def test_windows_are_taken_off_and_the_time_between_them_is_not() -> None:
    frames = [
        mark("window_start", "warmup", 1),
        mark("window_end", "warmup", 3.5),
        mark("window_start", "measure", 4),
        mark("window_end", "measure", 9),
    ]
    assert windows_seconds(frames) == 7.5


def test_an_idle_job_differs_in_nothing_but_its_commands() -> None:
    job = a_job()
    made = idle_job(copy.deepcopy(job))
    for part in ("initContainers", "containers"):
        for own, other in zip(
            job["spec"]["template"]["spec"][part], made["spec"]["template"]["spec"][part], strict=True
        ):
            assert own.pop("command") != other.pop("command")
    assert made == job


def test_the_ratio_is_of_the_medians() -> None:
    found = Cost((6.0, 100.0, 5.0), (9.0, 8.0, 200.0))
    assert found.ratio == pytest.approx(1.5)
    assert "a bare Job: 6.0 s (6.0, 100.0, 5.0)" in found.text()

"""Each way in which a pod goes wrong has its reason, in the cluster's own words, and says whether trying again may help."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.backends.kubernetes.pod_state import (
    UNSCHEDULABLE_SECONDS,
    Problem,
    container_exits,
    event_lines,
    fatal_problem,
    final_problem,
    has_ended,
    has_started,
    pod_summary,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SERVED = {"terminated": {"exitCode": 143, "reason": "Error"}}  # stopped by SIGTERM, as every sidecar is
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
RUNNING = {"running": {"startedAt": "2026-11-23T11:59:00Z"}}


def pod(
    phase: str = "Succeeded", server: Any = None, load: Any = None, restarts: int = 0, last: Any = None, **status: Any
) -> dict[str, Any]:
    """A pod as the API has it."""
    sides = [
        {"name": "server", "image": "app@sha256:a", "imageID": "app@sha256:a", "restartCount": restarts},
        {"name": "load", "image": "load@sha256:b", "imageID": "load@sha256:b", "restartCount": 0},
    ]
    sides[0].update(state=server or SERVED, lastState=last or {})
    sides[1].update(state=load or DONE)
    return {
        "metadata": {"name": "trial-x", "uid": "1"},
        "spec": {"nodeName": "node-1"},
        "status": {
            "phase": phase,
            "qosClass": "Guaranteed",
            "initContainerStatuses": sides[:1],
            "containerStatuses": sides[1:],
            **status,
        },
    }


def pending(seconds: float, message: str = "0/3 nodes are available: 3 Insufficient cpu.") -> dict[str, Any]:
    since = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {
        "metadata": {"name": "trial-x"},
        "spec": {},
        "status": {"phase": "Pending", "conditions": [{**condition, "lastTransitionTime": since}]},
    }


def waiting(reason: str, message: str = "why") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def is_(problem: Problem | None, reason: str, words: str, environmental: bool) -> None:
    assert problem is not None
    assert (problem.reason, problem.environmental) == (reason, environmental)
    assert words in problem.detail


def test_a_pod_that_ended_as_it_should_has_nothing_against_it() -> None:
    assert fatal_problem(pod(), NOW) is None and final_problem(pod()) is None
    assert has_ended(pod()) and has_ended(pod())


def test_a_pod_under_way_is_not_judged() -> None:
    one = pod("Running", server=RUNNING, load=waiting("PodInitializing"))
    assert fatal_problem(one, NOW) is None and not has_ended(one)
    assert has_started(one, "server") and not has_started(one, "load")


def test_the_scheduler_s_words_are_the_reason_once_it_had_time() -> None:
    assert fatal_problem(pending(UNSCHEDULABLE_SECONDS - 1), NOW) is None
    is_(fatal_problem(pending(UNSCHEDULABLE_SECONDS), NOW), "unschedulable", "3 Insufficient cpu", True)


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_pulled_is_named_with_the_registry_s_words(reason: str) -> None:
    one = pod("Pending", server=waiting(reason, "manifest unknown"), load=waiting("PodInitializing"))
    is_(fatal_problem(one, NOW), "image-pull", f"app@sha256:a: {reason}: manifest unknown", True)


def test_one_failed_pull_is_not_the_end_yet() -> None:
    assert fatal_problem(pod("Pending", server=waiting("ErrImagePull"), load=waiting("PodInitializing")), NOW) is None


def test_a_container_that_cannot_be_made_is_named() -> None:
    one = pod("Pending", server=waiting("CreateContainerConfigError", "image will run as root"))
    is_(
        fatal_problem(one, NOW),
        "container-not-created",
        "server: CreateContainerConfigError: image will run as root",
        True,
    )


def test_a_server_that_was_killed_at_its_limit_and_silently_started_again_is_out_of_memory() -> None:
    again = pod("Running", server=RUNNING, load=RUNNING, restarts=1, last=KILLED)
    is_(fatal_problem(again, NOW), "out-of-memory", "the server container", False)
    is_(final_problem(pod(restarts=1, last=KILLED)), "out-of-memory", "the server container", False)


def test_the_server_s_restart_is_the_cause_and_not_the_loader_that_failed_after_it() -> None:
    one = pod("Failed", load={"terminated": {"exitCode": 1}}, restarts=1, last=KILLED)
    is_(final_problem(one), "out-of-memory", "the server container", False)


def test_a_server_that_crashed_and_was_started_again_is_never_counted() -> None:
    crashed = {"terminated": {"exitCode": 139, "reason": "Error"}}
    is_(final_problem(pod(restarts=1, last=crashed)), "restarted", "exit code 139 (signal 11), Error", False)


def test_a_loader_at_its_limit_and_one_that_died_are_told_apart() -> None:
    is_(final_problem(pod("Failed", load=KILLED)), "load-out-of-memory", "the load container", True)
    is_(final_problem(pod("Failed", load={"terminated": {"exitCode": 137}})), "load-died", "signal 9", True)


@pytest.mark.parametrize(
    ("reason", "expected", "environmental"),
    [
        ("Evicted", "evicted", True),
        ("DeadlineExceeded", "deadline", True),
        ("Terminated", "node-gone", True),
        ("NodeShutdown", "node-gone", True),
        ("UnexpectedAdmissionError", "not-admitted", True),
        ("OutOfcpu", "not-admitted", True),
        ("", "pod-failed", True),
    ],
)
def test_what_the_kubelet_says_of_a_failed_pod_is_its_reason(reason: str, expected: str, environmental: bool) -> None:
    one = pod("Failed", reason=reason, message="the node was low on memory")
    is_(final_problem(one), expected, "the node was low on memory", environmental)
    is_(fatal_problem(one, NOW), expected, "the node was low on memory", environmental)


@pytest.mark.parametrize("phase", ["Running", "Failed"])
def test_preemption_and_drains_are_evictions_before_and_after_the_pod_is_over(phase: str) -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "by x"}
    one = pod(phase, load={"terminated": {"exitCode": 143}}, conditions=[condition])
    is_(fatal_problem(one, NOW), "evicted", "PreemptionByScheduler: by x", True)
    if phase == "Failed":
        is_(final_problem(one), "evicted", "PreemptionByScheduler: by x", True)


def test_a_pod_that_is_not_guaranteed_does_not_count() -> None:
    is_(final_problem(pod(qosClass="Burstable")), "not-guaranteed", "QoS class is Burstable", True)


def test_a_second_pod_of_one_trial_does_not_count() -> None:
    is_(final_problem(pod(), pods_seen=2), "pod-replaced", "2 pods", True)


def test_exits_and_summary_hold_what_a_record_needs() -> None:
    found = container_exits(pod(restarts=1, server=RUNNING, last=KILLED))
    assert found["serve_agent"] == {"code": 137, "reason": "OOMKilled", "oom_killed": True, "restarts": 1}
    assert found["load_agent"]["code"] == 0
    assert pod_summary(pod()) | {"images": {}} == {
        "pod": "trial-x",
        "uid": "1",
        "node": "node-1",
        "phase": "Succeeded",
        "qos": "Guaranteed",
        "images": {},
    }


def test_events_are_told_in_the_order_in_which_they_happened() -> None:
    events = [
        {"reason": "BackOff", "message": "b", "lastTimestamp": "2026-11-23T12:00:02Z"},
        {"reason": "Scheduled", "message": "a", "eventTime": "2026-11-23T12:00:01.000000Z"},
    ]
    assert event_lines(events) == ["Scheduled: a", "BackOff: b"]


@given(
    st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
    st.sampled_from([SERVED, KILLED, RUNNING, {}, waiting("ImagePullBackOff")]),
    st.sampled_from([DONE, KILLED, RUNNING, {}, waiting("PodInitializing")]),
    st.integers(0, 3),
    st.text(max_size=30),
)
def test_whatever_a_pod_says_only_a_clean_end_has_nothing_against_it(
    phase: str, server: Any, load: Any, restarts: int, reason: str
) -> None:
    one = pod(phase, server, load, restarts, reason=reason)
    found = final_problem(one)
    if phase == "Failed" or restarts:
        assert found is not None and found.reason and found.detail
    else:
        assert found is None

"""What a pod's status means for the trial in it: whether it runs, has ended, or has a problem, and which. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from toolkit.records.reasons import reason_of

Pod = Mapping[str, Any]

SERVER, LOAD = "server", "load"
UNSCHEDULABLE_SECONDS = 20
PULL_FAILURES = {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
NOT_ADMITTED = {"UnexpectedAdmissionError", "TopologyAffinityError", "NodeAffinity", "InvalidNodeInfo"}
CREATE_FAILURES = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


@dataclass(frozen=True)
class Problem:
    """Why a trial cannot count; `records/reasons.py` says what each reason means."""

    reason: str
    detail: str

    @property
    def environmental(self) -> bool:
        """Whether it is the cluster's doing, so that another attempt may succeed."""
        return reason_of(self.reason).cause == "environment"

    def data(self) -> dict[str, Any]:
        """As the outcome frame holds it."""
        return {"reason": self.reason, "detail": self.detail}


def container_statuses(pod: Pod) -> dict[str, Mapping[str, Any]]:
    """The status of each container, sidecars included, by its name."""
    status = pod.get("status", {})
    both = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return {one["name"]: one for one in both}


def has_started(pod: Pod, container: str) -> bool:
    """Whether a container runs or has run, so that it has a log."""
    one = container_statuses(pod).get(container, {})
    return bool({"running", "terminated"} & one.get("state", {}).keys() or one.get("restartCount"))


def has_ended(pod: Pod) -> bool:
    """Whether all containers have ended for good."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def fatal_problem(pod: Pod, now: datetime) -> Problem | None:
    """Why this pod will never run its trial to the end, as soon as that is certain; None while it may.

    now: with a time zone; a pod counts as unschedulable after UNSCHEDULABLE_SECONDS.
    """
    status = pod.get("status", {})
    for name, one in container_statuses(pod).items():
        waiting = one.get("state", {}).get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason in PULL_FAILURES:
            return Problem("image-pull", f"{one.get('image')}: {reason}: {waiting.get('message', '')}".rstrip(": "))
        if reason in CREATE_FAILURES:
            return Problem("container-not-created", f"{name}: {reason}: {waiting.get('message', '')}")
        if one.get("restartCount"):
            return _restart(name, one)
    for condition in status.get("conditions", ()):
        if condition["type"] != "PodScheduled" or condition.get("reason") != "Unschedulable":
            continue
        if (now - _time(condition.get("lastTransitionTime"), now)).total_seconds() >= UNSCHEDULABLE_SECONDS:
            return Problem("unschedulable", str(condition.get("message", "")))
    disruption = _disruption(pod)
    if disruption:
        return disruption
    if status.get("phase") == "Failed":
        return _failure(pod)
    return None


def final_problem(pod: Pod, pods_seen: int = 1) -> Problem | None:
    """Why a trial whose pod has ended does not count; None when both containers ended as they should.

    pods_seen: how many pods ran for the trial.
    """
    failed = _failure(pod) if pod.get("status", {}).get("phase") == "Failed" else None
    if failed:
        return failed
    for name, one in container_statuses(pod).items():
        if one.get("restartCount"):
            return _restart(name, one)
    if pods_seen > 1:
        return Problem("pod-replaced", f"{pods_seen} pods ran for this trial; their figures are not one trial's")
    quality = pod.get("status", {}).get("qosClass")
    if quality != "Guaranteed":
        return Problem("not-guaranteed", f"the pod's QoS class is {quality}: something changed its requests or limits")
    return None


def container_exits(pod: Pod) -> dict[str, Any]:
    """How both containers ended, as the record holds it: `load_agent` and `serve_agent`."""
    found: dict[str, Any] = {}
    for side, name in (("load", LOAD), ("serve", SERVER)):
        one = container_statuses(pod).get(name, {})
        over = one.get("state", {}).get("terminated") or one.get("lastState", {}).get("terminated") or {}
        found[f"{side}_agent"] = {
            "code": over.get("exitCode"),
            "reason": over.get("reason"),
            "oom_killed": over.get("reason") == "OOMKilled",
            "restarts": one.get("restartCount", 0),
        }
    return found


def pod_summary(pod: Pod) -> dict[str, Any]:
    """The facts of a pod that the record of its trial holds."""
    status = pod.get("status", {})
    return {
        "pod": pod["metadata"]["name"],
        "uid": pod["metadata"].get("uid"),
        "node": pod.get("spec", {}).get("nodeName"),
        "phase": status.get("phase"),
        "qos": status.get("qosClass"),
        "images": {name: one.get("imageID") for name, one in container_statuses(pod).items()},
    }


def event_lines(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The newest twenty events, one line each, oldest first."""
    ordered = sorted(events, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))
    return [f"{one.get('reason')}: {one.get('message', '')}"[:400] for one in ordered[-20:]]


def _failure(pod: Pod) -> Problem:
    status = pod.get("status", {})
    reason, message = status.get("reason", ""), status.get("message", "")
    if reason == "Evicted":
        return Problem("evicted", message)
    if reason == "DeadlineExceeded":
        return Problem("deadline", f"the pod had not ended in time: {message}")
    if reason in ("NodeLost", "NodeShutdown", "Terminated", "Shutdown", "Preempting"):
        return Problem("node-gone", f"{reason}: {message}")
    if reason in NOT_ADMITTED or reason.startswith("OutOf"):
        return Problem("not-admitted", f"the node's kubelet did not take the pod: {reason}: {message}")
    disruption = _disruption(pod)
    if disruption:
        return disruption
    for name in (SERVER, LOAD):
        one = container_statuses(pod).get(name, {})
        if one.get("restartCount"):
            return _restart(name, one)
        over = one.get("state", {}).get("terminated")
        if over and over.get("reason") == "OOMKilled":
            return _out_of_memory(name)
        if name == LOAD and over and over.get("exitCode"):
            return Problem("load-died", f"the load container ended with {_exit_text(over)}")
    return Problem("pod-failed", f"the pod failed: {reason or 'no reason given'} {message}".strip())


def _disruption(pod: Pod) -> Problem | None:
    """Preemption, a drain, a tainted node, a kubelet that shuts down: a condition reports it, whatever the phase is."""
    for one in pod.get("status", {}).get("conditions", ()):
        if one["type"] == "DisruptionTarget" and one["status"] == "True":
            return Problem("evicted", f"{one.get('reason')}: {one.get('message', '')}".rstrip(": "))
    return None


def _restart(name: str, one: Mapping[str, Any]) -> Problem:
    over = one.get("lastState", {}).get("terminated") or {}
    if over.get("reason") == "OOMKilled":
        return _out_of_memory(name)
    reason = "load-died" if name == LOAD else "restarted"
    return Problem(reason, f"the {name} container was started again after {_exit_text(over)}")


def _out_of_memory(name: str) -> Problem:
    reason = "load-out-of-memory" if name == LOAD else "out-of-memory"
    return Problem(reason, f"the {name} container was killed at its memory limit (OOMKilled)")


def _exit_text(over: Mapping[str, Any]) -> str:
    code = over.get("exitCode")
    signal = f" (signal {code - 128})" if isinstance(code, int) and code > 128 else ""
    return f"exit code {code}{signal}{', ' + over['reason'] if over.get('reason') else ''}"


def _time(text: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else otherwise

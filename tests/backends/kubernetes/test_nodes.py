"""Which nodes can hold a trial, and for each other one the reason."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.backends.kubernetes.jobs import bound_node, is_finished
from toolkit.backends.kubernetes.nodes import suitable_nodes, unavailable_reason
from toolkit.backends.kubernetes.render import Shares
from toolkit.scenario.cluster import ClusterSettings

WANTED = Shares(server_cpus=1, server_bytes=1 << 30, load_cpus=0.9, load_bytes=256 << 20)
READY = [{"type": "Ready", "status": "True"}]


def node(name: str = "a", cpu: str = "1900m", memory: str = "3Gi", **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": more.get("labels", {})},
        "spec": {"taints": more.get("taints"), "unschedulable": more.get("cordoned", False)},
        "status": {"allocatable": {"cpu": cpu, "memory": memory}, "conditions": more.get("conditions", READY)},
    }


def why(one: dict[str, Any], **settings: Any) -> str:
    found, reasons = suitable_nodes([one], ClusterSettings.model_validate(settings), WANTED)
    assert bool(found) != bool(reasons)
    return reasons.get("a", "")


def test_a_node_with_exactly_what_a_trial_takes_is_suitable() -> None:
    (found,), reasons = suitable_nodes([node()], ClusterSettings(), WANTED)
    assert (found.name, found.cpus, found.memory_bytes) == ("a", 1.9, 3 << 30)
    assert reasons == {}


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (node(cpu="1899m"), "1.899 CPUs to give, a trial takes 1.9"),
        (node(memory="1Gi"), "1.0 GiB to give, a trial takes 1.2"),
        (node(cordoned=True), "cordoned"),
        (
            node(conditions=[{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped"}]),
            "not ready: Kubelet stopped",
        ),
        (node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]), "the taint gpu=yes:NoSchedule"),
    ],
)
def test_what_keeps_trials_from_a_node_is_said(one: dict[str, Any], words: str) -> None:
    assert words in why(one)


def test_a_selector_takes_its_nodes_alone() -> None:
    assert "does not have the label pool=bench" in why(node(), nodeSelector={"pool": "bench"})
    assert why(node(labels={"pool": "bench"}), nodeSelector={"pool": "bench"}) == ""


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists"}, True),
        ({"key": "cpu", "operator": "Exists"}, False),
    ],
)
def test_tolerations_are_read_as_the_scheduler_reads_them(toleration: dict[str, Any], tolerated: bool) -> None:
    tainted = node(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    assert (why(tainted, tolerations=[toleration]) == "") == tolerated


def test_a_taint_that_only_prefers_keeps_nobody_away() -> None:
    assert why(node(taints=[{"key": "old", "effect": "PreferNoSchedule"}])) == ""


def test_a_node_that_is_being_deleted_takes_no_trials() -> None:
    one = node()
    one["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    assert unavailable_reason(one) == "is being deleted"


def test_the_node_of_a_job_and_its_end_are_read_from_it() -> None:
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    job: dict[str, Any] = {"spec": {"template": {"spec": {"affinity": affinity}}}, "status": {}}
    assert bound_node(job) == "a" and not is_finished(job)
    job["status"]["conditions"] = [{"type": "Suspended", "status": "True"}]
    assert not is_finished(job)
    job["status"]["conditions"] = [{"type": "Failed", "status": "True"}]
    assert is_finished(job)
    assert bound_node({"spec": {"template": {"spec": {}}}}) is None

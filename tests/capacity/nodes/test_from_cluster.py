"""The nodes of a cluster as a catalogue, and the requests that the scheduler counts for a pod."""

from __future__ import annotations

import pytest

from toolkit.capacity.nodes.catalogue import MIB, load_catalogue
from toolkit.capacity.nodes.from_cluster import catalogue_of, pod_requests
from toolkit.errors import GilfreeError


def node(name: str, cpu: str = "3920m", **changes: object) -> dict[str, object]:
    """A node as the API gives it."""
    return {
        "metadata": {"name": name, "labels": {"node.kubernetes.io/instance-type": "m7i.xlarge"}},
        "spec": changes,
        "status": {
            "allocatable": {"cpu": cpu, "memory": "15Gi", "pods": "58"},
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "58"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def test_a_cluster_gives_each_type_once_with_the_least_room_and_what_daemonsets_ask() -> None:
    spec = {"containers": [{"resources": {"requests": {"cpu": "150m", "memory": "200Mi"}}}], "nodeName": "a"}
    pods = [
        {"metadata": {"ownerReferences": [{"kind": "DaemonSet"}]}, "spec": spec},
        {"metadata": {"ownerReferences": [{"kind": "ReplicaSet"}]}, "spec": spec},
    ]
    tainted = node("c", taints=[{"key": "x", "effect": "NoSchedule"}])
    found = catalogue_of([node("a"), node("b", "3900m"), tainted, node("d", unschedulable=True)], pods)
    (one,) = found.types
    assert (one.name, one.cpu_millis, one.daemon_cpu_millis, one.daemon_pods) == ("m7i.xlarge", 3900, 150, 1)
    assert "2 m7i.xlarge" in found.about
    assert not one.priced


def test_prices_of_a_catalogue_are_taken_by_name() -> None:
    (one,) = catalogue_of([node("a")], [], load_catalogue(None)).types
    assert (one.price_hour, one.priced) == (0.2016, True)


def test_a_cluster_without_a_node_for_pods_is_refused() -> None:
    with pytest.raises(GilfreeError, match="no node that takes pods"):
        catalogue_of([node("a", unschedulable=True)], [])


def test_sidecars_add_to_a_pod_and_other_init_containers_count_only_when_they_request_more() -> None:
    def container(cpu: str, memory: str = "100Mi", **more: str) -> dict[str, object]:
        return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}

    sidecar = container("100m", restartPolicy="Always")
    assert pod_requests({"containers": [container("500m")], "initContainers": [sidecar]}) == (600, 200 * MIB)
    assert pod_requests({"containers": [container("500m")], "initContainers": [sidecar, container("1")]}) == (
        1100,
        200 * MIB,
    )
    assert pod_requests({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}) == (1000, 0)


def labelled(name: str, **labels: str) -> dict[str, object]:
    """A node with these labels too."""
    found = node(name)
    metadata = found["metadata"]
    assert isinstance(metadata, dict)
    metadata["labels"] = {**metadata["labels"], **labels}
    return found


def test_spot_nodes_gpus_and_other_systems_are_not_mixed_with_ordinary_nodes_of_the_type() -> None:
    gpu = node("g")
    status = gpu["status"]
    assert isinstance(status, dict)
    status["allocatable"] = {**status["allocatable"], "nvidia.com/gpu": "1"}
    nodes = [
        node("a"),
        labelled("s", **{"karpenter.sh/capacity-type": "spot"}),
        labelled("t", **{"eks.amazonaws.com/capacityType": "SPOT"}),
        labelled("w", **{"kubernetes.io/os": "windows"}),
        gpu,
    ]
    found = {one.name: one for one in catalogue_of(nodes, [], load_catalogue(None)).types}
    assert {name: (one.spot, one.gpus) for name, one in found.items()} == {
        "m7i.xlarge": (False, 0),
        "m7i.xlarge-spot": (True, 0),
        "m7i.xlarge-gpu": (False, 1),
    }
    assert [name for name, one in found.items() if one.priced] == ["m7i.xlarge"]


def test_nodes_of_two_architectures_are_two_types_whatever_they_are_called() -> None:
    nodes = []
    for name, arch in (("a", "amd64"), ("b", "arm64")):
        one = labelled(name, **{"kubernetes.io/arch": arch})
        metadata = one["metadata"]
        assert isinstance(metadata, dict)
        del metadata["labels"]["node.kubernetes.io/instance-type"]
        nodes.append(one)
    assert sorted(one.arch for one in catalogue_of(nodes, []).types) == ["amd64", "arm64"]

"""Which nodes can hold a trial, and why the others cannot. Pure except for `list_nodes` and `is_available`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.backends.kubernetes.client import ApiError, Cluster, Object
from toolkit.backends.kubernetes.render import Shares
from toolkit.quantities import quantity_of
from toolkit.scenario.cluster import ClusterSettings, Toleration

Node = Mapping[str, Any]


@dataclass(frozen=True)
class SuitableNode:
    """A node that can hold trials, and what it can allocate."""

    name: str
    cpus: float
    memory_bytes: int


def list_nodes(cluster: Cluster) -> list[Object]:
    """All nodes of the cluster."""
    items: list[Object] = cluster.list("/api/v1/nodes").get("items", [])
    return items


def is_available(cluster: Cluster, name: str) -> bool:
    """Whether a node exists, is ready and is not cordoned, now."""
    try:
        return not unavailable_reason(cluster.get(f"/api/v1/nodes/{name}"))
    except ApiError as error:
        if error.status == 404:
            return False
        raise


def unavailable_reason(node: Node) -> str:
    """Why no pod is placed on a node at the moment; empty when pods are."""
    if node.get("spec", {}).get("unschedulable"):
        return "is cordoned"
    for condition in node.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] != "True":
            return f"is not ready: {condition.get('message', '')}".rstrip(": ")
    if node["metadata"].get("deletionTimestamp"):
        return "is being deleted"
    return ""


def node_identity(node: Node) -> dict[str, Any]:
    """What tells a node's machine from another one under the same name: architecture, kernel, CPUs, memory."""
    status = node.get("status", {})
    info, capacity = status.get("nodeInfo", {}), status.get("capacity", {})
    return {
        "architecture": info.get("architecture"),
        "kernel": info.get("kernelVersion"),
        "machine": info.get("machineID"),
        "cpus": capacity.get("cpu"),
        "memory": capacity.get("memory"),
    }


def suitable_nodes(
    nodes: Sequence[Node], settings: ClusterSettings, wanted: Shares | None
) -> tuple[list[SuitableNode], dict[str, str]]:
    """The nodes that can hold a trial's pod, and for each other one the reason why not.

    wanted: the shares of the pod (None: of any size).
    """
    found, reasons = [], {}
    for node in nodes:
        name = str(node["metadata"]["name"])
        allocatable = node.get("status", {}).get("allocatable", {})
        one = SuitableNode(
            name, float(quantity_of(allocatable.get("cpu", "0"))), int(quantity_of(allocatable.get("memory", "0")))
        )
        reason = unavailable_reason(node) or _unselected(node, settings) or _tainted(node, settings.tolerations)
        if not reason and wanted is not None:
            reason = _too_small(one, wanted)
        if reason:
            reasons[name] = reason
        else:
            found.append(one)
    return found, reasons


def _too_small(node: SuitableNode, wanted: Shares) -> str:
    cpus, memory = wanted.server_cpus + wanted.load_cpus, wanted.server_bytes + wanted.load_bytes
    if cpus > node.cpus + 1e-9:
        return f"has {node.cpus:g} CPUs to give, a trial takes {cpus:g}"
    if memory > node.memory_bytes:
        return f"has {node.memory_bytes / 2**30:.1f} GiB to give, a trial takes {memory / 2**30:.1f}"
    return ""


def _unselected(node: Node, settings: ClusterSettings) -> str:
    labels = node["metadata"].get("labels", {})
    for key, value in settings.node_selector.items():
        if labels.get(key) != value:
            return f"does not have the label {key}={value}"
    return ""


def _tainted(node: Node, tolerations: Sequence[Toleration]) -> str:
    for taint in node.get("spec", {}).get("taints") or ():
        if taint.get("effect") == "PreferNoSchedule":
            continue
        if not any(_tolerates(one, taint) for one in tolerations):
            value = f"={taint['value']}" if taint.get("value") else ""
            return f"has the taint {taint['key']}{value}:{taint['effect']}"
    return ""


def _tolerates(one: Toleration, taint: Mapping[str, Any]) -> bool:
    if one.effect is not None and one.effect != taint.get("effect"):
        return False
    if one.key is None:
        return one.operator == "Exists"
    return one.key == taint["key"] and (one.operator == "Exists" or (one.value or "") == taint.get("value", ""))

"""A live cluster's nodes as a catalogue: allocatable as it is, what daemonsets really ask on each, prices by name.

Nodes of one instance type, architecture and size are one type; the least of what they have left stands for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING
from typing import Any

from toolkit.capacity.nodes.catalogue import HOURS_A_MONTH, Catalogue, NodeType, default_price
from toolkit.capacity.nodes.cluster_reader import ClusterReader
from toolkit.errors import GilfreeError
from toolkit.quantities import cpu_millis_of, memory_bytes_of, quantity_of

TYPE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")


def cluster_catalogue(prices: Catalogue | None) -> Catalogue:
    """Read the cluster; `prices`: a catalogue whose prices are taken for types of the same name."""
    reader = ClusterReader()
    return catalogue_of(reader.nodes(), reader.pods(), prices)


def catalogue_of(
    nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]], prices: Catalogue | None = None
) -> Catalogue:
    """The same from the API's objects. Pure. Raises GilfreeError when no node takes pods."""
    daemons = _daemons(pods)
    found: dict[str, NodeType] = {}
    counts: dict[str, int] = {}
    for node in nodes:
        if not _takes_pods(node):
            continue
        one = _node_type(node, daemons.get(node["metadata"]["name"], (0, 0, 0)))
        counts[one.name] = counts.get(one.name, 0) + 1
        found[one.name] = _least(found[one.name], one) if one.name in found else one
    if not found:
        raise GilfreeError("the cluster has no node that takes pods", "see `kubectl get nodes`, or give --nodes FILE")
    known = {one.name: one for one in prices.types} if prices else {}
    types = tuple(
        replace(one, price_hour=known[one.name].price_hour, priced=True)
        if one.name in known and known[one.name].priced
        else one
        for one in sorted(found.values(), key=lambda one: one.name)
    )
    about = ", ".join(f"{counts[one.name]} {one.name}" for one in types)
    return Catalogue(
        name=prices.name if prices else "the cluster",
        types=types,
        currency=prices.currency if prices else "USD",
        date=prices.date if prices else "now",
        about=f"types as the cluster has them ({about})",
        hours_a_month=prices.hours_a_month if prices else HOURS_A_MONTH,
    )


def _takes_pods(node: Mapping[str, Any]) -> bool:
    """Ready, not cordoned, without a taint that keeps ordinary pods away."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
    kept = any(one.get("effect") in ("NoSchedule", "NoExecute") for one in spec.get("taints") or [])
    return ready and not kept and not spec.get("unschedulable")


def _node_type(node: Mapping[str, Any], daemons: tuple[int, int, int]) -> NodeType:
    name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
    where = f"node {name}: status.allocatable"
    has, size = node["status"]["allocatable"], node["status"].get("capacity") or {}
    cpu, memory = cpu_millis_of(has["cpu"], where), memory_bytes_of(has["memory"], where)
    capacity = size.get("cpu", has["cpu"]), size.get("memory", has["memory"])
    kind = next((labels[label] for label in TYPE_LABELS if label in labels), None)
    return NodeType(
        name=kind or f"{cpu}m-{memory >> 20}Mi",
        cpu_millis=cpu,
        memory_bytes=memory,
        pods=int(has.get("pods", 110)),
        price_hour=default_price(cpu_millis_of(capacity[0], where), memory_bytes_of(capacity[1], where)),
        daemon_cpu_millis=daemons[0],
        daemon_memory_bytes=daemons[1],
        daemon_pods=daemons[2],
        arch=labels.get("kubernetes.io/arch", "amd64"),
        priced=False,
    )


def _least(one: NodeType, other: NodeType) -> NodeType:
    """What both have at least."""
    return replace(
        one,
        cpu_millis=min(one.cpu_millis, other.cpu_millis),
        memory_bytes=min(one.memory_bytes, other.memory_bytes),
        pods=min(one.pods, other.pods),
        daemon_cpu_millis=max(one.daemon_cpu_millis, other.daemon_cpu_millis),
        daemon_memory_bytes=max(one.daemon_memory_bytes, other.daemon_memory_bytes),
        daemon_pods=max(one.daemon_pods, other.daemon_pods),
    )


def _daemons(pods: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """CPU, memory and number of pods on each node that will be on any other of its kind: of daemonsets, and static."""
    found: dict[str, tuple[int, int, int]] = {}
    for pod in pods:
        owners = {one["kind"] for one in pod["metadata"].get("ownerReferences") or []}
        node = pod["spec"].get("nodeName")
        if node and owners & {"DaemonSet", "Node"}:
            cpu, memory = requests_of(pod["spec"])
            before = found.get(node, (0, 0, 0))
            found[node] = before[0] + cpu, before[1] + memory, before[2] + 1
    return found


def requests_of(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Millicores and bytes that the scheduler counts for a pod's spec; what is missing counts as nothing.

    Containers and restarting init containers (sidecars) add up; other init containers count where one asks for more.
    """
    total, peak = [0, 0], [0, 0]
    for one in spec.get("initContainers") or []:
        asked = _asked(one)
        if one.get("restartPolicy") == "Always":
            total = [mine + more for mine, more in zip(total, asked, strict=True)]
            peak = [max(high, mine) for high, mine in zip(peak, total, strict=True)]
        else:
            peak = [max(high, mine + more) for high, mine, more in zip(peak, total, asked, strict=True)]
    for one in spec.get("containers") or []:
        total = [mine + more for mine, more in zip(total, _asked(one), strict=True)]
    overhead = _amounts(spec.get("overhead") or {})
    cpu, memory = (max(mine, high) + more for mine, high, more in zip(total, peak, overhead, strict=True))
    return cpu, memory


def _asked(container: Mapping[str, Any]) -> tuple[int, int]:
    resources = container.get("resources") or {}
    # The API server copies limits to requests that are missing; a file from elsewhere may not have been through it.
    return _amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amounts(amounts: Mapping[str, Any]) -> tuple[int, int]:
    """Raises ValueError for what is no quantity."""
    found = []
    for name, factor in (("cpu", 1000), ("memory", 1)):
        try:
            value = quantity_of(amounts.get(name, 0)) * factor
        except ValueError as error:
            raise ValueError(f"{name} {amounts[name]!r} {error}") from None
        if value < 0:
            raise ValueError(f"{name} {amounts[name]!r} is negative")
        found.append(int(value.to_integral_value(ROUND_CEILING)))
    return found[0], found[1]

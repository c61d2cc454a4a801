"""The nodes of a live cluster as a catalogue: their allocatable, the requests of their daemonset pods, prices by type name.

Nodes of one instance type are one node type, with the least that any of them has free. Spot nodes, nodes with GPUs and
nodes of another architecture are types of their own, even of one instance type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING
from typing import Any

from toolkit.capacity.nodes.catalogue import HOURS_A_MONTH, Catalogue, NodeType, default_price
from toolkit.capacity.nodes.cluster_reader import ClusterReader
from toolkit.errors import GilfreeError
from toolkit.quantities import cpu_millis_of, memory_bytes_of, quantity_of

TYPE_LABELS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")


SPOT_LABELS = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacitytype": "spot",
    "cloud.google.com/gke-spot": "true",
    "cloud.google.com/gke-preemptible": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
    "node.kubernetes.io/lifecycle": "spot",
    "kops.k8s.io/lifecycle": "spot",
}
"""Labels, in lower case, by which the clouds and their autoscalers mark nodes that they may take away."""
_GPU_RESOURCE = re.compile(r"(^|[./])gpu(\.|$)|/gpu|^nvidia\.com/|gpu\.intel\.com/")


def read_cluster_catalogue(prices: Catalogue | None, context: str | None = None) -> Catalogue:
    """The node types of a cluster. `prices`: a catalogue whose prices apply to types of the same name.

    `context`: of kubectl, None: the current one. Raises GilfreeError when the cluster cannot be read or no node takes pods.
    """
    reader = ClusterReader(context)
    return catalogue_of(reader.nodes(), reader.pods(), prices)


def catalogue_of(
    nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]], prices: Catalogue | None = None
) -> Catalogue:
    """The catalogue of nodes and pods as the Kubernetes API returns them. Pure. Raises GilfreeError when no node takes pods."""
    daemons = _daemonset_requests_by_node(pods)
    found: dict[str, NodeType] = {}
    counts: dict[str, int] = {}
    for node in nodes:
        if not _is_schedulable(node):
            continue
        one = _node_type(node, daemons.get(node["metadata"]["name"], (0, 0, 0)))
        counts[one.name] = counts.get(one.name, 0) + 1
        found[one.name] = _common_minimum(found[one.name], one) if one.name in found else one
    if not found:
        raise GilfreeError("the cluster has no node that takes pods", "see `kubectl get nodes`, or give --nodes FILE")
    known = {one.name: one for one in prices.types if one.priced} if prices else {}
    types = tuple(
        replace(one, price_hour=known[one.name].price_hour, priced=True) if one.name in known else one
        for one in sorted(found.values(), key=lambda one: one.name)
    )
    about = ", ".join(f"{counts[one.name]} {one.name}" for one in types)
    return Catalogue(
        name=prices.name if prices else "the cluster",
        types=types,
        currency=prices.currency if prices else "USD",
        date=prices.date if prices else "now",
        about=f"node types of the cluster ({about})",
        hours_a_month=prices.hours_a_month if prices else HOURS_A_MONTH,
    )


def _is_schedulable(node: Mapping[str, Any]) -> bool:
    """Whether ordinary Linux pods can come: ready, not cordoned, without a taint that prevents scheduling."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
    tainted = any(one.get("effect") in ("NoSchedule", "NoExecute") for one in spec.get("taints") or [])
    linux = (node["metadata"].get("labels") or {}).get("kubernetes.io/os", "linux") == "linux"
    return ready and linux and not tainted and not spec.get("unschedulable")


def _node_type(node: Mapping[str, Any], daemons: tuple[int, int, int]) -> NodeType:
    name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
    where = f"node {name}: status.allocatable"
    free, size = node["status"]["allocatable"], node["status"].get("capacity") or {}
    cpu, memory = cpu_millis_of(free["cpu"], where), memory_bytes_of(free["memory"], where)
    capacity = size.get("cpu", free["cpu"]), size.get("memory", free["memory"])
    kind = next((labels[label] for label in TYPE_LABELS if label in labels), None)
    arch = labels.get("kubernetes.io/arch", "amd64")
    gpus = sum(int(amount) for name, amount in free.items() if _GPU_RESOURCE.search(name) and str(amount).isdigit())
    spot = any(SPOT_LABELS.get(label.lower()) == str(value).lower() for label, value in labels.items())
    marks = [mark for mark, applies in (("spot", spot), ("gpu", gpus), (arch, not kind and arch != "amd64")) if applies]
    return NodeType(
        name="-".join([kind or f"{cpu}m-{memory >> 20}Mi", *marks]),
        cpu_millis=cpu,
        memory_bytes=memory,
        pods=int(free.get("pods", 110)),
        price_hour=default_price(cpu_millis_of(capacity[0], where), memory_bytes_of(capacity[1], where)),
        daemon_cpu_millis=daemons[0],
        daemon_memory_bytes=daemons[1],
        daemon_pods=daemons[2],
        arch=arch,
        priced=False,
        gpus=gpus,
        spot=spot,
    )


def _common_minimum(one: NodeType, other: NodeType) -> NodeType:
    """A type with the least that both nodes have free."""
    return replace(
        one,
        cpu_millis=min(one.cpu_millis, other.cpu_millis),
        memory_bytes=min(one.memory_bytes, other.memory_bytes),
        pods=min(one.pods, other.pods),
        daemon_cpu_millis=max(one.daemon_cpu_millis, other.daemon_cpu_millis),
        daemon_memory_bytes=max(one.daemon_memory_bytes, other.daemon_memory_bytes),
        daemon_pods=max(one.daemon_pods, other.daemon_pods),
    )


def _daemonset_requests_by_node(pods: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """By node the CPU, memory and number of the pods that every node of the type has: daemonset pods and static pods."""
    found: dict[str, tuple[int, int, int]] = {}
    for pod in pods:
        owners = {one["kind"] for one in pod["metadata"].get("ownerReferences") or []}
        node = pod["spec"].get("nodeName")
        if node and owners & {"DaemonSet", "Node"}:
            cpu, memory = pod_requests(pod["spec"])
            before = found.get(node, (0, 0, 0))
            found[node] = before[0] + cpu, before[1] + memory, before[2] + 1
    return found


def pod_requests(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Millicores and bytes that the scheduler counts for the spec of a pod; a missing request counts as 0.

    Containers and restarting init containers (sidecars) are added up; another init container counts only if it requests
    more than that. Requests of the whole pod come before both, its limits only where no container requests that resource.
    The overhead of a runtime class is added. Raises ValueError for a request that is not a quantity.
    """
    total, peak = [0, 0], [0, 0]
    for one in spec.get("initContainers") or []:
        requests = _container_requests(one)
        if one.get("restartPolicy") == "Always":
            total = [mine + more for mine, more in zip(total, requests, strict=True)]
            peak = [max(high, mine) for high, mine in zip(peak, total, strict=True)]
        else:
            peak = [max(high, mine + more) for high, mine, more in zip(peak, total, requests, strict=True)]
    for one in spec.get("containers") or []:
        total = [mine + more for mine, more in zip(total, _container_requests(one), strict=True)]
    counted = [max(mine, high) for mine, high in zip(total, peak, strict=True)]
    whole = spec.get("resources") or {}
    requested, limited = whole.get("requests") or {}, whole.get("limits") or {}
    of_pod = _cpu_and_memory({**limited, **requested})
    counted = [
        amount if name in requested or (name in limited and not mine) else mine
        for name, amount, mine in zip(("cpu", "memory"), of_pod, counted, strict=True)
    ]
    overhead = _cpu_and_memory(spec.get("overhead") or {})
    return counted[0] + overhead[0], counted[1] + overhead[1]


def _container_requests(container: Mapping[str, Any]) -> tuple[int, int]:
    resources = container.get("resources") or {}
    # The API server copies limits to missing requests; a manifest that was never applied does not have them.
    return _cpu_and_memory({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _cpu_and_memory(amounts: Mapping[str, Any]) -> tuple[int, int]:
    """Millicores and bytes, rounded up. Raises ValueError naming an amount that is not a quantity."""
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

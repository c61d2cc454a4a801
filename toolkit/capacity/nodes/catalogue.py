"""Node types: what each has free for pods, and its price. They come from a catalogue file or a cluster (from_cluster.py).

A catalogue gives `allocatable`, or `capacity`, which is the size that the cloud sells. Memory of a virtual machine that the
kubelet never sees (hypervisor, firmware, kernel: 7.5% and 60 MiB, which agrees with Karpenter's list for EC2 to 1 MiB;
`vm_overhead: false` for sizes as a kubelet reports them) and the reservations of the usual kubelets are subtracted:

- CPU (gke, eks): 6% of the first core, 1% of the second, 0.5% of the next two, 0.25% of the others;
- memory, gke: 25% of the first 4 GiB, 20% of the next 4, 10% of the next 8, 6% of the next 112, 2% of the rest
  (255 MiB for a machine below 1 GiB);
- memory, eks: 255 MiB, and 11 MiB for every pod that the node may hold;
- and the eviction threshold, 100 MiB.

The requests of daemonsets on every node are subtracted too. A type without a price gets OpenCost's default prices and is
marked (`priced` False). Nodes with GPUs and spot nodes are marked, because a plan does not use them unless asked to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.yaml_mapping import YamlMapping
from toolkit.errors import GilfreeError
from toolkit.paths import shipped
from toolkit.scenario.yaml_source import read_yaml

MIB, GIB = 1 << 20, 1 << 30
HOURS_A_MONTH = 730.0
EVICTION_BYTES = 100 * MIB
OPENCOST_CPU_HOUR, OPENCOST_GIB_HOUR = 0.031611, 0.004237
USUAL_MAX_PODS = 110
SAMPLE = "nodes-sample.yaml"
VM_OVERHEAD_SHARE, VM_OVERHEAD_BYTES = 0.075, 60 * MIB
"""Memory of a virtual machine that its kubelet does not see."""


@dataclass(frozen=True)
class NodeType:
    """One type of node. `cpu_millis`, `memory_bytes`, `pods` are allocatable; daemonset pods use `daemon_…` of them.

    `available`: how many nodes of the type there are, None: as many as needed. `priced`: the price was given.
    `gpus`: GPUs of a node. `spot`: the cloud may take such a node away. `estimated`: its memory was calculated from the
    size of the virtual machine.
    """

    name: str
    cpu_millis: int
    memory_bytes: int
    pods: int
    price_hour: float
    daemon_cpu_millis: int = 0
    daemon_memory_bytes: int = 0
    daemon_pods: int = 0
    arch: str = "amd64"
    available: int | None = None
    priced: bool = True
    gpus: int = 0
    spot: bool = False
    estimated: bool = False

    @property
    def free_cpu_millis(self) -> int:
        """CPU that is free for pods."""
        return max(0, self.cpu_millis - self.daemon_cpu_millis)

    @property
    def free_memory_bytes(self) -> int:
        """Memory that is free for pods."""
        return max(0, self.memory_bytes - self.daemon_memory_bytes)

    @property
    def free_pods(self) -> int:
        """Pods that fit besides those of daemonsets."""
        return max(0, self.pods - self.daemon_pods)

    def pods_that_fit(self, cpu_millis: int, memory_bytes: int) -> int:
        """How many pods with these requests fit on a node."""
        limits = [self.free_pods]
        if cpu_millis:
            limits.append(self.free_cpu_millis // cpu_millis)
        if memory_bytes:
            limits.append(self.free_memory_bytes // memory_bytes)
        return min(limits)


@dataclass(frozen=True)
class Catalogue:
    """Node types with their origin: the name of the file, the date of the prices, and a description.

    `sample`: types and prices are those of the sample that comes with gilfree.
    """

    name: str
    types: tuple[NodeType, ...]
    currency: str = "USD"
    date: str = ""
    about: str = ""
    hours_a_month: float = HOURS_A_MONTH
    sample: bool = False

    def month(self, price_hour: float) -> float:
        """A price a month from a price an hour."""
        return price_hour * self.hours_a_month


def kubelet_reserved(kind: str, cpu_millis: int, memory_bytes: int, max_pods: int) -> tuple[int, int]:
    """Millicores and bytes that a kubelet of this kind (gke or eks) reserves, the eviction threshold included. Pure."""
    cpu = _tiers(cpu_millis, [(1000, 0.06), (1000, 0.01), (2000, 0.005)], 0.0025)
    if kind == "eks":
        memory = (255 + 11 * max_pods) * MIB
    elif memory_bytes < GIB:
        memory = 255 * MIB
    else:
        memory = round(_tiers(memory_bytes, [(4 * GIB, 0.25), (4 * GIB, 0.2), (8 * GIB, 0.1), (112 * GIB, 0.06)], 0.02))
    return round(cpu), memory + EVICTION_BYTES


def visible_memory(memory_bytes: int) -> int:
    """The memory that the kubelet of a virtual machine of this size sees. Pure."""
    return max(0, round(memory_bytes * (1 - VM_OVERHEAD_SHARE)) - VM_OVERHEAD_BYTES)


def _tiers(amount: int, tiers: list[tuple[int, float]], rest: float) -> float:
    taken = 0.0
    for size, share in tiers:
        taken += min(amount, size) * share
        amount = max(0, amount - size)
    return taken + amount * rest


def default_price(cpu_millis: int, memory_bytes: int) -> float:
    """The price of this capacity an hour at OpenCost's default prices."""
    return cpu_millis / 1000 * OPENCOST_CPU_HOUR + memory_bytes / GIB * OPENCOST_GIB_HOUR


def load_catalogue(file: Path | None) -> Catalogue:
    """The catalogue in a file; None: the sample that comes with gilfree. Raises GilfreeError with file, line and value."""
    path = file or shipped("scenarios") / "capacity" / SAMPLE
    top = YamlMapping(read_yaml(path))
    daemonsets = _daemonset_requests(top) if top.has("daemonsets") else (0, 0, 0)
    reserve = top.text("reserve", "") if top.has("reserve") else ""
    virtual = top.boolean("vm_overhead", True)
    types = [_node_type(one, daemonsets, reserve, virtual) for one in top.mappings("nodes")]
    made = Catalogue(
        name=path.name,
        types=tuple(types),
        currency=top.text("currency", "USD"),
        date=top.text("date", "no date"),
        about=top.text("about", "no description"),
        hours_a_month=top.number("hours_a_month", HOURS_A_MONTH, least=1),
        sample=file is None,
    )
    top.refuse_unknown_keys()
    seen: set[str] = set()
    for index, one in enumerate(types):
        if one.name in seen:
            raise GilfreeError(
                f"{top.source.where(('nodes', index))}: {one.name!r} is given twice", "rename one of them"
            )
        seen.add(one.name)
    return made


def _node_type(one: YamlMapping, daemonsets: tuple[int, int, int], reserve: str, virtual: bool) -> NodeType:
    name = one.text("name")
    max_pods = one.integer("max_pods", USUAL_MAX_PODS, least=1)
    if one.has("allocatable") == one.has("capacity"):
        raise GilfreeError(
            f"{one.where()}: {name}: give either allocatable or capacity", "see `kubectl describe node`, Allocatable"
        )
    given = one.mapping("allocatable" if one.has("allocatable") else "capacity")
    size = cpu, memory = given.cpu("cpu"), given.memory("memory")
    given.refuse_unknown_keys()
    if one.has("capacity"):
        kind = one.text("reserve", reserve or None)
        if kind not in ("gke", "eks", "none"):
            raise one.error_at("reserve", "is not gke, eks or none", "write one of them, or give allocatable instead")
        reserved = (0, 0) if kind == "none" else kubelet_reserved(kind, cpu, memory, max_pods)
        estimated = one.boolean("vm_overhead", virtual)
        cpu, memory = cpu - reserved[0], (visible_memory(memory) if estimated else memory) - reserved[1]
    else:
        estimated = False
        for key in ("reserve", "vm_overhead"):
            one.has(key)
    if one.has("daemonsets"):
        daemonsets = _daemonset_requests(one)
    priced = one.has("price_hour")
    made = NodeType(
        name=name,
        cpu_millis=cpu,
        memory_bytes=memory,
        pods=max_pods,
        price_hour=one.number("price_hour", default_price(*size)),
        daemon_cpu_millis=daemonsets[0],
        daemon_memory_bytes=daemonsets[1],
        daemon_pods=daemonsets[2],
        arch=one.text("arch", "amd64"),
        available=one.integer("available") if one.has("available") else None,
        priced=priced,
        gpus=one.integer("gpus", 0),
        spot=one.boolean("spot", False),
        estimated=estimated,
    )
    one.refuse_unknown_keys()
    if priced and made.price_hour <= 0:
        raise one.error_at("price_hour", "is not above 0", "give the price, or omit the key")
    if not (made.free_cpu_millis > 0 and made.free_memory_bytes > 0 and made.free_pods > 0):
        raise GilfreeError(
            f"{one.where()}: {name}: no CPU, memory or pods are left after reservations and daemonsets",
            "remove this node type, or correct the requests of daemonsets",
        )
    return made


def _daemonset_requests(around: YamlMapping) -> tuple[int, int, int]:
    """CPU in millicores, memory in bytes and number of the daemonset pods on every node."""
    one = around.mapping("daemonsets")
    found = (
        one.cpu("cpu") if one.has("cpu") else 0,
        one.memory("memory") if one.has("memory") else 0,
        one.integer("pods", 0),
    )
    one.refuse_unknown_keys()
    return found

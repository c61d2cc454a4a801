"""Which nodes to buy for given Deployments at the least cost, so that the default scheduler really places every pod.

The cheapest mix (program.py) is where it begins; then the scheduler's simulation (scheduling.py) decides: nodes are added
while pods stay pending and taken away while none does. For several sizes of pods the best single types are tried in the
same way, first-fit-decreasing as their beginning, and the cheapest wins: so the result never costs more than nodes bought
by first-fit-decreasing until the scheduler is content. The gap is against what no packing can beat, proven.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.capacity.nodes import NodeType
from toolkit.capacity.program import MOST_NODES, cheapest_mix
from toolkit.capacity.scheduling import Workload, all_placed
from toolkit.errors import GilfreeError

SINGLE_TYPES_TRIED = 3
_EQUAL = 1 + 1e-6


class DoesNotFit(GilfreeError):
    """Pods for which there are no nodes. `never`: not even one of them fits on any node type."""

    def __init__(self, message: str, remedy: str, *, never: bool) -> None:
        super().__init__(message, remedy)
        self.never = never


@dataclass(frozen=True)
class Packing:
    """Nodes by type. `bound_hour`: no packing of these pods costs less, proven; `gap`: how much above it this may be."""

    counts: Mapping[str, int]
    price_hour: float
    bound_hour: float
    spare: Mapping[str, int]

    @property
    def gap(self) -> float:
        """Share of the price that a better packing could save at most."""
        return max(0.0, 1 - self.bound_hour / self.price_hour) if self.price_hour else 0.0

    @property
    def nodes(self) -> int:
        """All nodes, spare ones included."""
        return sum(self.counts.values())


def pack(workloads: Sequence[Workload], types: Sequence[NodeType], *, spare: int = 0, zones: int = 1) -> Packing:
    """The cheapest nodes found. `zones`: every zone holds its share of the pods; `spare`: any so many may be missing.

    Raises DoesNotFit when a pod fits on no node, or when there are not enough nodes.
    """
    wanted = [one for one in workloads if one.replicas]
    if not wanted:
        raise GilfreeError("no pods to place", "give a traffic above 0")
    usable = _usable(wanted, types)
    share = [Workload(one.name, one.cpu_millis, one.memory_bytes, math.ceil(one.replicas / zones)) for one in wanted]
    limited = [_limited(one, zones) for one in usable]
    one_size = len({(one.cpu_millis, one.memory_bytes) for one in share}) == 1
    counts, bound = cheapest_mix(share, limited, spare if zones == 1 and one_size else 0)
    if spare and (zones > 1 or not one_size):
        bound += spare * min(one.price_hour for one in limited) / zones  # whichever they are, they are nodes more
    safe = _Safe(share, limited, spare if zones == 1 else 0)
    best = safe.repaired(counts)
    if not one_size:
        for index in _promising(share, limited):
            if _price(best, limited) <= bound * _EQUAL:
                break
            other = safe.repaired(_alone(share, limited, index), below=_price(best, limited))
            if other is not None and _price(other, limited) < _price(best, limited):
                best = other
    if best is None:
        raise DoesNotFit(
            f"the nodes there are do not hold {sum(one.replicas for one in wanted)} pods"
            + (f" with {spare} of them missing" if spare else ""),
            "raise `available` in the catalogue, or add node types",
            never=False,
        )
    total = [count * zones for count in best]
    added = [0] * len(total)
    if zones > 1 and spare:
        largest = _worst_to_lose(share, limited, best)
        added[largest] = spare
        total[largest] += spare
    return Packing(
        counts={one.name: count for one, count in zip(limited, total, strict=True) if count},
        price_hour=_price(total, limited),
        bound_hour=bound * zones,
        spare={one.name: count for one, count in zip(limited, added, strict=True) if count},
    )


def expanded(counts: Mapping[str, int], types: Sequence[NodeType]) -> list[NodeType]:
    """One entry a node."""
    known = {one.name: one for one in types}
    return [known[name] for name, count in counts.items() for _ in range(count)]


def first_fit_decreasing(workloads: Sequence[Workload], one: NodeType) -> int | None:
    """Nodes of one type by first-fit-decreasing: what the plans are held against. None when a pod does not fit."""
    if any(one.holds(pod.cpu_millis, pod.memory_bytes) < 1 for pod in workloads if pod.replicas):
        return None
    free = one.free_cpu_millis, one.free_memory_bytes
    ranked = sorted(workloads, key=lambda pod: max(pod.cpu_millis / free[0], pod.memory_bytes / free[1]), reverse=True)
    nodes: list[list[int]] = []
    for pod in ranked:
        first = 0  # a node that is too full for this pod is so for the next equal one
        for _ in range(pod.replicas):
            while first < len(nodes) and not (
                nodes[first][0] >= pod.cpu_millis and nodes[first][1] >= pod.memory_bytes and nodes[first][2]
            ):
                first += 1
            if first == len(nodes):
                nodes.append([*free, one.free_pods])
            nodes[first][0] -= pod.cpu_millis
            nodes[first][1] -= pod.memory_bytes
            nodes[first][2] -= 1
    return len(nodes)


def limiting(pod: Workload, one: NodeType) -> str:
    """What ends a node of this type when it is filled with this pod: CPU, memory or pods per node."""
    rooms = {
        "CPU": one.free_cpu_millis / pod.cpu_millis if pod.cpu_millis else math.inf,
        "memory": one.free_memory_bytes / pod.memory_bytes if pod.memory_bytes else math.inf,
        "pods per node": float(one.free_pods),
    }
    return min(rooms, key=lambda name: (math.floor(min(rooms[name], 1e9)), rooms[name]))


def _usable(workloads: Sequence[Workload], types: Sequence[NodeType]) -> list[NodeType]:
    """Types that hold one pod at least, without those that another beats in everything."""
    for pod in workloads:
        if not any(one.holds(pod.cpu_millis, pod.memory_bytes) for one in types):
            largest = max(types, key=lambda one: (one.free_cpu_millis, one.free_memory_bytes))
            raise DoesNotFit(
                f"a pod of {pod.name} asks {pod.cpu_millis}m CPU and {pod.memory_bytes / (1 << 20):,.0f}Mi, and no node "
                f"holds it: {largest.name} has {largest.free_cpu_millis}m and {largest.free_memory_bytes / (1 << 20):,.0f}Mi left",
                "add larger node types to the catalogue",
                never=True,
            )
    some = [one for one in types if any(one.holds(pod.cpu_millis, pod.memory_bytes) for pod in workloads)]
    shapes = [(pod.cpu_millis, pod.memory_bytes) for pod in workloads]
    return [one for one in some if not any(_beats(other, one, shapes) for other in some if other is not one)]


def _beats(other: NodeType, one: NodeType, shapes: Sequence[tuple[int, int]]) -> bool:
    """Whether nobody need buy `one`. Equals do not beat each other but by name. For one shape only the count matters."""
    if other.available is not None:
        return False
    if len(set(shapes)) == 1:
        rooms = [(other.holds(*shapes[0]), one.holds(*shapes[0]))]
    else:
        rooms = [
            (other.free_cpu_millis, one.free_cpu_millis),
            (other.free_memory_bytes, one.free_memory_bytes),
            (other.free_pods, one.free_pods),
        ]
    if other.price_hour > one.price_hour or any(theirs < mine for theirs, mine in rooms):
        return False
    same = other.price_hour == one.price_hour and all(theirs == mine for theirs, mine in rooms)
    return not same or (one.available is not None) or other.name < one.name


def _limited(one: NodeType, zones: int) -> NodeType:
    return one if one.available is None or zones == 1 else replace(one, available=one.available // zones)


def _price(counts: Sequence[int] | None, types: Sequence[NodeType]) -> float:
    if counts is None:
        return math.inf
    return sum(count * one.price_hour for count, one in zip(counts, types, strict=True))


def _promising(workloads: Sequence[Workload], types: Sequence[NodeType]) -> list[int]:
    """Single types that hold everything, the cheapest by first-fit-decreasing first."""
    found = []
    for index, one in enumerate(types):
        count = first_fit_decreasing(workloads, one)
        if count is not None and (one.available is None or count <= one.available):
            found.append((count * one.price_hour, index))
    return [index for _, index in sorted(found)[:SINGLE_TYPES_TRIED]]


def _alone(workloads: Sequence[Workload], types: Sequence[NodeType], index: int) -> list[int]:
    counts = [0] * len(types)
    counts[index] = first_fit_decreasing(workloads, types[index]) or 0
    return counts


def _worst_to_lose(workloads: Sequence[Workload], types: Sequence[NodeType], counts: Sequence[int]) -> int:
    """The used type whose nodes hold most."""
    used = [index for index, count in enumerate(counts) if count]
    return max(used, key=lambda i: (types[i].free_cpu_millis, types[i].free_memory_bytes, types[i].free_pods))


class _Safe:
    """Makes counts such that the scheduler places all pods, also with any `spare` nodes missing.

    Searching takes the worst known order alone; what it finds is then held against all orders.
    """

    def __init__(self, workloads: Sequence[Workload], types: Sequence[NodeType], spare: int) -> None:
        self._workloads, self._types, self._spare = workloads, types, spare
        self._known: dict[tuple[tuple[int, ...], bool], bool] = {}

    def repaired(self, counts: Sequence[int] | None, below: float = math.inf) -> list[int] | None:
        """The counts with nodes added until all is placed, and without those that are not needed.

        None if there are not enough nodes, or once it costs `below` or more: something cheaper is known.
        """
        made = None if counts is None else self._enough(list(counts), below)
        if made is None:
            return None
        made = self._trimmed(made)
        while not self.holds(made, thorough=True):
            index = self._cheapest_to_add(made)
            if index is None or _price(made, self._types) >= below:
                return None
            made[index] += 1
        return made

    def holds(self, counts: Sequence[int], thorough: bool) -> bool:
        """Whether all pods are placed, whichever `spare` nodes of one type are missing."""
        if not self._spare:
            return self._placed(tuple(counts), thorough)
        lost = [index for index, count in enumerate(counts) if count]
        return bool(lost) and all(
            self._placed(tuple(max(0, n - self._spare) if i == index else n for i, n in enumerate(counts)), thorough)
            for index in lost
        )

    def _placed(self, counts: tuple[int, ...], thorough: bool) -> bool:
        if (counts, thorough) not in self._known:
            nodes = [one for one, count in zip(self._types, counts, strict=True) for _ in range(count)]
            self._known[counts, thorough] = all_placed(self._workloads, nodes, thorough)
        return self._known[counts, thorough]

    def _enough(self, made: list[int], below: float) -> list[int] | None:
        """Steps grow, so that counts far off cost few simulations; what is too much is taken away again later."""
        step = 1
        while not self.holds(made, thorough=False):
            for _ in range(step):
                index = self._cheapest_to_add(made)
                if index is None:
                    return None
                made[index] += 1
            step = min(2 * step, max(1, sum(made) // 20))
            if sum(made) > MOST_NODES or _price(made, self._types) >= 1.2 * below:
                return None
        return made

    def _cheapest_to_add(self, counts: Sequence[int]) -> int | None:
        """The cheapest for its share of what all pods need, a type in use before others."""
        cpu = sum(one.cpu_millis * one.replicas for one in self._workloads) or 1
        memory = sum(one.memory_bytes * one.replicas for one in self._workloads) or 1
        able = [
            index
            for index, one in enumerate(self._types)
            if one.available is None or counts[index] < one.available
            if any(one.holds(pod.cpu_millis, pod.memory_bytes) for pod in self._workloads)
        ]

        def cost(index: int) -> tuple[bool, bool, float]:
            one = self._types[index]
            worth = min(one.free_cpu_millis / cpu, one.free_memory_bytes / memory)
            all_fit = all(one.holds(pod.cpu_millis, pod.memory_bytes) for pod in self._workloads)
            return not all_fit, counts[index] == 0, one.price_hour / worth

        return min(able, key=cost, default=None)

    def _trimmed(self, counts: list[int]) -> list[int]:
        """Without any node that is not needed, the dearest first."""
        for index in sorted(range(len(counts)), key=lambda i: -self._types[i].price_hour):
            while counts[index]:
                fewer = list(counts)
                fewer[index] -= 1
                if not self.holds(fewer, thorough=False):
                    break
                counts = fewer
        return counts

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

from toolkit.capacity.nodes.catalogue import NodeType
from toolkit.capacity.placement.repair import Safe, price_hour
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.placement.solver import cheapest_mix
from toolkit.errors import GilfreeError

SINGLE_TYPES_TRIED = 3
MOST_SPARE_SIZES = 12
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
    best = _one_zone(share, limited, counts, bound, spare if zones == 1 else 0)
    if best is not None and zones > 1 and spare and one_size:
        best = _with_smaller_spares(share, limited, best, zones, spare)
    if best is None:
        raise DoesNotFit(
            f"the nodes there are do not hold {sum(one.replicas for one in wanted)} pods"
            + (f" with {spare} of them missing" if spare else ""),
            "raise `available` in the catalogue, or add node types",
            never=False,
        )
    added = [0] * len(best)
    if zones > 1 and spare:
        added[_worst_to_lose(limited, best)] = spare
    total = [count * zones + more for count, more in zip(best, added, strict=True)]
    for one, count in zip(usable, total, strict=True):
        if one.available is not None and count > one.available:
            raise DoesNotFit(
                f"there are {one.available} nodes of {one.name}, and {count} with the spare ones are needed",
                "raise `available` in the catalogue, or add node types",
                never=False,
            )
    return Packing(
        counts={one.name: count for one, count in zip(limited, total, strict=True) if count},
        price_hour=price_hour(total, limited),
        bound_hour=bound * zones,
        spare={one.name: count for one, count in zip(limited, added, strict=True) if count},
    )


def _one_zone(
    share: Sequence[Workload], types: Sequence[NodeType], counts: Sequence[int] | None, bound: float, spare: int
) -> list[int] | None:
    """The mix made safe; for several sizes of pods also single types made safe, if one is cheaper."""
    safe = Safe(share, types, spare)
    best = safe.repaired(counts)
    if len({(one.cpu_millis, one.memory_bytes) for one in share}) > 1:
        for index in _promising(share, types):
            if price_hour(best, types) <= bound * _EQUAL:
                break
            other = safe.repaired(_alone(share, types, index), below=price_hour(best, types))
            if other is not None and price_hour(other, types) < price_hour(best, types):
                best = other
    return best


def _with_smaller_spares(
    share: Sequence[Workload], types: Sequence[NodeType], best: list[int], zones: int, spare: int
) -> list[int]:
    """Spare nodes have to be as large as the largest: mixes without the largest types may cost less with them."""

    def price(counts: Sequence[int]) -> float:
        return zones * price_hour(counts, types) + spare * types[_worst_to_lose(types, counts)].price_hour

    last, allowed = best, list(types)
    for _ in range(MOST_SPARE_SIZES):
        limit = types[_worst_to_lose(types, last)].holds(share[0].cpu_millis, share[0].memory_bytes)
        allowed = [
            replace(one, available=0) if one.holds(share[0].cpu_millis, share[0].memory_bytes) >= limit else one
            for one in allowed
        ]
        if all(one.available == 0 for one in allowed):
            break
        found = Safe(share, allowed, 0).repaired(cheapest_mix(share, allowed)[0])
        if found is None:
            break
        last = found
        best = min(best, found, key=price)
    return best


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


def _worst_to_lose(types: Sequence[NodeType], counts: Sequence[int]) -> int:
    """The used type whose nodes hold most."""
    used = [index for index, count in enumerate(counts) if count]
    return max(used, key=lambda i: (types[i].free_cpu_millis, types[i].free_memory_bytes, types[i].free_pods))

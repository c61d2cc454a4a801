"""The packing: the cheapest nodes for given Deployments on which the default scheduler really places every pod.

It begins with the cheapest mix of node types (solver.py). The simulated scheduler (scheduler.py) then decides (repair.py):
nodes are added while pods stay pending, and removed while none does. For several sizes of pods the best single node types
are repaired too, starting from first-fit-decreasing, and the cheapest result is taken. So a packing never costs more than
adding nodes of one type until the scheduler places all pods. The gap compares its price with a proven lower bound. Nodes
in several zones are completed by zoned.py.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.capacity.nodes.catalogue import MIB, NodeType
from toolkit.capacity.placement.repair import RepairHeuristic, hourly_price
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.placement.solver import cheapest_mix
from toolkit.capacity.placement.zoned import ZoneNeeds, cheapest_zones, pods_lost
from toolkit.errors import GilfreeError

MOST_SINGLE_TYPES = 3
"""Types that are repaired whatever their nodes hold."""
MOST_SPARE_SIZES = 12
"""Attempts at a mix without the largest types in use, which makes spare nodes cheaper."""
_EQUAL = 1 + 1e-6


class DoesNotFit(GilfreeError):
    """There are not enough nodes for the pods. `never`: a pod fits on no node type at all."""

    def __init__(self, message: str, remedy: str, *, never: bool) -> None:
        super().__init__(message, remedy)
        self.never = never


@dataclass(frozen=True)
class Packing:
    """Nodes by type, spare nodes included; `spare`: those among them that are there in case nodes are missing.

    `zones`: the nodes by type in each zone. `uneven`: not every zone has room for its share. `bound_hour`: the proven lower bound of the price of any packing of these pods.
    """

    counts: Mapping[str, int]
    price_hour: float
    bound_hour: float
    spare: Mapping[str, int]
    zones: tuple[Mapping[str, int], ...] = ()
    uneven: bool = False

    @property
    def gap(self) -> float:
        """The share of the price that a better packing could save at most."""
        return max(0.0, 1 - self.bound_hour / self.price_hour) if self.price_hour else 0.0

    @property
    def nodes(self) -> int:
        """The number of all nodes, spare nodes included."""
        return sum(self.counts.values())


def pack(
    workloads: Sequence[Workload],
    types: Sequence[NodeType],
    *,
    spare: int = 0,
    zones: int = 1,
    survive_zone: bool = False,
) -> Packing:
    """The cheapest packing found. Pure.

    `zones`: every zone has room for its share of the pods, as far as the available nodes allow. `spare`: all pods still fit when this many nodes are missing,
    whichever they are. `survive_zone`: all pods still fit when all nodes of any one zone are missing. Raises DoesNotFit
    when a pod fits on no node type, or when there are not enough nodes.
    """
    wanted = [one for one in workloads if one.replicas]
    if not wanted:
        raise GilfreeError("there are no pods to place", "give a rate above 0")
    if survive_zone and zones < 2:
        raise GilfreeError("the loss of the only zone cannot be survived", "give --zones 2 or more")
    usable = _usable(wanted, types)
    one_size = len({(one.cpu_millis, one.memory_bytes) for one in wanted}) == 1
    counts, bound = cheapest_mix(wanted, usable, spare if one_size else 0)
    without_spare = cheapest_mix(wanted, usable)[1] if spare and one_size and survive_zone else bound
    if spare and not one_size:
        bound += spare * min(one.price_hour for one in usable)  # spare nodes cost at least this much more
    uneven = False
    if zones > 1:
        needs = ZoneNeeds(wanted, tuple(usable), zones, spare, survive_zone)
        zonal = cheapest_zones(needs, [*_zone_mixes(needs), _dealt(counts, zones)])
        if zonal is None:
            uneven = True
            zonal = cheapest_zones(replace(needs, shares=False), [_dealt(counts, zones)])
    else:
        best = _cheapest_for_a_zone(wanted, usable, counts, bound, spare)
        zonal = None if best is None else [best]
    if zonal is None:
        lost = " without one zone" if survive_zone else f" with {spare} of them missing" if spare else ""
        raise DoesNotFit(
            f"the available nodes do not hold {sum(one.replicas for one in wanted)} pods{lost}"
            + (f" in {zones} zones" if zones > 1 else ""),
            "raise `available` in the catalogue, or add node types",
            never=False,
        )
    total = [sum(counts) for counts in zip(*zonal, strict=True)]
    if survive_zone:  # all zones but one cost at least as much as nodes without a spare, whichever is missing
        bound = max(bound, without_spare * zones / (zones - 1))
    return Packing(
        counts=_by_name(usable, total),
        price_hour=hourly_price(total, usable),
        bound_hour=bound,
        spare=_spares(wanted, usable, total, spare),
        zones=tuple(_by_name(usable, counts) for counts in zonal),
        uneven=uneven,
    )


def _by_name(types: Sequence[NodeType], counts: Sequence[int]) -> dict[str, int]:
    return {one.name: count for one, count in zip(types, counts, strict=True) if count}


def _spares(
    workloads: Sequence[Workload], types: Sequence[NodeType], total: Sequence[int], spare: int
) -> dict[str, int]:
    """The nodes that stand by: as many as may be missing, of the types whose loss takes the most pods with it."""
    rest, found = list(total), dict[str, int]()
    for _ in range(spare):
        used = [index for index, count in enumerate(rest) if count]
        if not used:
            break
        index = max(used, key=lambda i: pods_lost(workloads, types[i]))
        rest[index] -= 1
        found[types[index].name] = found.get(types[index].name, 0) + 1
    return found


def _dealt(counts: Sequence[int] | None, zones: int) -> list[list[int]]:
    """Nodes dealt out to the zones one by one, type after type; no nodes when the solver found none."""
    found = [[0] * len(counts or ()) for _ in range(zones)]
    dealt = 0
    for index, count in enumerate(counts or ()):
        for _ in range(count):
            found[dealt % zones][index] += 1
            dealt += 1
    return found


def _zone_mixes(needs: ZoneNeeds) -> list[list[list[int]]]:
    """Mixes with the same nodes in every zone: each holds its share, of all zones or of those that are left without one."""
    holding = needs.zones - 1 if needs.survive_zone else needs.zones
    share = [replace(one, replicas=math.ceil(one.replicas / holding)) for one in needs.workloads]
    limited = [_share_of_zone(one, needs.zones) for one in needs.types]
    counts, bound = cheapest_mix(share, limited)
    best = _cheapest_for_a_zone(share, limited, counts, bound, 0)
    if best is None:
        return []
    smaller = _with_smaller_spares(share, limited, best) if needs.spare and needs.one_size else []
    return [[list(counts) for _ in range(needs.zones)] for counts in (best, *smaller)]


def _cheapest_for_a_zone(
    share: Sequence[Workload], types: Sequence[NodeType], counts: Sequence[int] | None, bound: float, spare: int
) -> list[int] | None:
    """The repaired mix; for several sizes of pods a repaired single type if that is cheaper."""
    heuristic = RepairHeuristic(share, types, spare)
    best = heuristic.repaired(counts if counts is not None else [0] * len(types))
    if len({(one.cpu_millis, one.memory_bytes) for one in share}) > 1:
        for number, (price, index) in enumerate(_single_types(share, types)):
            lowest = hourly_price(best, types)
            if lowest <= bound * _EQUAL or price >= lowest:
                break
            # Of the many types that are left, only those are repaired that hold all pods for less.
            if number >= MOST_SINGLE_TYPES and best is not None:
                most = [0] * len(types)
                most[index] = math.ceil(lowest / types[index].price_hour) - 1
                if not heuristic.places_all(most, thorough=False):
                    continue
            other = heuristic.repaired(_single_type_counts(share, types, index), below=lowest)
            if other is not None and hourly_price(other, types) < lowest:
                best = other
    return best


def _with_smaller_spares(share: Sequence[Workload], types: Sequence[NodeType], best: list[int]) -> list[list[int]]:
    """Mixes without the types that hold the most pods: a smaller node that goes missing needs a smaller spare node."""
    last, allowed, found = best, list(types), []
    size = share[0].cpu_millis, share[0].memory_bytes
    for _ in range(MOST_SPARE_SIZES):
        limit = max(one.pods_that_fit(*size) for one, count in zip(types, last, strict=True) if count)
        allowed = [replace(one, available=0) if one.pods_that_fit(*size) >= limit else one for one in allowed]
        if all(one.available == 0 for one in allowed):
            break
        mix = RepairHeuristic(share, allowed, 0).repaired(cheapest_mix(share, allowed)[0])
        if mix is None:
            break
        last = mix
        found.append(mix)
    return found


def first_fit_decreasing(workloads: Sequence[Workload], one: NodeType) -> int | None:
    """How many nodes of one type first-fit-decreasing needs, without a scheduler. None when a pod does not fit on the type."""
    if any(one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) < 1 for pod in workloads if pod.replicas):
        return None
    free = one.free_cpu_millis, one.free_memory_bytes
    ranked = sorted(workloads, key=lambda pod: max(pod.cpu_millis / free[0], pod.memory_bytes / free[1]), reverse=True)
    nodes: list[list[int]] = []
    for pod in ranked:
        first = 0  # a node that is too full for one pod is too full for the next equal pod
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
    """What fills a node of this type first when only this pod runs on it: `CPU`, `memory` or `pods per node`."""
    rooms = {
        "CPU": one.free_cpu_millis / pod.cpu_millis if pod.cpu_millis else math.inf,
        "memory": one.free_memory_bytes / pod.memory_bytes if pod.memory_bytes else math.inf,
        "pods per node": float(one.free_pods),
    }
    return min(rooms, key=lambda name: (math.floor(min(rooms[name], 1e9)), rooms[name]))


def _usable(workloads: Sequence[Workload], types: Sequence[NodeType]) -> list[NodeType]:
    """The types that hold at least one pod, without dominated types. Raises DoesNotFit when a pod fits on no type."""
    for pod in workloads:
        if not any(one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for one in types):
            largest = max(types, key=lambda one: (one.free_cpu_millis, one.free_memory_bytes))
            raise DoesNotFit(
                f"a pod of {pod.name} requests {pod.cpu_millis}m CPU and {pod.memory_bytes / MIB:,.0f}Mi, and no node "
                f"holds it: {largest.name} has {largest.free_cpu_millis}m and {largest.free_memory_bytes / MIB:,.0f}Mi left",
                "add larger node types to the catalogue",
                never=True,
            )
    fitting = [one for one in types if any(one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for pod in workloads)]
    shapes = {(pod.cpu_millis, pod.memory_bytes) for pod in workloads}
    rooms = [_rooms(one, shapes) for one in fitting]
    return [
        one
        for one, mine in zip(fitting, rooms, strict=True)
        if not any(
            other.price_hour <= one.price_hour and other is not one and _dominates(other, theirs, one, mine)
            for other, theirs in zip(fitting, rooms, strict=True)
        )
    ]


def _rooms(one: NodeType, shapes: Collection[tuple[int, int]]) -> tuple[int, ...]:
    """What a node has free, for comparison with other types: for pods of one size only the number of pods counts."""
    if len(shapes) == 1:
        return (one.pods_that_fit(*next(iter(shapes))),)
    return one.free_cpu_millis, one.free_memory_bytes, one.free_pods


def _dominates(other: NodeType, theirs: tuple[int, ...], one: NodeType, mine: tuple[int, ...]) -> bool:
    """Whether `other` is never worse than `one`, so that `one` need not be considered. Of two equal types the first name stays.

    `other` costs no more; `theirs` and `mine` are their rooms.
    """
    if other.available is not None or any(their < my for their, my in zip(theirs, mine, strict=True)):
        return False
    same = other.price_hour == one.price_hour and theirs == mine
    return not same or (one.available is not None) or other.name < one.name


def _share_of_zone(one: NodeType, zones: int) -> NodeType:
    """The type with the nodes that one zone may use of it."""
    return one if one.available is None or zones == 1 else replace(one, available=one.available // zones)


def _single_types(workloads: Sequence[Workload], types: Sequence[NodeType]) -> list[tuple[float, int]]:
    """Price an hour by first-fit-decreasing, and index, of each type that alone holds all pods; the cheapest first."""
    found = []
    for index, one in enumerate(types):
        count = first_fit_decreasing(workloads, one)
        if count is not None and (one.available is None or count <= one.available):
            found.append((count * one.price_hour, index))
    return sorted(found)


def _single_type_counts(workloads: Sequence[Workload], types: Sequence[NodeType], index: int) -> list[int]:
    counts = [0] * len(types)
    counts[index] = first_fit_decreasing(workloads, types[index]) or 0
    return counts

"""Nodes in several zones: completed until every need holds, then without superfluous nodes.

The scheduler spreads pods over zones as a preference (`ScheduleAnyway`), so a pod whose node or zone is lost may go to any
node that has room. The needs are: all pods are placed; every zone has room for its share; all pods are placed again when
any `spare` nodes are missing; and, where the loss of a zone is to be survived, when all nodes of any zone are missing.
Where the available nodes cannot give every zone its share, that need alone is given up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from toolkit.capacity.nodes.catalogue import NodeType
from toolkit.capacity.placement.repair import hourly_price
from toolkit.capacity.placement.scheduler import Workload, all_placed
from toolkit.capacity.placement.solver import MOST_NODES

Zones = list[list[int]]
"""For each zone the number of nodes by index of type."""


def pods_lost(workloads: Sequence[Workload], one: NodeType) -> tuple[float, int, int]:
    """How much a node of this type takes with it, for comparison: pods of one size, else its share of all requests."""
    sizes = {(pod.cpu_millis, pod.memory_bytes) for pod in workloads}
    if len(sizes) == 1:
        return float(one.pods_that_fit(*next(iter(sizes)))), one.free_cpu_millis, one.free_memory_bytes
    cpu = sum(pod.cpu_millis * pod.replicas for pod in workloads) or 1
    memory = sum(pod.memory_bytes * pod.replicas for pod in workloads) or 1
    share = min(one.free_cpu_millis / cpu, one.free_memory_bytes / memory)
    return share, one.free_cpu_millis, one.free_memory_bytes


@dataclass(frozen=True)
class ZoneNeeds:
    """What nodes in zones have to hold. `spare`: nodes that may be missing; `survive_zone`: any one zone may be missing.

    `shares`: every zone has to hold its share of the pods.
    """

    workloads: Sequence[Workload]
    types: tuple[NodeType, ...]
    zones: int
    spare: int
    survive_zone: bool
    shares: bool = True
    _known: dict[tuple[tuple[tuple[int, ...], ...], bool], bool] = field(default_factory=dict, compare=False)

    @cached_property
    def one_size(self) -> bool:
        """Whether all pods have the same requests, so that counting pods per node is exact."""
        return len({(one.cpu_millis, one.memory_bytes) for one in self.workloads}) == 1

    @cached_property
    def rooms(self) -> list[int]:
        """How many pods of the one size, or else of the smallest, fit on a node of each type."""
        smallest = min(self.workloads, key=lambda one: (one.cpu_millis, one.memory_bytes))
        return [one.pods_that_fit(smallest.cpu_millis, smallest.memory_bytes) for one in self.types]

    def hold(self, zonal: Zones, thorough: bool = True) -> bool:
        """Whether these nodes meet every need; not `thorough`: only the worst order of pods is simulated."""
        if self.shares and not self._shares_hold(zonal):
            return False
        return all(self._placed(left, thorough) for left in (zonal, *self._losses(zonal)))

    def weight(self, counts: Sequence[int]) -> float:
        """The room of one zone, for comparison with other zones."""
        return sum(count * pods_lost(self.workloads, one)[0] for count, one in zip(counts, self.types, strict=True))

    def _shares_hold(self, zonal: Zones) -> bool:
        """Whether every zone has room for its share of the pods."""
        if not self.one_size:
            least = [math.floor(one.replicas / self.zones) for one in self.workloads]
            share = [
                Workload(one.name, one.cpu_millis, one.memory_bytes, count)
                for one, count in zip(self.workloads, least, strict=True)
                if count
            ]
            return all(not share or all_placed(share, self._nodes([counts])[0], False) for counts in zonal)
        pods = sum(one.replicas for one in self.workloads)
        rooms = [sum(count * room for count, room in zip(counts, self.rooms, strict=True)) for counts in zonal]
        most = math.ceil(pods / self.zones)
        return min(rooms) >= pods // self.zones and sum(min(room, most) for room in rooms) >= pods

    def _losses(self, zonal: Zones) -> Iterator[Zones]:
        """What may be left: without each zone, and without `spare` nodes, those that hold the most or of each type."""
        if self.survive_zone:
            for lost in range(self.zones):
                yield [counts if zone != lost else [0] * len(counts) for zone, counts in enumerate(zonal)]
        if not self.spare:
            return
        ranked = sorted(range(len(self.types)), key=lambda i: pods_lost(self.workloads, self.types[i]), reverse=True)
        for first in range(1 if self.one_size else len(ranked)):
            left, missing = [list(counts) for counts in zonal], self.spare
            for index in ranked[first:] + ranked[:first]:
                for counts in left:
                    taken = min(missing, counts[index])
                    counts[index] -= taken
                    missing -= taken
            yield left

    def _placed(self, zonal: Zones, thorough: bool) -> bool:
        key = tuple(tuple(counts) for counts in zonal), thorough
        if key not in self._known:
            nodes, zones = self._nodes(zonal)
            self._known[key] = all_placed(self.workloads, nodes, thorough, zones)
        return self._known[key]

    def _nodes(self, zonal: Zones) -> tuple[list[NodeType], list[int]]:
        """All nodes and their zones, zone after zone in turn, as the scheduler visits them."""
        lists = [
            [(one, zone) for one, count in zip(self.types, counts, strict=True) for _ in range(count)]
            for zone, counts in enumerate(zonal)
        ]
        longest = max((len(one) for one in lists), default=0)
        ordered = [one[turn] for turn in range(longest) for one in lists if turn < len(one)]
        return [one for one, _ in ordered], [zone for _, zone in ordered]


def cheapest_zones(needs: ZoneNeeds, mixes: Sequence[Zones]) -> Zones | None:
    """The cheapest of these mixes once each is completed and trimmed; None when the available nodes are not enough. Pure."""
    best: Zones | None = None
    for mix in mixes:
        made = _completed(needs, [counts or [0] * len(needs.types) for counts in mix])
        if made is not None and (best is None or _price(needs, made) < _price(needs, best)):
            best = made
    return best


def _price(needs: ZoneNeeds, zonal: Zones) -> float:
    return sum(hourly_price(counts, needs.types) for counts in zonal)


def _completed(needs: ZoneNeeds, zonal: Zones) -> Zones | None:
    """With nodes of the cheapest completing type added while a need does not hold, and without superfluous nodes.

    Every type is tried alone, and the types by price for their room in turn: the latter uses up all that are available.
    """
    if needs.hold(zonal, False):
        found = [zonal]
    else:
        tries = [[index] for index in range(len(needs.types))] if needs.one_size else []
        by_price = sorted(range(len(needs.types)), key=lambda i: (_total(zonal, i) == 0, _price_of_room(needs, i)))
        found = [made for order in (*tries, by_price) if (made := _with_nodes(needs, zonal, order)) is not None]
    trimmed = [_trimmed(needs, made) for made in found]
    for made in sorted(trimmed, key=lambda one: _price(needs, one)):
        if needs.one_size or (more := _with_nodes(needs, made, _in_use_first(needs, made), True)) is None:
            return made
        return more
    return None


def _in_use_first(needs: ZoneNeeds, zonal: Zones) -> list[int]:
    return sorted(range(len(needs.types)), key=lambda i: (_total(zonal, i) == 0, _price_of_room(needs, i)))


def _price_of_room(needs: ZoneNeeds, index: int) -> float:
    return needs.types[index].price_hour / max(1e-12, pods_lost(needs.workloads, needs.types[index])[0])


def _total(zonal: Zones, index: int) -> int:
    return sum(counts[index] for counts in zonal)


def _with_nodes(needs: ZoneNeeds, zonal: Zones, order: Sequence[int], thorough: bool = False) -> Zones | None:
    """With nodes of the first types in `order` that are still available, each in the zone with the least room."""
    made, step = [list(counts) for counts in zonal], 1
    while not needs.hold(made, thorough):
        for _ in range(step):
            index = next((i for i in order if _more(needs, made, i)), None)
            if index is None:
                return made if needs.hold(made, thorough) else None
            min(made, key=needs.weight)[index] += 1
        if sum(map(sum, made)) > MOST_NODES:
            return None
        step = min(2 * step, max(1, sum(map(sum, made)) // 20))
    return made


def _more(needs: ZoneNeeds, zonal: Zones, index: int) -> bool:
    limit = needs.types[index].available
    return bool(needs.rooms[index]) and (limit is None or _total(zonal, index) < limit)


def _trimmed(needs: ZoneNeeds, zonal: Zones) -> Zones:
    """Without superfluous nodes; the dearest are removed first, from the zone with the most room."""
    made = [list(counts) for counts in zonal]
    for index in sorted(range(len(needs.types)), key=lambda i: -needs.types[i].price_hour):
        removable = True
        while removable:
            removable = False
            for counts in sorted(made, key=needs.weight, reverse=True):
                if counts[index]:
                    counts[index] -= 1
                    if needs.hold(made, False):
                        removable = True
                        break
                    counts[index] += 1
    return made

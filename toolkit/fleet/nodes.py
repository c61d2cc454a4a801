"""Nodes for thousands of Deployments: one node type where it holds every pod, and as many of it as the scheduler needs.

The simulation of capacity/placement/scheduler.py is simplified: it places a whole Deployment at a time instead of a pod at
a time. Its pods go to the least allocated nodes, one on each, because the scheduler spreads them over hosts. The count is
found in steps of 1%.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.capacity.nodes.catalogue import GIB, Catalogue, NodeType
from toolkit.errors import GilfreeError
from toolkit.fleet.estimate import Need

COUNT_STEP = 0.01
FIRST_STEPS = 16
"""Fleets of thousands of services need about so many steps more than their totals."""


@dataclass(frozen=True)
class NodeCount:
    """`count` nodes of the type `kind`. `available`: how many of them there are, where that is fewer; else None."""

    kind: str
    count: int
    available: int | None = None


@dataclass(frozen=True)
class FleetNodes:
    """Nodes by type, and their cost a month. One type, unless no type holds every pod."""

    kinds: tuple[NodeCount, ...]
    month: float

    @property
    def count(self) -> int:
        """Nodes of all types."""
        return sum(one.count for one in self.kinds)

    @property
    def words(self) -> str:
        """The nodes in words, such as `12 m5.large`, with what is not available."""
        return " + ".join(
            f"{one.count:,} {one.kind}" + ("" if one.available is None else f" (only {one.available:,} available)")
            for one in self.kinds
        )


@dataclass(frozen=True)
class MarginalPrices:
    """What one more core, GiB or pod costs a month in the cheapest mix of nodes: the dual prices of its linear program.

    What the nodes of that mix have left over costs 0.
    """

    core_month: float
    gib_month: float
    pod_month: float

    def month(self, need: Need) -> float:
        """The cost of a need a month."""
        return need.cpu_cores * self.core_month + need.memory_total / GIB * self.gib_month + need.pods * self.pod_month


def marginal_prices(catalogue: Catalogue, needs: Sequence[Need]) -> MarginalPrices:
    """The marginal prices for a fleet of these needs. Pure. Raises GilfreeError when no type holds every pod."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    (types, _), *_ = _groups(catalogue.types, needs)
    rooms = [(-one.free_cpu_millis / 1000, -one.free_memory_bytes / GIB, -one.free_pods) for one in types]
    wanted = sum(n.cpu_cores for n in needs), sum(n.memory_total for n in needs) / GIB, sum(n.pods for n in needs)
    found = linprog(
        [catalogue.month(one.price_hour) for one in types], A_ub=np.array(rooms).T, b_ub=[-amount for amount in wanted]
    )
    core, gib, pod = (max(0.0, -float(one)) for one in found.ineqlin.marginals)
    return MarginalPrices(core, gib, pod)


def count_nodes(catalogue: Catalogue, needs: Sequence[Need], spare: int) -> FleetNodes:
    """The node type that is cheapest for the totals of the needs, and how many nodes of it the scheduler needs.

    Where no type holds every pod, the pods that fit on one type are counted on it and the others on another. `spare` nodes
    are added to each. Raises GilfreeError when a pod fits on no type.
    """
    kinds, month = [], 0.0
    for types, group in _groups(catalogue.types, needs):
        kind, count = _cheapest(types, group)
        kinds.append(
            NodeCount(
                kind.name,
                count + spare,
                kind.available if kind.available is not None and kind.available < count + spare else None,
            )
        )
        month += catalogue.month((count + spare) * kind.price_hour)
    return FleetNodes(tuple(kinds), month)


def _cheapest(types: Sequence[NodeType], needs: Sequence[Need]) -> tuple[NodeType, int]:
    """The type whose nodes cost least for these needs and are available, else the cheapest of all, and their number."""
    wanted = (
        sum(need.pods * need.cpu_millis for need in needs),
        sum(need.memory_total for need in needs),
        sum(need.pods for need in needs),
    )
    by_price = sorted(types, key=lambda one: _least_count(one, wanted) * one.price_hour)
    possible = [one for one in by_price if one.available is None or one.available >= _least_count(one, wanted)]
    found: tuple[NodeType, int] | None = None
    for kind in possible or by_price[:1]:
        count = _placed_count(kind, wanted, needs)
        if kind.available is None or count <= kind.available:
            return kind, count
        found = found or (kind, count)
    assert found is not None, "there is a type at least"
    return found


def _placed_count(kind: NodeType, wanted: tuple[int, int, int], needs: Sequence[Need]) -> int:
    """Nodes that hold all needs, where a step fewer does not: steps double until one does, then they are halved."""
    failing, placed, steps = _least_count(kind, wanted), None, FIRST_STEPS
    if _all_placed(kind, failing, needs):
        return failing
    while placed is None:
        count = failing
        for _ in range(steps):
            count = _next_count(count)
        if _all_placed(kind, count, needs):
            placed = count
        else:
            failing, steps = count, steps * 2
    while steps > 1:
        half, count = steps // 2, failing
        for _ in range(half):
            count = _next_count(count)
        if _all_placed(kind, count, needs):
            placed, steps = count, half
        else:
            failing, steps = count, steps - half
    return placed


def _next_count(count: int) -> int:
    return count + max(1, math.ceil(count * COUNT_STEP))


def fits_somewhere(types: Sequence[NodeType], need: Need) -> bool:
    """Whether one pod fits on any node type."""
    return any(one.pods_that_fit(need.cpu_millis, need.memory_bytes) for one in types)


def _groups(types: Sequence[NodeType], needs: Sequence[Need]) -> list[tuple[list[NodeType], list[Need]]]:
    """Needs in as few groups as possible such that a type holds every pod of the group, the largest group first.

    Two odd services, one with much CPU and one with much memory, must not refuse a whole fleet.
    """
    found, left = [], list(needs)
    while left:
        cpu, memory = max(one.cpu_millis for one in left), max(one.memory_bytes for one in left)
        if kinds := [one for one in types if one.pods_that_fit(cpu, memory)]:
            found.append((kinds, left))
            break
        fitting = [[need for need in left if one.pods_that_fit(need.cpu_millis, need.memory_bytes)] for one in types]
        group = max(fitting, key=len, default=[])
        if not group:
            raise GilfreeError(
                f"no node type holds a pod with {cpu}m of CPU and {memory / GIB:.1f}Gi of memory",
                "add a larger node type to the catalogue",
            )
        cpu, memory = max(one.cpu_millis for one in group), max(one.memory_bytes for one in group)
        found.append(([one for one in types if one.pods_that_fit(cpu, memory)], group))
        chosen = {id(one) for one in group}
        left = [one for one in left if id(one) not in chosen]
    return found


def _least_count(one: NodeType, wanted: tuple[int, int, int]) -> int:
    """Nodes for these totals of CPU, memory and pods, if pods could be divided at will."""
    rooms = one.free_cpu_millis, one.free_memory_bytes, one.free_pods
    return max(1, *(math.ceil(amount / room) for amount, room in zip(wanted, rooms, strict=True)))


def _all_placed(kind: NodeType, count: int, needs: Sequence[Need]) -> bool:
    cpu = np.full(count, kind.free_cpu_millis, dtype=np.int64)
    memory = np.full(count, kind.free_memory_bytes, dtype=np.int64)
    pods = np.full(count, kind.free_pods, dtype=np.int64)
    allocated: NDArray[np.float64] = np.zeros(count)
    order = np.random.default_rng(1).permutation(len(needs))
    for need in (needs[index] for index in order):
        left = need.pods
        added = need.cpu_millis / kind.cpu_millis + need.memory_bytes / kind.memory_bytes
        while left:
            room = ((cpu >= need.cpu_millis) & (memory >= need.memory_bytes) & (pods > 0)).nonzero()[0]
            if not room.size:
                return False
            if room.size > left:
                room = room[allocated[room].argpartition(left - 1)[:left]]
            cpu[room] -= need.cpu_millis
            memory[room] -= need.memory_bytes
            pods[room] -= 1
            allocated[room] += added
            left -= room.size
    return True

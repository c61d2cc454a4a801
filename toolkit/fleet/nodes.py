"""Nodes for thousands of Deployments: one node type, and as many of it as the default scheduler needs.

The simulation of capacity/placement/scheduler.py is simplified: it places a whole Deployment at a time instead of a pod at
a time. Its pods go to the least allocated nodes, one on each, because the scheduler spreads them over hosts. The count is
found in steps of 1 %.
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


@dataclass(frozen=True)
class FleetNodes:
    """`count` nodes of the type `kind`, and their cost a month."""

    kind: str
    count: int
    month: float


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

    types = _types_for_all(catalogue.types, needs)
    rooms = [(-one.free_cpu_millis / 1000, -one.free_memory_bytes / GIB, -one.free_pods) for one in types]
    wanted = sum(n.cpu_cores for n in needs), sum(n.memory_total for n in needs) / GIB, sum(n.pods for n in needs)
    found = linprog(
        [catalogue.month(one.price_hour) for one in types], A_ub=np.array(rooms).T, b_ub=[-amount for amount in wanted]
    )
    core, gib, pod = (max(0.0, -float(one)) for one in found.ineqlin.marginals)
    return MarginalPrices(core, gib, pod)


def count_nodes(catalogue: Catalogue, needs: Sequence[Need], spare: int) -> FleetNodes:
    """The node type that is cheapest for the totals of the needs, and how many nodes of it the scheduler needs.

    `spare` nodes are added to the count. Raises GilfreeError when no type holds every pod.
    """
    kinds = _types_for_all(catalogue.types, needs)
    wanted = (
        sum(need.pods * need.cpu_millis for need in needs),
        sum(need.memory_total for need in needs),
        sum(need.pods for need in needs),
    )
    kind = min(kinds, key=lambda one: _least_count(one, wanted) * one.price_hour)
    count = _least_count(kind, wanted)
    while not _all_placed(kind, count, needs):
        count += max(1, math.ceil(count * COUNT_STEP))
    return FleetNodes(kind.name, count + spare, catalogue.month((count + spare) * kind.price_hour))


def fits_somewhere(types: Sequence[NodeType], need: Need) -> bool:
    """Whether one pod fits on any node type."""
    return any(one.pods_that_fit(need.cpu_millis, need.memory_bytes) for one in types)


def _types_for_all(types: Sequence[NodeType], needs: Sequence[Need]) -> list[NodeType]:
    cpu, memory = max(one.cpu_millis for one in needs), max(one.memory_bytes for one in needs)
    found = [one for one in types if one.pods_that_fit(cpu, memory)]
    if not found:
        raise GilfreeError(
            f"no node type holds both the pod with most CPU ({cpu}m) and that with most memory ({memory / GIB:.1f}Gi)",
            "add a larger node type to the catalogue",
        )
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
            room = np.flatnonzero((cpu >= need.cpu_millis) & (memory >= need.memory_bytes) & (pods > 0))
            if not room.size:
                return False
            if room.size > left:
                room = room[np.argpartition(allocated[room], left - 1)[:left]]
            cpu[room] -= need.cpu_millis
            memory[room] -= need.memory_bytes
            pods[room] -= 1
            allocated[room] += added
            left -= room.size
    return True

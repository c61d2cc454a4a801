"""Nodes for thousands of Deployments: one node type, and as many as the default scheduler's spreading needs.

The scheduler's rule (capacity/scheduling.py) a Deployment at a time instead of a pod at a time: its pods go to the least
allocated nodes, one each, as its spreading over hosts has it. The count is found in steps of 1 %.
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

STEP = 0.01


@dataclass(frozen=True)
class FleetNodes:
    """So many nodes of one type, and what they cost a month."""

    kind: str
    count: int
    month: float


@dataclass(frozen=True)
class Rates:
    """What one more core, GiB or pod costs a month: the prices at which the cheapest mix of nodes is paid for exactly.

    What the nodes have left over anyway costs nothing (the dual of the linear program over node types).
    """

    core_month: float
    gib_month: float
    pod_month: float

    def month(self, need: Need) -> float:
        """What a need costs a month."""
        return need.cpu_cores * self.core_month + need.memory_total / GIB * self.gib_month + need.pods * self.pod_month


def rates_of(catalogue: Catalogue, needs: Sequence[Need]) -> Rates:
    """Prices for a fleet of these needs. Pure."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    types = _holding_all(catalogue.types, needs)
    rooms = [(-one.free_cpu_millis / 1000, -one.free_memory_bytes / GIB, -one.free_pods) for one in types]
    wanted = sum(n.cpu_cores for n in needs), sum(n.memory_total for n in needs) / GIB, sum(n.pods for n in needs)
    found = linprog(
        [catalogue.month(one.price_hour) for one in types], A_ub=np.array(rooms).T, b_ub=[-amount for amount in wanted]
    )
    core, gib, pod = (max(0.0, -float(one)) for one in found.ineqlin.marginals)
    return Rates(core, gib, pod)


def fleet_nodes(catalogue: Catalogue, needs: Sequence[Need], spare: int) -> FleetNodes:
    """The cheapest single type by the room that is asked, and how many of it the scheduler needs."""
    kinds = _holding_all(catalogue.types, needs)
    wanted = (
        sum(need.pods * need.cpu_millis for need in needs),
        sum(need.memory_total for need in needs),
        sum(need.pods for need in needs),
    )
    kind = min(kinds, key=lambda one: _least_count(one, wanted) * one.price_hour)
    count = _least_count(kind, wanted)
    while not _placed(kind, count, needs):
        count += max(1, math.ceil(count * STEP))
    return FleetNodes(kind.name, count + spare, catalogue.month((count + spare) * kind.price_hour))


def fits_somewhere(types: Sequence[NodeType], need: Need) -> bool:
    """Whether one pod fits on any type."""
    return any(one.holds(need.cpu_millis, need.memory_bytes) for one in types)


def _holding_all(types: Sequence[NodeType], needs: Sequence[Need]) -> list[NodeType]:
    cpu, memory = max(one.cpu_millis for one in needs), max(one.memory_bytes for one in needs)
    found = [one for one in types if one.holds(cpu, memory)]
    if not found:
        raise GilfreeError(
            f"no node type holds both the pod with most CPU ({cpu}m) and that with most memory ({memory / GIB:.1f}Gi)",
            "add a larger node type to the catalogue",
        )
    return found


def _least_count(one: NodeType, wanted: tuple[int, int, int]) -> int:
    """Nodes for so much CPU, memory and so many pods, if they could be cut at will."""
    rooms = one.free_cpu_millis, one.free_memory_bytes, one.free_pods
    return max(1, *(math.ceil(amount / room) for amount, room in zip(wanted, rooms, strict=True)))


def _placed(kind: NodeType, count: int, needs: Sequence[Need]) -> bool:
    cpu = np.full(count, kind.free_cpu_millis, dtype=np.int64)
    memory = np.full(count, kind.free_memory_bytes, dtype=np.int64)
    pods = np.full(count, kind.free_pods, dtype=np.int64)
    share: NDArray[np.float64] = np.zeros(count)
    order = np.random.default_rng(1).permutation(len(needs))
    for need in (needs[index] for index in order):
        left = need.pods
        taken = need.cpu_millis / kind.cpu_millis + need.memory_bytes / kind.memory_bytes
        while left:
            room = np.flatnonzero((cpu >= need.cpu_millis) & (memory >= need.memory_bytes) & (pods > 0))
            if not room.size:
                return False
            if room.size > left:
                room = room[np.argpartition(share[room], left - 1)[:left]]
            cpu[room] -= need.cpu_millis
            memory[room] -= need.memory_bytes
            pods[room] -= 1
            share[room] += taken
            left -= room.size
    return True

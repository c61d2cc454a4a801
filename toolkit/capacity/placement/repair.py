"""The repair of a mix of nodes: the default scheduler places all pods on it, and no node is superfluous.

Nodes are added while pods stay pending in the simulated scheduler (scheduler.py), and removed while none does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from toolkit.capacity.nodes.catalogue import NodeType
from toolkit.capacity.placement.scheduler import Workload, all_placed
from toolkit.capacity.placement.solver import MOST_NODES


def hourly_price(counts: Sequence[int] | None, types: Sequence[NodeType]) -> float:
    """The price of these counts of nodes an hour; infinity when there are no counts."""
    if counts is None:
        return math.inf
    return sum(count * one.price_hour for count, one in zip(counts, types, strict=True))


class RepairHeuristic:
    """Changes counts of nodes until the scheduler places all pods, even with any `spare` nodes missing.

    While it searches it simulates only the worst known order of pods; the result is then checked in all orders.
    """

    def __init__(self, workloads: Sequence[Workload], types: Sequence[NodeType], spare: int) -> None:
        self._workloads, self._types, self._spare = workloads, types, spare
        self._known: dict[tuple[tuple[int, ...], bool], bool] = {}

    def repaired(self, counts: Sequence[int] | None, below: float = math.inf) -> list[int] | None:
        """The counts with nodes added until all pods are placed, and without superfluous nodes.

        None when there are not enough nodes, or as soon as the price reaches `below`, because a cheaper mix is known.
        """
        made = None if counts is None else self._enough(list(counts), below)
        if made is None:
            return None
        made = self._trimmed(made)
        while not self.places_all(made, thorough=True):
            index = self._cheapest_to_add(made)
            if index is None or hourly_price(made, self._types) >= below:
                return None
            made[index] += 1
        return made

    def places_all(self, counts: Sequence[int], thorough: bool) -> bool:
        """Whether all pods are placed, whichever `spare` nodes of one type are missing; `thorough`: in all orders."""
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
        """Steps grow, so that a mix with far too few nodes costs few simulations; superfluous nodes are removed later."""
        step = 1
        while not self.places_all(made, thorough=False):
            for _ in range(step):
                index = self._cheapest_to_add(made)
                if index is None:
                    return None
                made[index] += 1
            step = min(2 * step, max(1, sum(made) // 20))
            if sum(made) > MOST_NODES or hourly_price(made, self._types) >= 1.2 * below:
                return None
        return made

    def _cheapest_to_add(self, counts: Sequence[int]) -> int | None:
        """Index of the type with the lowest price for its share of all requests; types in use come first. None: no node is left."""
        cpu = sum(one.cpu_millis * one.replicas for one in self._workloads) or 1
        memory = sum(one.memory_bytes * one.replicas for one in self._workloads) or 1
        addable = [
            index
            for index, one in enumerate(self._types)
            if one.available is None or counts[index] < one.available
            if any(one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for pod in self._workloads)
        ]

        def cost(index: int) -> tuple[bool, bool, float]:
            one = self._types[index]
            share = min(one.free_cpu_millis / cpu, one.free_memory_bytes / memory)
            all_fit = all(one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for pod in self._workloads)
            return not all_fit, counts[index] == 0, one.price_hour / share

        return min(addable, key=cost, default=None)

    def _trimmed(self, counts: list[int]) -> list[int]:
        """The counts without superfluous nodes; the dearest nodes are removed first."""
        for index in sorted(range(len(counts)), key=lambda i: -self._types[i].price_hour):
            while counts[index]:
                fewer = list(counts)
                fewer[index] -= 1
                if not self.places_all(fewer, thorough=False):
                    break
                counts = fewer
        return counts

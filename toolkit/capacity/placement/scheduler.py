"""A simulation of Kubernetes' default scheduler. It spreads pods, so the node count of a perfect packing is too small.

Each pod goes to the node with the highest score, as kube-scheduler 1.34 scores without policies of the user: least
allocated (weight 1), balanced allocation (1), spreading of a Deployment's pods over hosts and zones (2); the other plugins
score all nodes here equally. The manifests that the tool writes state the same spreading. Among equal nodes one is drawn. From 100 nodes on only a share of them is scored, in turn. All
amounts are whole numbers and rounded as the scheduler rounds, because ties decide.

A user cannot choose which Deployment's pods come first, so several orders are simulated. The worst known order is smallest
pods first, which leaves gaps that are too small for the large pods.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.capacity.nodes.catalogue import NodeType

SHUFFLES = 4
"""Random orders of pods that are simulated."""
TIE_DRAWS = 2
"""Simulations of each order, with different draws among equal nodes."""
HOST_SKEW, ZONE_SKEW = 3, 5
"""`maxSkew` of the spreading, `ScheduleAnyway`: the default constraints of the scheduler."""
_ALL_SCORED = 100
_LEAST_SHARE = 5
_DEFAULT_CPU_MILLIS, _DEFAULT_MEMORY_BYTES = 100, 200 << 20
"""What the scheduler assumes for a pod without requests, in scores only."""


@dataclass(frozen=True)
class Workload:
    """A Deployment as the scheduler sees it: `replicas` equal pods; requests are one pod's."""

    name: str
    cpu_millis: int
    memory_bytes: int
    replicas: int


class SimulatedCluster:
    """Nodes and what is in use on each; `place` puts one pod on a node, as the scheduler would. `seed`: of the tie draws.

    `zones`: the number of each node's zone; None: all nodes are in one zone.
    """

    def __init__(
        self, nodes: Sequence[NodeType], workloads: int, seed: int, zones: Sequence[int] | None = None
    ) -> None:
        def column(name: str) -> NDArray[np.int64]:
            return np.array([getattr(one, name) for one in nodes], dtype=np.int64)

        self.cpu, self.memory, self.pods = column("cpu_millis"), column("memory_bytes"), column("pods")
        self.used_cpu, self.used_memory = column("daemon_cpu_millis"), column("daemon_memory_bytes")
        self.scored_cpu, self.scored_memory = self.used_cpu.copy(), self.used_memory.copy()
        self.used_pods = column("daemon_pods")
        self.count = len(nodes)
        self.pods_of_workload = np.zeros((workloads, self.count), dtype=np.int64)
        self.zones = None if zones is None else np.array(zones, dtype=np.int64)
        self.pods_in_zone = np.zeros((workloads, 1 + max(zones, default=0) if zones else 1), dtype=np.int64)
        self._next = 0
        self._random = np.random.default_rng(seed)

    def place(self, index: int, pod: Workload) -> int | None:
        """Place a pod of workload `index`. Returns the index of its node; None when the pod stays pending."""
        fits = np.flatnonzero(
            (self.cpu - self.used_cpu >= pod.cpu_millis)
            & (self.memory - self.used_memory >= pod.memory_bytes)
            & (self.used_pods < self.pods)
        )
        if not fits.size:
            return None
        if self.count >= _ALL_SCORED:
            fits = self._scored_share(fits)
        if fits.size > 1:
            scores = self._scores(index, pod, fits)
            best = fits[scores == scores.max()]
            chosen = int(best[0] if best.size == 1 else best[self._random.integers(best.size)])
        else:
            chosen = int(fits[0])
        self.used_cpu[chosen] += pod.cpu_millis
        self.used_memory[chosen] += pod.memory_bytes
        self.scored_cpu[chosen] += pod.cpu_millis or _DEFAULT_CPU_MILLIS
        self.scored_memory[chosen] += pod.memory_bytes or _DEFAULT_MEMORY_BYTES
        self.used_pods[chosen] += 1
        self.pods_of_workload[index, chosen] += 1
        if self.zones is not None:
            self.pods_in_zone[index, self.zones[chosen]] += 1
        return chosen

    def _scored_share(self, fits: NDArray[np.int64]) -> NDArray[np.int64]:
        """The nodes that are scored: the first fitting ones from where the scheduler stopped last time."""
        wanted = max(_ALL_SCORED, self.count * max(_LEAST_SHARE, 50 - self.count // 125) // 100)
        start = int(np.searchsorted(fits, self._next))
        turned = np.concatenate([fits[start:], fits[:start]])[:wanted]
        scored = (int(turned[-1]) - self._next) % self.count + 1 if turned.size == wanted else self.count
        self._next = (self._next + scored) % self.count
        return turned

    def _scores(self, index: int, pod: Workload, fits: NDArray[np.int64]) -> NDArray[np.int64]:
        cpu, memory = self.cpu[fits], self.memory[fits]
        wanted_cpu = self.scored_cpu[fits] + (pod.cpu_millis or _DEFAULT_CPU_MILLIS)
        wanted_memory = self.scored_memory[fits] + (pod.memory_bytes or _DEFAULT_MEMORY_BYTES)
        least = np.where(wanted_cpu > cpu, 0, (cpu - wanted_cpu) * 100 // cpu)
        least += np.where(wanted_memory > memory, 0, (memory - wanted_memory) * 100 // memory)
        found: NDArray[np.int64] = least // 2
        if pod.cpu_millis or pod.memory_bytes:
            shares = (self.used_cpu[fits] + pod.cpu_millis) / cpu, (self.used_memory[fits] + pod.memory_bytes) / memory
            found = found + ((1 - np.abs(shares[0] - shares[1]) / 2) * 100).astype(np.int64)
        return found + 2 * self._spread(index, fits)

    def _spread(self, index: int, fits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Score of spreading over hosts, and over zones where there are several: the scheduler's own default."""
        exact = self.pods_of_workload[index][fits] * np.log(fits.size + 2) + (HOST_SKEW - 1)
        if self.zones is not None:
            mine = self.zones[fits]
            exact = exact + self.pods_in_zone[index][mine] * np.log(np.unique(mine).size + 2) + (ZONE_SKEW - 1)
        counted = np.floor(exact + 0.5).astype(np.int64)
        most, fewest = int(counted.max()), int(counted.min())
        found: NDArray[np.int64] = 100 * (most + fewest - counted) // most
        return found


def pending(
    workloads: Sequence[Workload],
    nodes: Sequence[NodeType],
    order: Sequence[int],
    seed: int,
    zones: Sequence[int] | None = None,
) -> list[int]:
    """How many pods of each workload stay pending when pods come in this order (indices of workloads)."""
    cluster = SimulatedCluster(nodes, len(workloads), seed, zones)
    left = [0] * len(workloads)
    for index in order:
        # Once a pod of a workload fits on no node, the others of that workload do not fit either: no pod ever leaves.
        if left[index] or cluster.place(index, workloads[index]) is None:
            left[index] += 1
    return left


def orders(workloads: Sequence[Workload], shuffles: int = SHUFFLES) -> Iterator[list[int]]:
    """Orders in which the pods may come, as indices of workloads: smallest first (the worst), as given, reversed, in turn, shuffled."""
    size = sum(one.cpu_millis for one in workloads) or 1, sum(one.memory_bytes for one in workloads) or 1
    every = range(len(workloads))

    def share(index: int) -> float:
        return max(workloads[index].cpu_millis / size[0], workloads[index].memory_bytes / size[1])

    def one_by_one(ranks: Sequence[int]) -> list[int]:
        return [index for index in ranks for _ in range(workloads[index].replicas)]

    yield one_by_one(sorted(every, key=share))
    if len(workloads) == 1:
        return
    yield one_by_one(list(every))
    yield one_by_one(list(reversed(every)))
    turns = max(one.replicas for one in workloads)
    yield [index for turn in range(turns) for index in every if turn < workloads[index].replicas]
    for seed in range(shuffles):
        mixed = np.array(one_by_one(list(every)))
        np.random.default_rng(seed).shuffle(mixed)
        yield mixed.tolist()


def all_placed(
    workloads: Sequence[Workload],
    nodes: Sequence[NodeType],
    thorough: bool = True,
    zones: Sequence[int] | None = None,
) -> bool:
    """Whether every pod is placed in every order that is simulated; not `thorough`: only in the worst order.

    `zones`: the number of each node's zone; None: all nodes are in one zone.
    For pods of one size the result is exact without a simulation, because only the number of pods per node counts.
    """
    sizes = {(one.cpu_millis, one.memory_bytes) for one in workloads if one.replicas}
    if len(sizes) == 1:
        ((cpu, memory),) = sizes
        return sum(one.pods_that_fit(cpu, memory) for one in nodes) >= sum(one.replicas for one in workloads)
    if not _may_fit(workloads, nodes):
        return False
    return not any(
        sum(pending(workloads, nodes, order, seed, zones))
        for order in itertools.islice(orders(workloads), None if thorough else 1)
        for seed in range(TIE_DRAWS if thorough else 1)
    )


def _may_fit(workloads: Sequence[Workload], nodes: Sequence[NodeType]) -> bool:
    """Whether the totals allow it at all: if not, no order needs to be simulated."""
    return (
        sum(one.cpu_millis * one.replicas for one in workloads) <= sum(one.free_cpu_millis for one in nodes)
        and sum(one.memory_bytes * one.replicas for one in workloads) <= sum(one.free_memory_bytes for one in nodes)
        and sum(one.replicas for one in workloads) <= sum(one.free_pods for one in nodes)
        and all(
            sum(node.pods_that_fit(one.cpu_millis, one.memory_bytes) for node in nodes) >= one.replicas
            for one in workloads
        )
    )

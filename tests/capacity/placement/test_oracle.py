"""Packings on the real scheduler: it places all pods, and for a single Deployment no node is superfluous.

Nodes of one type are equal, so one node of each type is removed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.capacity.factory import node_types, random_deployment
from tests.capacity.oracle import Oracle
from toolkit.capacity.nodes.catalogue import GIB, NodeType
from toolkit.capacity.placement.pack import pack
from toolkit.capacity.placement.scheduler import Workload, orders, pending

LEAN, SINGLE, SEVERAL = 3, 30, 10


@pytest.mark.cluster
@pytest.mark.parametrize("count", [LEAN, pytest.param(SINGLE, marks=pytest.mark.slow)])
def test_the_scheduler_places_all_pods_and_needs_every_node(count: int, print_live: Callable[[str], None]) -> None:
    left_over, removals, all_needed = 0, 0, 0
    for seed in range(count):
        drawn = random.Random(seed)
        types = node_types(drawn, daemonsets=seed % 3 == 1)
        workload = random_deployment(drawn, "web")
        packed = pack([workload], types)
        oracle = Oracle()
        with oracle.placed(packed.counts, types, [workload]) as left:
            left_over += left
            missing = {one.name: oracle.pending_without(one) for one in types if one.name in packed.counts}
        removals += len(missing)
        all_needed += sum(count > 0 for count in missing.values())
        print_live(
            f"packing {seed}: {workload.replicas} pods on {dict(packed.counts)}: {left} pending; without one {missing}"
        )
    print_live(
        f"{count} packings, {left_over} pods pending; {removals} removals of one node, {all_needed} times pods pending"
    )
    assert left_over == 0
    assert all_needed == removals


@pytest.mark.cluster
@pytest.mark.parametrize("count", [1, pytest.param(SEVERAL, marks=pytest.mark.slow)])
def test_the_scheduler_places_several_deployments(count: int, print_live: Callable[[str], None]) -> None:
    left_over = 0
    for seed in range(100, 100 + count):
        drawn = random.Random(seed)
        types = node_types(drawn, daemonsets=seed % 3 == 1)
        workloads = [random_deployment(drawn, f"web-{index}", 40) for index in range(drawn.randint(2, 4))]
        packed = pack(workloads, types)
        oracle = Oracle()
        with oracle.placed(packed.counts, types, workloads) as left:
            left_over += left
        pods = [one.replicas for one in workloads]
        print_live(f"packing {seed}: {pods} pods on {dict(packed.counts)}, gap {packed.gap:.1%}: {left} pending")
    print_live(f"{count} packings of several Deployments, {left_over} pods pending")
    assert left_over == 0


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.parametrize("count", [38, 39, 40])
def test_the_simulation_leaves_as_many_pending_as_the_scheduler_does(
    count: int, print_live: Callable[[str], None]
) -> None:
    kind = NodeType("t0", 3900, 15 * GIB, 110, 1.0)
    workloads = [Workload("large", 1000, 4 * GIB, 100), Workload("small", 500, 2 * GIB, 60)]
    simulated = [sum(pending(workloads, [kind] * count, order, 0)) for order in orders(workloads)]
    with Oracle().placed({"t0": count}, [kind], workloads) as left:
        print_live(f"{count} nodes: {left} pending; simulated, by order: {simulated}")
    assert left <= max(simulated)

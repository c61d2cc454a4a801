"""Packings on the real scheduler: it places all pods, and for a single Deployment no node is superfluous.

Nodes of one type are equal, so one node of each type is removed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from tests.capacity.factory import node_types, random_deployment
from tests.capacity.oracle import Oracle
from toolkit.capacity.nodes.catalogue import GIB, NodeType
from toolkit.capacity.placement.pack import pack
from toolkit.capacity.placement.scheduler import Workload, orders, pending

LEAN, SINGLE, SEVERAL, ZONED, SURVIVING = 3, 30, 10, 20, 10


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


def in_zones(seed: int) -> tuple[list[NodeType], Workload, int, int]:
    """Node types, of which some have daemonset pods, a Deployment, how many zones there are and how many spare nodes."""
    drawn = random.Random(seed)
    types = node_types(drawn, daemonsets=seed % 3 == 1)
    return types, random_deployment(drawn, "web", 90), 2 + seed % 2, drawn.choice([0, 1, 1, 2])


@pytest.mark.cluster
@pytest.mark.parametrize("count", [1, pytest.param(ZONED, marks=pytest.mark.slow)])
def test_the_scheduler_places_all_pods_in_zones_without_the_spare_nodes_and_not_without_one_more(
    count: int, print_live: Callable[[str], None]
) -> None:
    left_over, for_pods, for_shares = 0, 0, 0
    for seed in range(200, 200 + count):
        types, workload, zones, spare = in_zones(seed)
        size = workload.cpu_millis, workload.memory_bytes
        packed = pack([workload], types, zones=zones, spare=spare)
        room = {one.name: one.pods_that_fit(*size) for one in types}
        oracle = Oracle()
        with oracle.placed(packed.zones, types, [workload]) as left:
            without_spare = oracle.pending_without_nodes(packed.spare)
            rest = {name: number - packed.spare.get(name, 0) for name, number in packed.counts.items()}
            last = min((name for name, number in rest.items() if number), key=lambda name: room[name])
            missing = oracle.pending_without_nodes({last: 1})
        held = sum(number * room[name] for name, number in rest.items()) - room[last]
        print_live(
            f"packing {seed}: {workload.replicas} pods on {[dict(one) for one in packed.zones]}, spare {dict(packed.spare)}:"
            f" {left} pending; without the spare nodes {without_spare}; without one more {last} {missing}"
        )
        left_over += left + without_spare
        assert missing == max(0, workload.replicas - held)
        for_pods += missing > 0
        # A node that no pod needs is there for its zone's share, whichever zone it is taken from.
        rooms = [sum(room[name] * number for name, number in zone.items()) for zone in packed.zones]
        fewer = [
            [one - room[last] * (index == at) for at, one in enumerate(rooms)]
            for index, zone in enumerate(packed.zones)
            if zone.get(last)
        ]
        for_shares += missing == 0 and not any(has_shares(one, workload.replicas) for one in fewer)
    print_live(
        f"{count} packings in zones, {left_over} pods pending; without one node more, {for_pods} times pods were pending and"
        f" {for_shares} times a zone lacked room for its share"
    )
    assert left_over == 0
    assert for_pods + for_shares == count


def has_shares(rooms: list[int], pods: int) -> bool:
    """Whether zones with room for so many pods each can hold the pods as evenly as they are spread."""
    share = pods / len(rooms)
    return min(rooms) >= math.floor(share) and sum(min(one, math.ceil(share)) for one in rooms) >= pods


@pytest.mark.cluster
@pytest.mark.parametrize("count", [1, pytest.param(SURVIVING, marks=pytest.mark.slow)])
def test_after_the_loss_of_a_zone_nothing_stays_pending(count: int, print_live: Callable[[str], None]) -> None:
    left_over = 0
    for seed in range(300, 300 + count):
        types, workload, zones, spare = in_zones(seed)
        packed = pack([workload], types, zones=zones, spare=spare, survive_zone=True)
        lost = seed % zones
        oracle = Oracle()
        with oracle.placed(packed.zones, types, [workload]) as left:
            without = oracle.pending_without_zone(lost)
        print_live(
            f"packing {seed}: {workload.replicas} pods on {[dict(one) for one in packed.zones]}: {left} pending;"
            f" without zone {lost} {without}"
        )
        left_over += left + without
    print_live(f"{count} packings lost a zone, {left_over} pods pending")
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

"""Nodes in several zones hold every share, and every pod again when nodes or a whole zone are missing."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence

import pytest

from tests.capacity.factory import node_types, nodes_of, random_deployment
from toolkit.capacity.nodes.catalogue import GIB, NodeType
from toolkit.capacity.placement.pack import DoesNotFit, pack
from toolkit.capacity.placement.scheduler import Workload, all_placed
from toolkit.errors import GilfreeError

NODE = NodeType("n", 3900, 15 * GIB, 110, 1.0)


def room(nodes: Mapping[str, int], types: Sequence[NodeType], pod: Workload) -> int:
    """How many of these pods the nodes hold."""
    return sum(one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for one in nodes_of(nodes, types))


@pytest.mark.parametrize("seed", [*range(30), 66, 128])
def test_every_zone_holds_its_share_and_any_node_or_zone_may_be_missing(seed: int) -> None:
    drawn = random.Random(seed)
    types, pod = node_types(drawn, 4, largest=8, daemonsets=seed % 3 == 0), random_deployment(drawn, "web", 60)
    zones, survive, spare = drawn.choice([2, 3, 4]), seed % 2 == 0, seed % 3
    found = pack([pod], types, spare=spare, zones=zones, survive_zone=survive)
    assert len(found.zones) == zones
    total = {name: sum(zone.get(name, 0) for zone in found.zones) for name in found.counts}
    assert total == dict(found.counts) and found.bound_hour <= found.price_hour + 1e-9
    rooms = {one.name: one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for one in types}
    zonal = [[rooms[name] for name, count in zone.items() for _ in range(count)] for zone in found.zones]
    assert holds(zonal, pod.replicas, spare, survive)
    # And no node is one too many, whichever is removed.
    for index, zone in enumerate(zonal):
        for of in set(zone):
            fewer = [list(one) for one in zonal]
            fewer[index].remove(of)
            assert not holds(fewer, pod.replicas, spare, survive)


def holds(zonal: Sequence[Sequence[int]], pods: int, spare: int, survive: bool) -> bool:
    """Whether nodes with room for so many pods each, zone by zone, meet every need."""
    each, every = [sum(zone) for zone in zonal], sorted((one for zone in zonal for one in zone), reverse=True)
    share = pods / len(zonal)
    if min(each) < math.floor(share) or sum(min(one, math.ceil(share)) for one in each) < pods:
        return False
    return sum(every[spare:]) >= pods and (not survive or sum(each) - max(each) >= pods)


def test_the_spare_node_is_the_one_whose_loss_takes_most_pods_not_the_one_with_most_cpus() -> None:
    wide = NodeType("wide", 15_900, 30 * GIB, 110, 0.9, available=6)
    tall = NodeType("tall", 7900, 60 * GIB, 110, 1.0, available=5)
    pod = Workload("web", 250, 4 * GIB, 72)  # 7 on wide, 15 on tall: 4 tall and 2 wide without a spare node
    found = pack([pod], [wide, tall], zones=2, spare=1)
    assert found.spare == {"tall": 1} and "wide" in found.counts
    left = nodes_of({**found.counts, "tall": found.counts["tall"] - 1}, [wide, tall])
    assert all_placed([pod], left)


@pytest.mark.parametrize(("pods", "survive"), [(13, False), (9, True)])
def test_nodes_that_do_not_divide_evenly_among_the_zones_are_not_refused(pods: int, survive: bool) -> None:
    few = NodeType("n", 3900, 15 * GIB, 110, 1.0, available=5)  # 3 pods on a node
    found = pack([Workload("web", 1000, GIB, pods)], [few], zones=3, survive_zone=survive)
    assert found.counts == {"n": 5} and found.uneven == (pods == 13)


def test_a_spare_node_of_another_type_is_taken_when_the_first_is_used_up() -> None:
    few = NodeType("few", 3900, 15 * GIB, 110, 0.5, available=3)
    found = pack([Workload("web", 1000, GIB, 9)], [few, NODE], zones=3, spare=1)
    assert found.counts == {"few": 3, "n": 1}


def test_what_is_possible_with_all_available_nodes_is_never_refused() -> None:
    for seed in range(40):
        drawn = random.Random(seed)
        zones, spare, pods = drawn.choice([1, 2, 3]), drawn.choice([0, 1]), drawn.randint(4, 30)
        types = [
            NodeType(f"t{index}", 1000 * drawn.choice([1, 2, 3, 5]), 64 * GIB, 110, 1.0, available=drawn.randint(0, 6))
            for index in range(3)
        ]
        pod = Workload("web", 1000, GIB, pods)
        held = sorted((one.cpu_millis // 1000 for one in types for _ in range(one.available or 0)), reverse=True)
        try:
            packed, uneven = True, pack([pod], types, zones=zones, spare=spare).uneven
        except DoesNotFit:
            packed, uneven = False, False
        assert packed == (sum(held[spare:]) >= pods), (seed, held, pods, zones, spare)
        if packed and zones > 1:
            assert uneven == (not _divides(held, pods, zones)), (seed, held, pods, zones, spare)


def _divides(held: Sequence[int], pods: int, zones: int) -> bool:
    """Whether nodes can be dealt to zones so that every zone has room for its share: all ways of dealing are tried."""
    kinds = sorted(set(held))
    ways: list[list[tuple[int, ...]]] = [
        [way for way in itertools.product(range(held.count(kind) + 1), repeat=zones) if sum(way) == held.count(kind)]
        for kind in kinds
    ]
    most = -(-pods // zones)
    for dealt in itertools.product(*ways):
        rooms = [sum(kind * way[zone] for kind, way in zip(kinds, dealt, strict=True)) for zone in range(zones)]
        if min(rooms) >= pods // zones and sum(min(one, most) for one in rooms) >= pods:
            return True
    return False


@pytest.mark.parametrize("seed", range(4))
def test_several_deployments_are_placed_without_any_zone(seed: int) -> None:
    drawn = random.Random(seed)
    types = node_types(drawn, 3, largest=8)
    pods = [random_deployment(drawn, f"web-{index}", 12) for index in range(2)]
    found = pack(pods, types, zones=3, survive_zone=True)
    for lost in found.zones:
        left = {name: count - lost.get(name, 0) for name, count in found.counts.items()}
        zones = [zone for zone in range(3) if found.zones[zone] is not lost]
        nodes = [one for zone in zones for one in nodes_of(found.zones[zone], types)]
        assert sum(left.values()) == len(nodes)
        assert all_placed(pods, nodes, zones=[z for z in range(2) for _ in nodes_of(found.zones[zones[z]], types)])


def test_the_only_zone_cannot_be_lost() -> None:
    with pytest.raises(GilfreeError, match="the loss of the only zone"):
        pack([Workload("web", 1000, GIB, 9)], [NODE], survive_zone=True)

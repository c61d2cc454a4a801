"""A packing costs as little as possible while the scheduler places all pods, and has no superfluous node."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import pytest

from tests.capacity.factory import node_types, nodes_of, random_deployment
from toolkit.capacity.nodes.catalogue import GIB, MIB, NodeType
from toolkit.capacity.placement.pack import DoesNotFit, first_fit_decreasing, limiting, pack
from toolkit.capacity.placement.scheduler import Workload, all_placed

NODE = NodeType("n", 3900, 15 * GIB, 110, 1.0)
LARGE, SMALL = Workload("large", 1000, 4 * GIB, 100), Workload("small", 500, 2 * GIB, 60)


def without(counts: Mapping[str, int], name: str, fewer: int = 1) -> dict[str, int]:
    """The counts without some nodes of a type."""
    return {kind: count - fewer * (kind == name) for kind, count in counts.items()}


def test_a_packing_has_as_many_nodes_as_the_scheduler_needs_not_as_a_perfect_packing_does() -> None:
    found = pack([LARGE, SMALL], [NODE])
    assert found.counts == {"n": 40}
    assert found.bound_hour == pytest.approx(38)


@pytest.mark.parametrize("seed", range(40))
def test_for_one_deployment_no_node_can_be_missing_and_nothing_cheaper_exists(seed: int) -> None:
    drawn = random.Random(seed)
    types, pod = node_types(drawn, 3, largest=8), random_deployment(drawn, "web", 30)
    found = pack([pod], types)
    assert all_placed([pod], nodes_of(found.counts, types))
    for name in found.counts:
        assert not all_placed([pod], nodes_of(without(found.counts, name), types))
    held = [one.pods_that_fit(pod.cpu_millis, pod.memory_bytes) for one in types]
    most = [pod.replicas // count + 1 if count else 0 for count in held]
    cheapest = min(
        sum(count * one.price_hour for count, one in zip(counts, types, strict=True))
        for counts in itertools.product(*(range(limit + 1) for limit in most))
        if sum(count * holds for count, holds in zip(counts, held, strict=True)) >= pod.replicas
    )
    assert found.price_hour == pytest.approx(cheapest)
    assert found.gap < 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_any_spare_number_of_nodes_may_be_missing(seed: int) -> None:
    drawn = random.Random(seed)
    types = node_types(drawn, 4, largest=8)
    pods = [random_deployment(drawn, f"web-{index}", 15) for index in range(1 + seed % 2)]
    spare = 1 + seed % 3 // 2
    found = pack(pods, types, spare=spare)
    for name, count in found.counts.items():
        assert all_placed(pods, nodes_of(without(found.counts, name, min(spare, count)), types))


def test_every_zone_holds_its_share() -> None:
    pods = Workload("web", 1000, GIB, 10)
    found = pack([pods], [NODE], zones=3)
    assert found.counts == {"n": 4}  # shares of 4, 3 and 3 pods, 3 on a node
    assert sorted(zone["n"] for zone in found.zones) == [1, 1, 2]
    assert pack([pods], [NODE], zones=3, spare=1).spare == {"n": 1}


@pytest.mark.parametrize(
    "seed", [*range(10), 21, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 200) if seed != 21)]
)
def test_several_deployments_cost_no_more_than_nodes_by_first_fit_decreasing_that_the_scheduler_can_use(
    seed: int,
) -> None:
    drawn = random.Random(seed)
    types = node_types(drawn, 5)
    pods = [random_deployment(drawn, f"web-{index}", 25) for index in range(3)]
    found = pack(pods, types)
    assert all_placed(pods, nodes_of(found.counts, types))
    assert found.bound_hour <= found.price_hour + 1e-9
    for one in types:
        count = first_fit_decreasing(pods, one)
        if count is None:
            continue
        assert found.bound_hour <= count * one.price_hour + 1e-9
        while not all_placed(pods, [one] * count):
            count += 1
        assert found.price_hour <= count * one.price_hour + 1e-9


def test_there_are_never_more_nodes_of_a_type_than_are_available() -> None:
    cheap = NodeType("cheap", 3900, 15 * GIB, 110, 0.5, available=2)
    found = pack([Workload("web", 1000, GIB, 20)], [cheap, NODE])
    assert found.counts == {"cheap": 2, "n": 5}
    with pytest.raises(DoesNotFit, match="do not hold 20 pods"):
        pack([Workload("web", 1000, GIB, 20)], [cheap])


def test_a_pod_that_no_node_holds_is_named_with_both_sizes() -> None:
    with pytest.raises(DoesNotFit, match=r"web requests 4000m CPU and 1,024Mi.*n has 3900m and 15,360Mi"):
        pack([Workload("web", 4000, GIB, 1)], [NODE])


@pytest.mark.parametrize(
    ("cpu", "memory", "said"), [(1000, GIB, "CPU"), (100, 4 * GIB, "memory"), (10, MIB, "pods per node")]
)
def test_what_fills_a_node_first_is_named(cpu: int, memory: int, said: str) -> None:
    assert limiting(Workload("web", cpu, memory, 1), NODE) == said


def test_the_same_input_gives_the_same_packing() -> None:
    drawn = random.Random(5)
    types, pods = node_types(drawn, 8), [random_deployment(drawn, f"w{index}") for index in range(3)]
    assert pack(pods, types) == pack(pods, types)

"""The solver's mix: the lower bound holds for every mix, and for pods of one size the mix is the cheapest."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.capacity.factory import node_types, random_deployment
from toolkit.capacity.nodes.catalogue import GIB, NodeType
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.placement.solver import cheapest_mix

NODE = NodeType("n", 3900, 15 * GIB, 110, 1.0)


@pytest.mark.parametrize("seed", range(8))
def test_for_one_size_the_mix_is_the_cheapest_and_the_bound_is_its_price(seed: int) -> None:
    generator = random.Random(seed)
    types, pods = node_types(generator, 2, largest=8), random_deployment(generator, "web", 20)
    per_node = [one.pods_that_fit(pods.cpu_millis, pods.memory_bytes) for one in types]
    counts, bound = cheapest_mix([pods], types)
    assert counts is not None
    assert sum(count * held for count, held in zip(counts, per_node, strict=True)) >= pods.replicas
    price = sum(count * one.price_hour for count, one in zip(counts, types, strict=True))
    ranges = [range(pods.replicas // held + 2 if held else 1) for held in per_node]
    cheapest = min(
        sum(count * one.price_hour for count, one in zip(mix, types, strict=True))
        for mix in itertools.product(*ranges)
        if sum(count * held for count, held in zip(mix, per_node, strict=True)) >= pods.replicas
    )
    assert price == pytest.approx(cheapest) and bound == pytest.approx(cheapest)


def test_for_several_sizes_the_bound_is_what_a_perfect_packing_would_need() -> None:
    counts, bound = cheapest_mix([Workload("large", 1000, 4 * GIB, 100), Workload("small", 500, 2 * GIB, 60)], [NODE])
    assert bound == pytest.approx(38) and counts == [38]


def test_spare_nodes_cost_more_and_too_few_nodes_give_no_mix() -> None:
    pods = Workload("web", 1000, GIB, 9)
    assert cheapest_mix([pods], [NODE])[0] == [3]
    assert cheapest_mix([pods], [NODE], spare=1)[0] == [4]
    few = NodeType("n", 3900, 15 * GIB, 110, 1.0, available=2)
    assert cheapest_mix([pods], [few])[0] is None


def test_the_solver_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    cheapest_mix([Workload("large", 1000, 4 * GIB, 100), Workload("small", 500, 2 * GIB, 60)], [NODE])
    assert capfd.readouterr().out == ""

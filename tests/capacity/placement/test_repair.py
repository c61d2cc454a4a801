"""The repair: all pods are placed, no node is superfluous, and it ends as soon as something cheaper is known."""

from __future__ import annotations

import math
import random

import pytest

from tests.capacity.factory import node_types, nodes_of, random_deployment
from toolkit.capacity.nodes.catalogue import GIB, NodeType
from toolkit.capacity.placement.repair import RepairHeuristic, hourly_price
from toolkit.capacity.placement.scheduler import Workload, all_placed

NODE = NodeType("n", 3900, 15 * GIB, 110, 1.0)
PODS = [Workload("large", 1000, 4 * GIB, 100), Workload("small", 500, 2 * GIB, 60)]


@pytest.mark.parametrize("start", [0, 38, 200])
def test_from_too_few_or_too_many_nodes_it_finds_those_that_the_scheduler_needs(start: int) -> None:
    assert RepairHeuristic(PODS, [NODE], spare=0).repaired([start]) == [40]


@pytest.mark.parametrize("seed", range(6))
def test_from_no_nodes_it_finds_nodes_on_which_all_pods_are_placed_in_every_order(seed: int) -> None:
    generator = random.Random(seed)
    types = node_types(generator, 3)
    pods = [random_deployment(generator, f"web-{index}", 20) for index in range(2)]
    counts = RepairHeuristic(pods, types, spare=0).repaired([0, 0, 0])
    assert counts is not None
    assert all_placed(pods, nodes_of(dict(zip((one.name for one in types), counts, strict=True)), types))


def test_it_gives_up_when_something_cheaper_is_known_or_nodes_run_out() -> None:
    assert RepairHeuristic(PODS, [NODE], spare=0).repaired([0], below=10.0) is None
    few = NodeType("n", 3900, 15 * GIB, 110, 1.0, available=5)
    assert RepairHeuristic(PODS, [few], spare=0).repaired([0]) is None
    assert RepairHeuristic(PODS, [NODE], spare=0).repaired(None) is None


def test_with_a_spare_node_the_rest_still_holds_all_pods() -> None:
    pods = [Workload("web", 1000, GIB, 9)]
    assert RepairHeuristic(pods, [NODE], spare=1).repaired([0]) == [4]


def test_no_counts_cost_infinitely_much() -> None:
    assert hourly_price(None, [NODE]) == math.inf
    assert hourly_price([3], [NODE]) == 3.0

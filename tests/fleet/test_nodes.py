"""Nodes for a whole fleet hold every pod: of one type where one holds all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fleet.factory import NODES
from toolkit.capacity.nodes.catalogue import GIB, Catalogue, NodeType
from toolkit.errors import GilfreeError
from toolkit.fleet.estimate import Need
from toolkit.fleet.nodes import count_nodes, marginal_prices


def test_nodes_hold_all_that_is_asked() -> None:
    needs = [Need(7, 900, 2 * GIB), Need(40, 250, GIB), Need(3, 3500, 8 * GIB)]
    found = count_nodes(NODES, needs, spare=0)
    (only,) = found.kinds
    kind = next(one for one in NODES.types if one.name == only.kind)
    assert found.count * kind.free_cpu_millis >= sum(one.pods * one.cpu_millis for one in needs)
    assert found.count * kind.free_memory_bytes >= sum(one.memory_total for one in needs)
    assert count_nodes(NODES, needs, spare=2).count == found.count + 2


WIDE = Catalogue("two.yaml", (NodeType("cpu", 16_000, 8 * GIB, 110, 0.4), NodeType("ram", 4000, 64 * GIB, 110, 0.5)))
ODD = [Need(2, 12_000, GIB), Need(2, 500, 48 * GIB), Need(9, 500, GIB)]


def test_two_odd_services_that_share_no_node_type_get_nodes_of_two_types() -> None:
    found = count_nodes(WIDE, ODD, spare=0)
    assert sorted(one.kind for one in found.kinds) == ["cpu", "ram"]
    assert " + " in found.words
    assert marginal_prices(WIDE, ODD).core_month >= 0
    with pytest.raises(GilfreeError, match="no node type holds a pod with 64000m"):
        count_nodes(WIDE, [*ODD, Need(1, 64_000, GIB)], spare=0)


def test_a_type_of_which_too_few_nodes_exist_is_not_planned_with() -> None:
    needs = [Need(40, 900, GIB)]
    cheap, dear = NODES.types[0], replace(NODES.types[1], price_hour=2.0)
    one = count_nodes(Catalogue("n", (replace(cheap, available=3), dear)), needs, spare=0)
    assert [(kind.kind, kind.available) for kind in one.kinds] == [("l", None)]
    short = count_nodes(Catalogue("n", (replace(cheap, available=3),)), needs, spare=0)
    assert "(only 3 available)" in short.words


def test_a_type_that_has_enough_nodes_for_the_totals_but_not_for_the_pods_is_not_planned_with() -> None:
    needs = [Need(10, 2000, GIB)]  # 20 cores would go on 6 nodes of 3.9, but each holds one pod
    few, dear = replace(NODES.types[0], available=7), replace(NODES.types[1], price_hour=2.0)
    found = count_nodes(Catalogue("n", (few, dear)), needs, spare=0)
    assert [(kind.kind, kind.available) for kind in found.kinds] == [("l", None)]

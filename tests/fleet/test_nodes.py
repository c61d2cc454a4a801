"""Nodes of one type for a whole fleet hold every pod."""

from __future__ import annotations

from tests.fleet.factory import NODES
from toolkit.capacity.nodes.catalogue import GIB
from toolkit.fleet.estimate import Need
from toolkit.fleet.nodes import count_nodes


def test_nodes_hold_all_that_is_asked() -> None:
    needs = [Need(7, 900, 2 * GIB), Need(40, 250, GIB), Need(3, 3500, 8 * GIB)]
    found = count_nodes(NODES, needs, spare=0)
    kind = next(one for one in NODES.types if one.name == found.kind)
    assert found.count * kind.free_cpu_millis >= sum(one.pods * one.cpu_millis for one in needs)
    assert found.count * kind.free_memory_bytes >= sum(one.memory_total for one in needs)
    assert count_nodes(NODES, needs, spare=2).count == found.count + 2

"""The simulated scheduler spreads pods as the real one does, and leaves pending what the real one leaves pending."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.capacity.nodes.catalogue import GIB, NodeType
from toolkit.capacity.placement.scheduler import SimulatedCluster, Workload, all_placed, orders, pending

NODE = NodeType("n", 3900, 15 * GIB, 110, 1.0)
LARGE, SMALL = Workload("large", 1000, 4 * GIB, 100), Workload("small", 500, 2 * GIB, 60)


def test_it_leaves_pending_what_the_real_scheduler_was_seen_to_leave() -> None:
    """Measured on Kubernetes 1.34: 7 pending on 38 nodes, 2 on 39, none on 40; 38 suffice for a perfect packing."""
    left = {
        count: [sum(pending([LARGE, SMALL], [NODE] * count, order, 0)) for order in orders([LARGE, SMALL])]
        for count in (38, 39, 40)
    }
    assert min(left[38]) <= 7 <= max(left[38])
    assert min(left[39]) <= 2 <= max(left[39])
    assert left[40] == [0] * len(left[40])


def test_a_deployments_pods_go_to_different_nodes_while_there_are_any() -> None:
    cluster = SimulatedCluster([NODE] * 5, 1, seed=0)
    assert sorted(cluster.place(0, SMALL) or 0 for _ in range(5)) == [0, 1, 2, 3, 4]


def test_the_emptier_node_is_taken() -> None:
    cluster = SimulatedCluster([NODE] * 2, 2, seed=0)
    first = cluster.place(0, LARGE)
    assert cluster.place(1, SMALL) != first


def test_what_daemonsets_ask_is_gone_before_any_pod_comes() -> None:
    full = NodeType("n", 1000, GIB, 110, 1.0, daemon_cpu_millis=600)
    assert SimulatedCluster([full], 1, seed=0).place(0, Workload("a", 500, 1, 1)) is None


def test_pods_per_node_end_a_node_too() -> None:
    few = NodeType("n", 64000, 64 * GIB, 3, 1.0, daemon_pods=1)
    assert pending([Workload("a", 10, 1, 5)], [few, few], [0] * 5, 0) == [1]


def test_above_a_hundred_nodes_only_a_share_is_scored_and_all_pods_are_still_placed() -> None:
    pods = Workload("a", 1000, GIB, 3 * 150)
    assert pending([pods], [NODE] * 150, [0] * pods.replicas, 0) == [0]
    assert pending([pods], [NODE] * 149, [0] * pods.replicas, 0) == [3]


@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(100, 4000), st.integers(1, 40), st.integers(0, 3))
def test_for_one_size_only_room_counts(nodes: int, cpu: int, pods: int, seed: int) -> None:
    one = Workload("a", cpu, GIB, pods)
    left = sum(pending([one], [NODE] * nodes, [0] * pods, seed))
    assert left == max(0, pods - nodes * NODE.pods_that_fit(cpu, GIB))
    assert all_placed([one], [NODE] * nodes) == (left == 0)


@settings(max_examples=30)
@given(st.integers(2, 12), st.integers(1, 20), st.integers(1, 20))
def test_no_node_ever_holds_more_than_it_has(nodes: int, large: int, small: int) -> None:
    pods = [Workload("large", 1000, 4 * GIB, large), Workload("small", 500, 2 * GIB, small)]
    for order in orders(pods):
        cluster = SimulatedCluster([NODE] * nodes, 2, seed=1)
        for index in order:
            cluster.place(index, pods[index])
        assert (cluster.used_cpu <= NODE.cpu_millis).all()
        assert (cluster.used_memory <= NODE.memory_bytes).all()

"""Two real nodes: blocks run on both at once, a block stays on one, a node that is cordoned hands its block to the other."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.conftest import Pushed
from tests.cluster.live import left, real_nodes
from tests.cluster.test_faults import short
from tests.conftest import scenario
from toolkit.agent.frames import Frame
from toolkit.backends.kubernetes import KubernetesBackend
from toolkit.campaign import Campaign
from toolkit.cluster.client import Cluster
from toolkit.cluster.settings import ClusterSettings
from toolkit.plan import Block, FixedMatrix
from toolkit.records import Record
from toolkit.trial import Arm, Trial

pytestmark = [pytest.mark.cluster, pytest.mark.engine, pytest.mark.slow]

BLOCKS = 4
CLEARLY_LESS = 0.8


class Quiet:
    """A watcher that tells one listener of ended trials."""

    def __init__(self, ended: Callable[[str, Record], None] = lambda slot, one: None) -> None:
        self._ended = ended

    def block_started(self, slot: str, block: Block) -> None:
        pass

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        pass

    def trial_ended(self, slot: str, one: Record) -> None:
        self._ended(slot, one)


def campaign_on(
    nodes: list[str], cpus: float, folder: Path, namespace: Cluster, images: Pushed, watcher: Quiet
) -> tuple[list[Record], float]:
    """A campaign of a few blocks on some nodes: its records and how long it took."""
    one = short(scenario("faulty:right", limits="rejected_share: 1, retries: 10"))
    one = one.changed(rounds=BLOCKS)
    arms = [Arm("a", "free-threaded", images.faulty), Arm("b", "free-threaded", images.faulty)]
    campaign = Campaign.create(folder, one, arms, {})
    backend = KubernetesBackend(Cluster(None, namespace.namespace), images.load, ClusterSettings(), nodes, cpus)
    plan = FixedMatrix(campaign.name, tuple(one.points()), ("a", "b"), BLOCKS, one.limits.retries)
    began = time.monotonic()
    try:
        backend.prepare(one, arms)
        assert campaign.run(plan, backend, watcher) is None
    finally:
        backend.close()
    assert left(namespace) == []
    return campaign.records(), time.monotonic() - began


def of_blocks(records: list[Record]) -> dict[tuple[int, int], list[Record]]:
    found = defaultdict(list)
    for one in records:
        found[one.block, one.attempt].append(one)
    return found


def complete(records: list[Record]) -> set[int]:
    return {block for (block, _), some in of_blocks(records).items() if sum(one.accepted for one in some) == 2}


def test_two_nodes_take_clearly_less_time_and_no_block_is_torn(
    tmp_path: Path, namespace: Cluster, images: Pushed
) -> None:
    nodes = real_nodes(namespace)
    if len(nodes) < 2:
        pytest.skip("one node; to enable: a cluster of two")
    names, cpus = [one.name for one in nodes[:2]], min(one.cpus for one in nodes[:2])
    both, on_two = campaign_on(names, cpus, tmp_path / "two", namespace, images, Quiet())
    _, on_one = campaign_on(names[:1], cpus, tmp_path / "one", namespace, images, Quiet())
    print(f"{BLOCKS} blocks of 2 trials: {on_one:.0f} s on one node, {on_two:.0f} s on two")
    assert {one.slot for one in both} == set(names)
    for some in of_blocks(both).values():
        assert len({one.slot for one in some}) == 1, "all arms of a block are on one node"
        assert {one.server["outcome"]["node"] for one in some} == {some[0].slot}
    assert complete(both) == set(range(BLOCKS))
    assert on_two < CLEARLY_LESS * on_one


def test_a_node_that_is_cordoned_hands_its_unfinished_block_to_the_other(
    tmp_path: Path, namespace: Cluster, images: Pushed
) -> None:
    nodes = real_nodes(namespace)
    if len(nodes) < 2:
        pytest.skip("one node; to enable: a cluster of two")
    names, cpus = [one.name for one in nodes[:2]], min(one.cpus for one in nodes[:2])
    path, cordoned = f"/api/v1/nodes/{names[1]}", threading.Event()

    def cordon(slot: str, one: Record) -> None:
        if slot == names[1] and not cordoned.is_set():
            cordoned.set()
            namespace.patch(path, {"spec": {"unschedulable": True}})

    try:
        records, _ = campaign_on(names, cpus, tmp_path / "cordoned", namespace, images, Quiet(cordon))
    finally:
        namespace.patch(path, {"spec": {"unschedulable": None}})
    assert cordoned.is_set()
    assert complete(records) == set(range(BLOCKS))
    torn = next(one for one in records if one.slot == names[1])
    assert [one.slot for one in records if one.block == torn.block and one.accepted][-2:] == [names[0]] * 2

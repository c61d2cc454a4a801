"""Two real nodes: blocks run on both at once, a block stays on one, a node that goes hands its block to the other."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.backends.kubernetes.conftest import Pushed
from tests.backends.kubernetes.live import left, real_nodes, until
from tests.backends.kubernetes.test_faults import short
from tests.conftest import scenario
from toolkit.agent.frames import Frame
from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.client import Cluster
from toolkit.campaign.ending import Ending
from toolkit.campaign.plan import Block, FixedMatrix
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Record
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.model import Arm, Trial

pytestmark = [pytest.mark.cluster, pytest.mark.engine, pytest.mark.slow]

BLOCKS = 4
CLEARLY_LESS = 0.8


class Quiet:
    """A watcher that says nothing."""

    def block_started(self, slot: str, block: Block) -> None:
        pass

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        pass

    def trial_ended(self, slot: str, one: Record) -> None:
        pass

    def point_ended(self, ending: Ending) -> None:
        pass


def campaign_on(
    nodes: list[str], cpus: float, folder: Path, namespace: Cluster, images: Pushed, watcher: Quiet
) -> tuple[list[Record], float]:
    """A campaign of a few blocks on some nodes: its records and how long it took."""
    one = short(scenario("faulty:right", limits="rejected_share: 1, retries: 10"))
    one = one.with_load(rounds=BLOCKS)
    arms = [Arm("a", "free-threaded", images.faulty), Arm("b", "free-threaded", images.faulty)]
    campaign = Campaign.create(folder, one, arms, {})
    backend = KubernetesBackend(Cluster(None, namespace.namespace), images.load, ClusterSettings(), nodes, cpus)
    plan = FixedMatrix(campaign.name, tuple(one.points()), ("a", "b"), BLOCKS, one.limits.retries)
    began = time.monotonic()
    try:
        backend.prepare(one, arms)
        assert campaign.run(plan, backend, watcher) == []
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


@pytest.mark.parametrize("how", ["cordoned", "deleted"])
def test_a_node_that_goes_in_the_middle_hands_its_unfinished_block_to_the_other(
    how: str, tmp_path: Path, namespace: Cluster, images: Pushed
) -> None:
    nodes = real_nodes(namespace)
    if len(nodes) < 2:
        pytest.skip("one node; to enable: a cluster of two")
    names, cpus = [one.name for one in nodes[:2]], min(one.cpus for one in nodes[:2])
    path, went = f"/api/v1/nodes/{names[1]}", threading.Event()
    before = namespace.get(path)

    def go() -> None:
        if how == "cordoned":
            namespace.patch(path, {"spec": {"unschedulable": True}})
        else:  # the kubelet continues, but the logs of its pods can no longer be read
            namespace.delete(path)

    class Middle(Quiet):
        def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
            if slot == names[1] and not went.is_set():
                went.set()
                go()

    try:
        records, _ = campaign_on(names, cpus, tmp_path / how, namespace, images, Middle())
    finally:
        if how == "cordoned":
            namespace.patch(path, {"spec": {"unschedulable": None}})
        else:
            again = {key: before["metadata"][key] for key in ("name", "labels", "annotations")}
            namespace.create("/api/v1/nodes", {"metadata": again, "spec": before.get("spec", {})})
        until(f"node {names[1]} back", 60, lambda: len(real_nodes(namespace)) == len(nodes))
    assert went.is_set()
    assert complete(records) == set(range(BLOCKS))
    print(f"{how}: {[(one.block, one.attempt, one.slot, one.accepted) for one in records]}")
    others = {one.block for one in records if one.slot == names[1]}
    assert len(others) <= 1, "a node that went got no further block"
    for some in of_blocks(records).values():
        assert len({one.slot for one in some}) == 1, "all arms of a block are on one node"

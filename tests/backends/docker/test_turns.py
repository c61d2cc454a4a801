"""Blocks in turns in containers: both servers on one cpuset and in one network, each within its own memory limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.backends.docker.test_backend import LITTLE, of_trials, short, with_server
from tests.conftest import scenario
from toolkit.backends.docker.backend import DockerBackend
from toolkit.engine.containers import TRIAL_LABEL
from toolkit.records.store import Record
from toolkit.records.turns import block_records
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials
from toolkit.trial.model import Arm, Trial

if TYPE_CHECKING:
    from docker import DockerClient

Arms = tuple[Arm, Arm]
Turns = Callable[[Scenario], list[Record]]

pytestmark = pytest.mark.engine


def a_block(one: Scenario, arms: Arms) -> BlockTrials:
    return BlockTrials(tuple(Trial("docker-test", one, one.points()[0], 0, arm, 1) for arm in arms), "turns")


@pytest.fixture
def turns(docker_backend: DockerBackend, engine: DockerClient, image_arms: Arms) -> Iterator[Turns]:
    """Runs one block to its records, the GIL build's first, then checks that no container of it is left."""

    def run(one: Scenario) -> list[Record]:
        docker_backend.prepare(one, image_arms)
        assert docker_backend.apart_reason(one, image_arms) == ""
        block = a_block(one, image_arms)
        with closing(docker_backend.run(block, docker_backend.slots()[0])) as frames:  # type: ignore[type-var]
            return block_records(block, list(frames))

    yield run
    assert of_trials(engine) == []


def test_the_sample_apps_take_turns(turns: Turns) -> None:
    both = turns(short(load_scenario("asgi")))
    for one in both:
        assert one.rejections == []
        assert one.mode == "turns" and one.turns is not None and one.turns.idle_cpu is not None
        assert one.turns.idle_cpu < 0.003
        assert one.metrics.requests_per_second and one.metrics.memory_mb and one.metrics.working_set_mb
        assert one.server["outcome"]["serve_agent"]["code"] == 0
    assert [{worker["gil_enabled"] for worker in one.server["workers"]} for one in both] == [{True}, {False}]


def test_a_server_at_its_memory_limit_leaves_the_other_one_fine(turns: Turns) -> None:
    fine, faulty = turns(with_server(short(scenario("one_arm:eats_memory")), memory_bytes=LITTLE))
    assert faulty.outcome == "failed" and faulty.rejections[0].reason == "out-of-memory"
    assert fine.rejections == [] and fine.metrics.requests_per_second


def test_servers_share_a_cpuset_and_a_network_and_all_are_gone_when_the_block_is_broken_off(
    docker_backend: DockerBackend, engine: DockerClient, image_arms: Arms
) -> None:
    block = a_block(short(load_scenario("asgi")), image_arms)
    docker_backend.prepare(block.trials[0].scenario, image_arms)
    with closing(docker_backend.run(block, "here")) as frames:  # type: ignore[type-var]
        next(frame for frame in frames if frame["kind"] == "window_start")
        servers = [
            engine.containers.list(filters={"label": f"{TRIAL_LABEL}={trial.id}"})[0].attrs["HostConfig"]
            for trial in block.trials
        ]
        others = {
            str(one.name).rpartition("-")[2]: one.attrs
            for one in engine.containers.list(filters={"label": f"{TRIAL_LABEL}={block.id}"})
        }
    assert of_trials(engine) == []
    network = f"container:{others['network']['Id']}"
    for host in (*servers, others["load"]["HostConfig"]):
        assert host["NetworkMode"] == network
    assert {host["CpusetCpus"] for host in servers} == {",".join(map(str, docker_backend.cpus.server))}
    assert {host["Memory"] for host in servers} == {1 << 30}

"""Real trials in containers: good ones count, and every way of going wrong is named with the container's own words."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import accepted, scenario
from toolkit.agent.frames import Frame, gap
from toolkit.backends.docker.agent import ContainerAgent
from toolkit.backends.docker.backend import DockerBackend, limit_caveats
from toolkit.backends.docker.trial_containers import container_options
from toolkit.backends.trial_agents import AgentEvents
from toolkit.engine.containers import PURPOSE_LABEL, TRIAL_LABEL, OwnedContainer, create
from toolkit.errors import GilfreeError
from toolkit.host.cpus import CpuSplit
from toolkit.records.store import Record, record
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Scenario
from toolkit.trial.block import alone
from toolkit.trial.contract import AGENT_DIRECTORY, LOAD_PYTHON
from toolkit.trial.model import Arm, Trial

if TYPE_CHECKING:
    from docker import DockerClient

Arms = tuple[Arm, Arm]
Measure = Callable[..., Record]

LITTLE = 128 << 20
"""A thousand requests of 64 KiB each fill it, which the slowest machine answers in the window."""


def short(one: Scenario) -> Scenario:
    """The scenario as a trial of a few seconds, which no other work on the machine rejects."""
    load = one.load.model_copy(update={"validate_requests": 200})
    limits = one.limits.model_copy(update={"foreign_cpu": 1.0, "steal": 1.0})
    cut = one.model_copy(update={"load": load, "limits": limits})
    return cut.with_load(warmup_seconds=1, duration_seconds=1, max_seconds=6, rounds=1)


def a_trial(one: Scenario, arm: Arm) -> Trial:
    return Trial("docker-test", one, one.points()[0], 0, arm, 1)


@pytest.fixture
def measure(docker_backend: DockerBackend, engine: DockerClient, image_arms: Arms) -> Iterator[Measure]:
    """Runs one trial to its record, then checks that no container of it is left."""

    def run(one: Scenario, *, arm: Arm = image_arms[1]) -> Record:
        docker_backend.prepare(one, [arm])
        trial = a_trial(one, arm)
        with closing(docker_backend.run(alone(trial), docker_backend.slots()[0])) as frames:  # type: ignore[type-var]
            return record(trial, list(frames))

    yield run
    assert of_trials(engine) == []


def of_trials(engine: DockerClient) -> list[str]:
    return [str(one.name) for one in engine.containers.list(all=True, filters={"label": f"{PURPOSE_LABEL}=trial"})]


@pytest.mark.engine
@pytest.mark.parametrize("name", ["asgi", "wsgi"])
@pytest.mark.parametrize("side", [0, 1])
def test_the_sample_apps_are_measured_in_containers(measure: Measure, image_arms: Arms, name: str, side: int) -> None:
    one = accepted(lambda: measure(short(load_scenario(name)), arm=image_arms[side]))
    assert one.rejections == []
    assert one.backend == "docker"
    assert one.metrics.requests_per_second and one.metrics.requests_per_second > 100
    assert one.metrics.memory_mb and one.metrics.memory_mb > 5
    assert one.metrics.working_set_mb and one.metrics.working_set_mb > 5
    assert one.metrics.throttled_periods == 0
    assert {worker["gil_enabled"] for worker in one.server["workers"]} == {side == 0}
    assert one.server["outcome"]["serve_agent"]["code"] == 0
    assert one.server["cpus"] == list(one.server["outcome"]["cpus"]["server"])


@pytest.mark.engine
def test_both_containers_are_confined_and_gone_when_the_trial_is_broken_off(
    docker_backend: DockerBackend, engine: DockerClient, image_arms: Arms
) -> None:
    trial = a_trial(short(load_scenario("asgi")), image_arms[1])
    docker_backend.prepare(trial.scenario, image_arms)
    with closing(docker_backend.run(alone(trial), "here")) as frames:  # type: ignore[type-var]
        next(frame for frame in frames if frame["kind"] == "window_start")
        running = engine.containers.list(filters={"label": f"{TRIAL_LABEL}={trial.id}"})
        found = {str(one.name).rpartition("-")[2]: one for one in running}
        server, load = (found[side].attrs for side in ("serve", "load"))
    assert of_trials(engine) == []
    for one, limit in ((server, 1 << 30), (load, 256 << 20)):
        host = one["HostConfig"]
        assert (host["Memory"], host["MemorySwap"]) == (limit, limit)
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["PortBindings"]
        assert not any(one["NetworkSettings"]["Ports"].values())
    assert server["HostConfig"]["NetworkMode"] == "none"
    assert load["HostConfig"]["NetworkMode"] == f"container:{server['Id']}"
    pinned = [one["HostConfig"]["CpusetCpus"] for one in (server, load)]
    assert pinned == [",".join(map(str, cpus)) for cpus in (docker_backend.cpus.server, docker_backend.cpus.load)]


@pytest.mark.engine
@pytest.mark.parametrize("side", [0, 1])
def test_memory_really_taken_beyond_the_limit_is_out_of_memory(measure: Measure, image_arms: Arms, side: int) -> None:
    eats = with_server(short(scenario("faulty:eats_memory")), memory_bytes=LITTLE)
    one = measure(eats.with_load(duration_seconds=20), arm=image_arms[side])
    assert one.rejections[0].reason == "out-of-memory"
    assert f"{LITTLE:,} bytes" in one.rejections[0].detail
    assert "its container: exit code" in one.rejections[0].detail
    assert one.server["outcome"]["serve_agent"]["oom_killed"]
    assert one.server["outcome"]["memory_limit"].startswith("container, cgroup v")


@pytest.mark.engine
def test_a_server_that_dies_is_named_with_its_containers_exit(measure: Measure) -> None:
    one = measure(short(scenario("faulty:dies")).with_load(duration_seconds=20))
    assert one.rejections[0].reason == "server-died"
    assert "SIGKILL" in one.rejections[0].detail and "its container: exit code 0" in one.rejections[0].detail


@pytest.mark.engine
def test_a_container_that_is_killed_whole_is_named(
    docker_backend: DockerBackend, engine: DockerClient, image_arms: Arms
) -> None:
    trial = a_trial(short(scenario("faulty:right")), image_arms[1])
    docker_backend.prepare(trial.scenario, image_arms)
    frames = []
    for frame in docker_backend.run(alone(trial), "here"):
        frames.append(frame)
        if frame["kind"] == "window_start" and not frame["measured"]:
            engine.containers.get(f"{trial.id}-serve").kill()
    one = record(trial, frames)
    assert one.rejections[0].reason == "server-died"
    assert "exit code 137" in one.rejections[0].detail
    assert of_trials(engine) == []


@pytest.mark.engine
def test_garbage_in_the_log_between_frames_costs_no_frame(measure: Measure) -> None:
    one = accepted(lambda: measure(short(scenario("faulty:garbles"))))
    assert one.rejections == []


@pytest.mark.engine
def test_an_image_that_cannot_serve_is_a_finding_not_an_end(measure: Measure, engine: DockerClient) -> None:
    nothing = Arm("3.14t", "free-threaded", str(engine.images.get("debian:trixie-slim").id))
    one = measure(short(scenario("faulty:right")), arm=nothing)
    assert one.rejections[0].reason == "engine-refused"
    assert "python3" in one.rejections[0].detail


FRAMES = """
import sys
from gilfree_agent.frames import Emitter
emitter = Emitter("server", sys.stdout)
for number in range(200):
    emitter.emit("tick", number=number)
emitter.end()
"""


class BreaksOff(OwnedContainer):
    """A real container whose log's follower is cut after the first piece, as an engine that restarts would do."""

    def output(self) -> Iterator[bytes]:
        return islice(super().output(), 1)


@pytest.mark.engine
def test_a_follow_that_breaks_off_loses_no_frame_and_repeats_none(engine: DockerClient, apps: dict[str, str]) -> None:
    command = [LOAD_PYTHON, "-c", FRAMES]
    events: AgentEvents = queue.Queue()
    with create(engine, apps["load"], command, purpose="test", working_dir=AGENT_DIRECTORY) as made:
        one = BreaksOff(engine, made.container)
        one.start()
        agent = ContainerAgent("serve", one, events, "serve")
        frames: list[Frame] = []
        while (frame := events.get(timeout=30)[1]) is not None:
            frames.append(frame)
        assert agent.finish(5)["code"] == 0
    assert gap(frames) is None
    assert sorted(frame["seq"] for frame in frames) == list(range(201))


@pytest.mark.engine
def test_the_engine_itself_is_asked_which_cpus_it_has(docker_backend: DockerBackend) -> None:
    cpus = docker_backend.split_cpus(load_scenario("asgi"))
    assert cpus.server and cpus.load
    with pytest.raises(GilfreeError, match="physical cores"):
        docker_backend.split_cpus(with_server(load_scenario("asgi"), cpus=512))


def with_server(one: Scenario, **changes: int) -> Scenario:
    server = one.resources.server.model_copy(update=changes)
    return one.model_copy(update={"resources": one.resources.model_copy(update={"server": server})})


def test_an_own_app_has_a_network_and_the_sample_apps_have_none() -> None:
    arm = Arm("3.14", "gil", "image")
    modes = [
        container_options(a_trial(one, arm), "serve", CpuSplit((1,), (0,), ()), "")["network_mode"]
        for one in (load_scenario("asgi"), scenario("faulty:right"))
    ]
    assert modes == ["none", "bridge"]


def test_a_share_of_a_cpu_is_the_containers_quota() -> None:
    trial = a_trial(load_scenario("asgi"), Arm("3.14", "gil", "image"))
    cpus = CpuSplit((1,), (0,), (), server_quota=0.5)
    server = container_options(trial, "serve", cpus, "")
    load = container_options(trial, "load", cpus, "id")
    assert server["cpu_quota"] / server["cpu_period"] == 0.5
    assert "cpu_quota" not in load
    with pytest.raises(GilfreeError, match="cannot set a CPU quota"):
        limit_caveats({"CPUSet": True, "CpuCfsQuota": False}, cpus)


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"CPUSet": True, "MemoryLimit": True, "SwapLimit": True}, []),
        ({"CPUSet": True, "MemoryLimit": True, "SwapLimit": False}, ["cannot limit swap"]),
        ({"CPUSet": True, "MemoryLimit": False, "SwapLimit": False}, ["cannot limit memory"]),
    ],
)
def test_what_an_engine_cannot_limit_is_a_caveat(info: dict[str, Any], said: list[str]) -> None:
    found = limit_caveats(info, CpuSplit((1,), (0,), ()))
    assert len(found) == len(said) and all(words in caveat for words, caveat in zip(said, found, strict=True))


def test_an_engine_that_cannot_pin_is_refused() -> None:
    with pytest.raises(GilfreeError, match="cannot pin"):
        limit_caveats({"CPUSet": False}, CpuSplit((1,), (0,), ()))

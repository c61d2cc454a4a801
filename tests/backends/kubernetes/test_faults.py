"""Trials on a real cluster, in a restricted namespace: good ones count, every fault gets its name, nothing is left."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.backends.kubernetes.conftest import Make, Pushed
from tests.backends.kubernetes.live import Proxy, changed_kubeconfig, left, through
from tests.conftest import accepted, scenario
from toolkit.agent.frames import Frame
from toolkit.backends.kubernetes import pod_state
from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.client import Cluster
from toolkit.records.store import Record, record
from toolkit.scenario.cluster import ClusterSettings, SideResources
from toolkit.scenario.model import Scenario
from toolkit.trial.block import alone
from toolkit.trial.model import Arm, Trial

pytestmark = [pytest.mark.cluster, pytest.mark.engine]


def short(one: Scenario, seconds: int = 1) -> Scenario:
    """As little as still is a trial, on a machine that need not be quiet."""
    load = one.load.model_copy(update={"validate_requests": 200})
    limits = one.limits.model_copy(update={"foreign_cpu": 1.0, "steal": 1.0, "throttled_periods": 1.0})
    cut = one.model_copy(update={"load": load, "limits": limits})
    return cut.with_load(warmup_seconds=1, duration_seconds=seconds, rounds=1)


attempts = iter(range(1, 1000))


def a_trial(app: str, arm: Arm, seconds: int = 1) -> Trial:
    one = short(scenario(f"faulty:{app}"), seconds)
    return Trial("cluster-test", one, one.points()[0], 0, arm, next(attempts))


def measured(backend: KubernetesBackend, trial: Trial) -> tuple[Record, list[Frame]]:
    backend.prepare(trial.scenario, [trial.arm])
    with closing(backend.run(alone(trial), backend.slots()[0])) as frames:  # type: ignore[type-var]
        seen = list(frames)
    return record(trial, seen), seen


def reasons(one: Record) -> list[str]:
    return [rejection.reason for rejection in one.rejections]


def test_a_server_that_writes_garbage_between_frames_is_measured_on_a_cpu_of_its_own(
    backend_on: Make, images: Pushed
) -> None:
    backend = backend_on()
    one = accepted(lambda: measured(backend, a_trial("garbles", images.arm))[0])
    assert one.rejections == []
    assert one.backend == "kubernetes"
    assert one.metrics.requests_per_second and one.metrics.requests_per_second > 100
    outcome = one.server["outcome"]
    assert outcome["qos"] == "Guaranteed" and outcome["phase"] == "Succeeded"
    assert outcome["cpu_counts"] == {"server": 1}
    assert len(one.server["cpus"]) == 1, "the static CPU manager gives a whole CPU to the server alone"
    assert outcome["load_agent"]["code"] == 0


def test_a_pod_that_is_meant_to_be_throttled_is_kept_and_its_throttling_told(backend_on: Make, images: Pushed) -> None:
    meant = ClusterSettings(server=SideResources(cpus=0.4), throttling="measure", pinning="preferred")
    backend = backend_on(meant)

    def measure() -> Record:
        trial = a_trial("right", images.arm)
        strict = trial.scenario.limits.model_copy(update={"throttled_periods": 0.01})
        return measured(backend, replace(trial, scenario=trial.scenario.model_copy(update={"limits": strict})))[0]

    one = accepted(measure)
    assert one.rejections == []
    assert one.metrics.throttled_periods and one.metrics.throttled_periods > 0.2
    assert one.server["outcome"]["cpu_counts"] == {"server": None}


def test_a_server_that_eats_its_memory_is_killed_and_called_out_of_memory(backend_on: Make, images: Pushed) -> None:
    one, _ = measured(backend_on(), a_trial("eats_memory", images.arm, seconds=5))
    assert one.rejections[0].reason == "out-of-memory", one.rejections


def test_an_app_that_answers_500_is_called_wrong(backend_on: Make, images: Pushed) -> None:
    one, _ = measured(backend_on(), a_trial("status_500", images.arm))
    assert "wrong-answers" in reasons(one)
    assert "500" in next(found.detail for found in one.rejections if found.reason == "wrong-answers")


KILL = """
import os, pathlib
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    if (folder / "comm").read_text().strip() == "rewrk":
        os.kill(int(folder.name), 9)
"""


def test_a_loader_that_is_killed_is_named(backend_on: Make, images: Pushed) -> None:
    client, config, stream = (importlib.import_module(f"kubernetes.{part}") for part in ("client", "config", "stream"))
    backend, trial = backend_on(), a_trial("right", images.arm, seconds=4)
    backend.prepare(trial.scenario, [trial.arm])
    seen: list[Frame] = []
    with closing(backend.run(alone(trial), backend.slots()[0])) as frames:  # type: ignore[type-var]
        for frame in frames:
            seen.append(frame)
            if frame["kind"] == "window_start" and frame["name"] == "measure":
                api = client.CoreV1Api(config.new_client_from_config())
                pod = backend.watch.pods_of_job(trial.id)[-1]["metadata"]["name"]
                command = ["/usr/bin/python3", "-c", KILL]
                where = {"container": "load", "command": command, "stdout": True, "stderr": True}
                said = stream.stream(api.connect_get_namespaced_pod_exec, pod, backend.cluster.namespace, **where)
                assert said == ""
    one = record(trial, seen)
    assert one.rejections[0].reason == "load-failed"
    assert "SIGKILL" in one.rejections[0].detail


def test_an_image_that_does_not_exist_is_named_with_the_clusters_words(backend_on: Make, images: Pushed) -> None:
    nowhere = images.faulty.partition("@")[0] + "@sha256:" + "0" * 64
    one, _ = measured(backend_on(), a_trial("right", Arm("3.14t", "free-threaded", nowhere)))
    assert one.rejections[0].reason == "image-pull"
    assert nowhere in one.rejections[0].detail


def test_more_cpus_than_any_node_has_is_unschedulable_in_the_schedulers_words(
    backend_on: Make, images: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_state, "UNSCHEDULABLE_SECONDS", 1)
    backend = backend_on(ClusterSettings(server=SideResources(cpus=64)))
    one, _ = measured(backend, a_trial("right", images.arm))
    assert one.rejections[0].reason == "unschedulable"
    assert "Insufficient cpu" in one.rejections[0].detail


def test_an_exceeded_quota_is_named_and_the_job_is_gone(backend_on: Make, images: Pushed, namespace: Cluster) -> None:
    path = namespace.path("resourcequotas")
    namespace.create(path, {"metadata": {"name": "tight"}, "spec": {"hard": {"requests.cpu": "500m"}}})
    try:
        one, _ = measured(backend_on(), a_trial("right", images.arm))
    finally:
        namespace.delete(f"{path}/tight")
    assert one.rejections[0].reason == "quota"
    assert "exceeded quota: tight" in one.rejections[0].detail


def test_a_pod_that_is_deleted_during_its_trial_is_said_to_be(backend_on: Make, images: Pushed) -> None:
    backend, trial = backend_on(), a_trial("right", images.arm, seconds=4)
    backend.prepare(trial.scenario, [trial.arm])
    seen: list[Frame] = []
    with closing(backend.run(alone(trial), backend.slots()[0])) as frames:  # type: ignore[type-var]
        for frame in frames:
            seen.append(frame)
            if frame["kind"] == "window_start" and frame["name"] == "warmup":
                pod = backend.watch.pods_of_job(trial.id)[-1]["metadata"]["name"]
                backend.cluster.delete(backend.cluster.path("pods", pod), grace_seconds=0)
    one = record(trial, seen)
    assert one.rejections[0].reason == "pod-deleted"
    assert one.rejections[0].environmental


def test_a_trial_that_is_broken_off_leaves_nothing(backend_on: Make, images: Pushed) -> None:
    backend, trial = backend_on(), a_trial("right", images.arm, seconds=5)
    backend.prepare(trial.scenario, [trial.arm])
    with closing(backend.run(alone(trial), backend.slots()[0])) as frames:  # type: ignore[type-var]
        next(frame for frame in frames if frame["kind"] == "hello")
    backend.close()
    assert left(Cluster(None, backend.cluster.namespace)) == []


AWAY_SECONDS = 20


@pytest.fixture
def proxied(tmp_path: Path, namespace: Cluster) -> Iterator[tuple[Proxy, Cluster]]:
    """A connection to the cluster through a proxy that the test may cut; named before a backend, it outlives it."""
    made: list[Proxy] = []
    file = changed_kubeconfig(tmp_path, lambda config: made.append(through(Proxy, config)))
    yield made[0], Cluster(None, namespace.namespace, kubeconfig=file)
    made[0].close()


def test_a_trial_survives_an_api_server_that_is_away_for_20_seconds(
    proxied: tuple[Proxy, Cluster], backend_on: Make, images: Pushed
) -> None:
    proxy, cluster = proxied
    backend = backend_on(cluster=cluster)
    away: list[float] = []

    def measure() -> Record:
        trial = a_trial("right", images.arm, seconds=3)
        backend.prepare(trial.scenario, [trial.arm])
        seen: list[Frame] = []
        with closing(backend.run(alone(trial), backend.slots()[0])) as frames:  # type: ignore[type-var]
            for frame in frames:
                seen.append(frame)
                if frame["kind"] == "window_start" and frame["name"] == "warmup" and not away:
                    proxy.cut()
                    away.append(time.monotonic())
                    threading.Timer(AWAY_SECONDS, proxy.restore).start()
        if away:
            assert time.monotonic() - away[0] > AWAY_SECONDS, "it went on before the server was back"
        return record(trial, seen)

    one = accepted(measure)
    assert one.rejections == []

"""What a pod requests: all that the scheduler counts, what a mesh adds, and a main container that requests nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fleet.inventory.factory import container, service, workload
from toolkit.capacity.nodes.catalogue import MIB

WEB = container("web", "1", "512Mi")
NATIVE = container("side", "100m", "64Mi", restartPolicy="Always")


@pytest.mark.parametrize(
    ("pod", "requested", "other"),
    [
        ({"containers": [WEB, container("log", "100m", "64Mi")]}, (1100, 576), (100, 64)),
        ({"initContainers": [NATIVE]}, (1100, 576), (100, 64)),
        ({"initContainers": [container("init", "2", "64Mi")]}, (2000, 512), (0, 0)),
        ({"initContainers": [NATIVE, container("init", "2", "64Mi")]}, (2100, 576), (100, 64)),
        ({"overhead": {"cpu": "250m", "memory": "120Mi"}}, (1250, 632), (250, 120)),
        ({"resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}, (2000, 1024), (0, 0)),
        ({"resources": {"requests": {"cpu": "2"}}}, (2000, 512), (0, 0)),
        ({"resources": {"limits": {"cpu": "4", "memory": "4Gi"}}}, (1000, 512), (0, 0)),
        ({"resources": {"limits": {"cpu": "4", "memory": "4Gi"}}, "containers": [container()]}, (4000, 4096), (0, 0)),
    ],
)
def test_the_whole_pod_counts(pod: Any, requested: tuple[int, int], other: tuple[int, int]) -> None:
    one = service(workload(**pod))
    assert (one.cpu_millis, one.memory_bytes // MIB, one.problem) == (*requested, "")
    assert (one.other_cpu_millis, one.other_memory_bytes // MIB) == other


@pytest.mark.parametrize(
    ("pod", "problem"),
    [
        ({"containers": [container()]}, "its pods request no CPU and no memory"),
        (
            {"containers": [container(), container("log", "1", "1Gi")]},
            "its container web requests no CPU and no memory",
        ),
        ({"containers": [container(memory="1Gi"), container("log", "1", "1Gi")]}, "its container web requests no CPU"),
        ({"containers": [container()], "initContainers": [NATIVE]}, "its container web requests no CPU and no memory"),
        (
            {"containers": [container()], "initContainers": [container("init", "2", "1Gi")]},
            "its container web requests no CPU and no memory",
        ),
        ({"containers": [container()], "overhead": {"cpu": "250m"}}, "its pods request no CPU and no memory"),
        ({"containers": [container("istio-proxy", "1", "1Gi"), container()]}, "its container web requests no CPU"),
        ({"containers": []}, "its pods request no CPU and no memory"),
    ],
)
def test_a_main_container_without_requests_is_unknown_by_name_whatever_the_others_request(
    pod: Any, problem: str
) -> None:
    assert service(workload(**pod)).problem.startswith(problem)


def test_the_annotation_names_the_main_container() -> None:
    names = {"annotations": {"kubectl.kubernetes.io/default-container": "web"}}
    one = service(workload(containers=[container("log", "100m", "64Mi"), WEB], metadata=names))
    assert (one.cpu_millis, one.other_cpu_millis, one.problem) == (1100, 100, "")


@pytest.mark.parametrize(
    ("annotations", "labels", "proxy", "caveat"),
    [
        (
            {"sidecar.istio.io/proxyCPU": "600m", "sidecar.istio.io/proxyMemory": "256Mi"},
            {"sidecar.istio.io/inject": "true"},
            (600, 256),
            "its istio proxy is counted (cpu 600m, memory 256Mi)",
        ),
        ({}, {"sidecar.istio.io/inject": "true"}, (100, 128), "with that mesh's default (cpu 100m, memory 128Mi)"),
        ({"sidecar.istio.io/inject": "true"}, {}, (100, 128), "with that mesh's default"),
        ({"sidecar.istio.io/proxyCPU": "600m"}, {"sidecar.istio.io/inject": "false"}, (0, 0), ""),
        (
            {"linkerd.io/inject": "enabled", "config.linkerd.io/proxy-cpu-request": "50m"},
            {},
            (50, 0),
            "its linkerd proxy is counted without memory, which no annotation gives",
        ),
        ({"linkerd.io/inject": "disabled"}, {}, (0, 0), ""),
        ({"dapr.io/enabled": "true"}, {}, (0, 0), "its dapr proxy is counted without cpu and memory"),
    ],
)
def test_an_injected_proxy_counts_by_its_annotations(
    annotations: dict[str, str], labels: dict[str, str], proxy: tuple[int, int], caveat: str
) -> None:
    one = service(workload(metadata={"annotations": annotations, "labels": labels}))
    assert (one.other_cpu_millis, one.other_memory_bytes // MIB) == proxy
    assert (one.cpu_millis, one.memory_bytes // MIB) == (1000 + proxy[0], 512 + proxy[1])
    assert caveat in one.caveat and bool(caveat) == bool(one.caveat)


@pytest.mark.parametrize(
    ("of_namespace", "of_pods", "cpu_millis", "caveat"),
    [
        ({"labels": {"istio-injection": "enabled"}}, {}, 1100, "its istio proxy is counted with that mesh's default"),
        ({"labels": {"istio.io/rev": "stable"}}, {}, 1100, "its istio proxy"),
        ({"labels": {"istio-injection": "disabled", "istio.io/rev": "stable"}}, {}, 1000, ""),
        ({"labels": {"istio.io/dataplane-mode": "ambient"}}, {}, 1000, ""),
        ({"labels": {"istio-injection": "enabled"}}, {"labels": {"sidecar.istio.io/inject": "false"}}, 1000, ""),
        ({"annotations": {"linkerd.io/inject": "enabled"}}, {}, 1000, "its linkerd proxy is counted without cpu"),
        (
            {"annotations": {"linkerd.io/inject": "enabled"}},
            {"annotations": {"config.linkerd.io/proxy-cpu-request": "50m"}},
            1050,
            "its linkerd proxy",
        ),
    ],
)
def test_a_namespace_asks_for_the_proxies_of_pods_that_say_nothing_of_it(
    of_namespace: dict[str, Any], of_pods: dict[str, Any], cpu_millis: int, caveat: str
) -> None:
    namespace = {"kind": "Namespace", "metadata": {"name": "shop", **of_namespace}, "spec": {"finalizers": []}}
    one = service(workload(metadata=of_pods), namespace)
    assert one.cpu_millis == cpu_millis
    assert caveat in one.caveat and bool(caveat) == bool(one.caveat)


def test_a_runtime_class_without_its_overhead_is_a_caveat() -> None:
    assert service(workload(runtimeClassName="gvisor")).caveat == "overhead of its runtime class gvisor is not counted"
    assert not service(workload(runtimeClassName="gvisor", overhead={"cpu": "250m"})).caveat


def test_a_proxy_that_is_in_the_template_is_not_counted_twice() -> None:
    there = workload(
        containers=[WEB, container("istio-proxy", "200m", "128Mi")],
        metadata={"labels": {"sidecar.istio.io/inject": "true"}},
    )
    assert service(there).cpu_millis == 1200


@pytest.mark.parametrize(
    ("cpu", "memory", "meant"),
    [
        ("1", "1000mi", "did you mean Mi"),
        ("1", "6GiB", "did you mean Gi"),
        ("100 m", "1Gi", "did you mean 100m"),
        ("0,5", "1Gi", "did you mean 0.5"),
        ("1", "1e3Mi", "write 1000Mi"),
        ("1", "128m", "did you mean 128Mi"),
        ("1", "512", "is the unit missing? did you mean 512Mi"),
    ],
)
def test_a_unit_typed_wrong_is_that_services_problem_with_the_likely_meaning(cpu: str, memory: str, meant: str) -> None:
    assert meant in service(workload(containers=[container("web", cpu, memory)])).problem

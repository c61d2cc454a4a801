"""Usage from a real Prometheus that holds the history of a small cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.fleet.prometheus.server import History, evaluated, running, write_history
from toolkit.errors import GilfreeError
from toolkit.fleet.prometheus.client import access
from toolkit.fleet.prometheus.queries import HASH, RANDOM, Queries, Setting, Span, defaults
from toolkit.fleet.prometheus.usage import query_usage

HOURS = 6
SPAN = Span(total=HOURS * 3600, piece=2 * 3600)
REPLICAS = ("a", "b")


def counted(rates: dict[int, float], usual: float = 0.0) -> History:
    """A counter: each hour has its rate, those that are not named the usual one."""
    each = [rates.get(hour, usual) for hour in range(HOURS + 1)]
    return lambda second: sum(each[: second // 3600]) * 3600 + each[second // 3600] * (second % 3600)


def steady(value: float) -> History:
    """A gauge that does not change."""
    return lambda second: value


def labels(pod: str, **more: str) -> str:
    """Labels as PromQL writes them."""
    return ",".join(f'{name}="{value}"' for name, value in {"namespace": "shop", "pod": pod, **more}.items())


def owned(pod: str, kind: str, name: str) -> tuple[str, History]:
    """A series of kube_pod_owner."""
    return labels(pod, owner_kind=kind, owner_name=name, owner_is_controller="true"), steady(1)


ORDERS = ("orders-7d4b9c6f5-bcdfg", "orders-7d4b9c6f5-hjklm")
LONG = "a-service-with-a-name-so-long-that-kubernetes-cuts-that-o-x2z4w"
PODS = [*ORDERS, LONG, "db-0", "web-1", "cache-0"]


@pytest.fixture(scope="module")
def cluster(prometheus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two replicas of Prometheus measured these pods, and a store holds what both wrote. `orders` serves 200 requests/s
    in hour 2, with 1 CPU, and works through a queue in hour 4, with 6 CPUs."""
    folder = tmp_path_factory.mktemp("prometheus")
    end = int(time.time())
    requests = [
        (labels(pod, code=code, prometheus_replica=replica), counted({2: 45.0 if code == "200" else 5.0}, 1.0))
        for pod, code, replica in product(ORDERS, ("200", "500"), REPLICAS)
    ]
    cpu = [
        (labels(pod, container=container, prometheus_replica=replica), counted({2: 0.25, 4: 1.5}, 0.01))
        for pod, container, replica in product(ORDERS, ("web", "proxy"), REPLICAS)
    ]
    cpu += [
        (labels(pod, container="web", prometheus_replica=replica), counted({}, 0.5))
        for pod, replica in product((LONG, "db-0", "web-1", "cache-0"), REPLICAS)
    ]
    memory = [
        (labels(pod, container="web", prometheus_replica=replica), steady(1e8 + 1e6 * number))
        for (number, pod), replica in product(enumerate(PODS), REPLICAS)
    ]
    owners = [owned(pod, "ReplicaSet", "orders-7d4b9c6f5") for pod in ORDERS]
    owners += [owned(LONG, "ReplicaSet", "a-service-with-a-name-so-long-that-kubernetes-cuts-that-off-6b8c5f9d4")]
    owners += [(labels("web-1", owner_kind="<none>", owner_name="<none>", owner_is_controller="<none>"), steady(1))]
    owners += [owned("cache-0", "StatefulSet", name) for name in ("cache", "cache-of-before")]
    metrics = {
        "http_requests_total": requests,
        "container_cpu_usage_seconds_total": cpu,
        "container_memory_working_set_bytes": memory,
        "kube_pod_owner": owners,
    }
    write_history(prometheus_folder, folder, end - HOURS * 3600, end, metrics)
    with running(prometheus_folder, folder) as address:
        yield address


def test_requests_and_cpu_are_of_the_same_hours_and_replicas_count_once(cluster: str) -> None:
    found = query_usage(access(cluster), Queries(), SPAN)
    orders = found.figures["shop", "orders"]
    assert orders.rps == pytest.approx(100, rel=0.02)
    assert orders.cpu_at_peak_cores == pytest.approx(1, rel=0.02)
    assert orders.cpu_cores == pytest.approx(6, rel=0.02)
    assert orders.memory_bytes == 1.01e8
    assert "replicas of Prometheus (prometheus_replica: a, b) count once" in found.notes
    # What a sum without regard to replicas would say, of the same server.
    assert float(evaluated(cluster, _at_peak("sum(rate(http_requests_total[5m]))"))["result"][0]["value"][1]) > 190


def _at_peak(query: str) -> str:
    return f"max_over_time(({query})[{HOURS}h:5m])"


def test_owners_are_those_that_the_cluster_names_and_the_alphabet_is_for_the_rest(cluster: str) -> None:
    found = query_usage(access(cluster), Queries(), SPAN)
    # The pod's name is cut, so that no pattern finds its Deployment; db-0 has no kube_pod_owner; web-1 has no owner; and
    # cache-0 has two, as while a StatefulSet of another name takes it over.
    known = {name for _, name in found.figures} - {"cache", "cache-of-before"}
    assert known == {"orders", "a-service-with-a-name-so-long-that-kubernetes-cuts-that-off", "db"}
    assert len(found.figures) > len(known)
    assert not any("name no service" in words for words in found.notes)  # a pod without an owner is nothing unusual


def test_a_server_that_takes_fewer_samples_is_asked_in_shorter_pieces(prometheus_folder: Path, tmp_path: Path) -> None:
    end = int(time.time())
    series = [
        (labels(f"orders-{HASH}-{RANDOM[number]}bcdf", container="web"), counted({3: 1.0})) for number in range(20)
    ]
    write_history(prometheus_folder, tmp_path, end - HOURS * 3600, end, {"container_cpu_usage_seconds_total": series})
    said: list[str] = []
    # An hour of 12 steps fits, six hours do not.
    with running(prometheus_folder, tmp_path, options=["--query.max-samples=1500"]) as address:
        whole = Span(total=HOURS * 3600, piece=HOURS * 3600)
        query = whole.highest(defaults(Setting("none"), 300)["cpu"])
        with pytest.raises(HTTPError, match="422"):
            evaluated(address, query, start=end - 5 * 3600, end=end, step=3600)
        found = query_usage(access(address), Queries(), whole, said.append)
    assert found.figures["shop", "orders"].cpu_cores == pytest.approx(20, rel=0.02)
    assert len(said) > 1
    assert any("query requests found no service: http_requests_total is only" in words for words in found.notes)


SERVICES, WRITTEN, PODS_OF_EACH, SERIES_OF_A_POD = 5000, 4, 4, 20


@pytest.fixture(scope="module")
def many(prometheus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """WRITTEN services of a cluster of SERVICES: four pods each, of two containers and 20 series of requests."""
    folder, end = tmp_path_factory.mktemp("many"), int(time.time())
    pods = [(f"web{one}-{HASH[:9]}", f"{RANDOM[two]}bcdf") for one in range(WRITTEN) for two in range(PODS_OF_EACH)]
    names = [f"{owner}-{ending}" for owner, ending in pods]
    containers = [labels(pod, container=container) for pod in names for container in ("web", "proxy")]
    metrics = {
        "http_requests_total": [
            (labels(pod, path=str(path)), counted({}, 1.0)) for pod in names for path in range(SERIES_OF_A_POD)
        ],
        "container_cpu_usage_seconds_total": [(one, counted({}, 0.1)) for one in containers],
        "container_memory_working_set_bytes": [(one, steady(1e8)) for one in containers],
        "kube_pod_owner": [owned(pod, "ReplicaSet", owner) for pod, (owner, _) in zip(names, pods, strict=True)],
    }
    write_history(prometheus_folder, folder, end - HOURS * 3600, end, metrics)
    with running(prometheus_folder, folder) as address:
        yield address


@pytest.mark.parametrize("setting", [Setting("all"), Setting("some"), Setting("none"), Setting("all", ("replica",))])
def test_no_query_holds_50_million_samples_at_5000_services(many: str, setting: Setting) -> None:
    """The server says how many samples a query holds at once; they grow with the services and with the time asked for."""
    end, span = int(time.time()), Span()
    pieces = span.piece / (HOURS * 3600) * (2 if setting.replica_labels else 1)  # each replica writes all series
    for query in defaults(setting, span.window).values():
        data = evaluated(many, span.highest(query), start=end - HOURS * 3600 + span.step, end=end, step=span.step)
        assert len(data["result"]) == WRITTEN
        assert data["stats"]["samples"]["peakSamples"] / WRITTEN * SERVICES * pieces < 50e6


def test_two_clusters_are_not_added_up(prometheus_folder: Path, tmp_path: Path) -> None:
    end = int(time.time())
    series = [
        (labels("db-0", container="web", cluster=name), steady(1e8 * size)) for name, size in (("a", 1), ("b", 2))
    ]
    write_history(prometheus_folder, tmp_path, end - HOURS * 3600, end, {"container_memory_working_set_bytes": series})
    with running(prometheus_folder, tmp_path) as address:
        with pytest.raises(GilfreeError, match=r"figures of 2 clusters, a, b: .*\n.*select: 'cluster=\"a\"'"):
            query_usage(access(address), Queries(), SPAN)
        found = query_usage(access(address), Queries(select='cluster="b"'), SPAN)
    assert found.figures["shop", "db"].memory_bytes == 2e8


def test_a_replica_that_is_down_by_now_does_not_double_the_days_before(prometheus_folder: Path, tmp_path: Path) -> None:
    """And kube-state-metrics, which came late, is no reason to forget them."""
    begin, now = int(time.time()) - HOURS * 3600, int(time.time())
    pod = "orders-7d4b9c6f5-bcdfg"
    both = [(labels(pod, prometheus_replica=name), counted({2: 50.0}, 1.0)) for name in REPLICAS]
    for end, metrics in (
        (begin + 3 * 3600, {"http_requests_total": both}),
        (now, {"http_requests_total": both[:1], "kube_pod_owner": [owned(pod, "ReplicaSet", "orders-7d4b9c6f5")]}),
    ):
        write_history(prometheus_folder, tmp_path, max(begin, end - 3 * 3600), end, metrics, begin)
    with running(prometheus_folder, tmp_path) as address:
        found = query_usage(access(address), Queries(), SPAN)
    assert found.figures["shop", "orders"].rps == pytest.approx(50, rel=0.02)

"""From what Prometheus answers to the figures of services: nothing counts twice, and what does not count is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet.prometheus.answering import Answers, vector
from toolkit.errors import GilfreeError
from toolkit.fleet.prometheus.client import access
from toolkit.fleet.prometheus.queries import HASH, RANDOM, Queries, read_queries, workload_of
from toolkit.fleet.prometheus.usage import query_usage
from toolkit.fleet.usage import FleetUsage, Usage

QUERIES = Queries(figures=(("rps", "max_over_time(a)"), ("cpu_p95", "max_over_time(b)"), ("memory_max", "c")))
ORDERS = {"namespace": "shop", "deployment": "orders"}


def asked(answers: Answers, rps: object, cpu: object = None, memory: object = None) -> FleetUsage:
    """Usage from these answers to the three queries."""
    several = (rps, cpu or vector((ORDERS, "1")), memory or vector((ORDERS, "2e8")))
    answers.answers = {query: (200, answer) for (_, query), answer in zip(QUERIES.figures, several, strict=True)}
    return query_usage(access(answers.url), QUERIES)


def test_three_queries_make_a_services_usage(answers: Answers) -> None:
    cart = {"namespace": "shop", "workload": "cart"}
    found = asked(answers, vector((ORDERS, "120.5")), vector((ORDERS, "0.75"), (cart, "2")))
    assert found.figures == {("shop", "orders"): Usage(120.5, 0.75, 2e8), ("shop", "cart"): Usage(None, 2.0, None)}
    assert found.notes == ()


def test_pods_are_added_up_to_their_deployment_but_memory_is_the_largest_pods(answers: Answers) -> None:
    pods = [{"namespace": "shop", "pod": f"orders-api-7d4b9c6f5-{end}"} for end in ("bcdfg", "hjklm")]
    one = vector((pods[0], "10"), (pods[1], "20"))
    assert asked(answers, one, one, one).figures == {("shop", "orders-api"): Usage(30.0, 30.0, 20.0)}


def test_two_replicas_of_prometheus_do_not_double_a_rate(answers: Answers) -> None:
    both = [({**ORDERS, "prometheus_replica": name}, value) for name, value in (("a", "2500"), ("b", "2490"))]
    found = asked(answers, vector(*both), vector(*both), vector(*both))
    assert found.figures["shop", "orders"] == Usage(2500, 2500, 2500)
    assert found.notes == ("replicas of Prometheus (prometheus_replica: a, b) count once",)


def test_results_that_differ_in_another_label_are_refused_by_its_name(answers: Answers) -> None:
    parts = vector(({**ORDERS, "code": "200"}, "10"), ({**ORDERS, "code": "500"}, "1"))
    with pytest.raises(
        GilfreeError, match=r"2 results for shop/orders that differ only in code\n.*`sum without \(code\)"
    ):
        asked(answers, parts)


def test_values_that_are_no_numbers_are_named_and_left_unknown(answers: Answers) -> None:
    several = [({"namespace": "shop", "deployment": name}, value) for name, value in (("a", "NaN"), ("b", "+Inf"))]
    found = asked(answers, vector((ORDERS, "5"), *several))
    assert found.figures["shop", "orders"].rps == 5
    assert ("shop", "a") not in found.figures
    assert found.notes == ("query rps: values that are NaN, infinite or negative do not count: shop/a, shop/b",)


def test_warnings_empty_queries_and_nameless_results_are_said(answers: Answers) -> None:
    warned = vector((ORDERS, "1"), ({"job": "x"}, "1"), warnings=("store-2: context deadline exceeded",))
    found = asked(answers, vector(), warned)
    assert found.figures["shop", "orders"] == Usage(None, 1, 2e8)
    assert found.notes == (
        "Prometheus warns, so that figures may be too low: store-2: context deadline exceeded",
        "query cpu_p95: results with these labels name no service and do not count: job",
        "query rps found no service",
    )


def test_nothing_at_all_and_results_without_names_are_refused(answers: Answers) -> None:
    empty = vector()
    with pytest.raises(
        GilfreeError, match=r"found nothing for any query \(rps, cpu_p95, memory_max\)\n.*X-Scope-OrgID"
    ):
        asked(answers, empty, empty, empty)
    with pytest.raises(GilfreeError, match="no result of the query rps names a service; its labels are job"):
        asked(answers, vector(({"job": "x"}, "1")))


def test_a_rate_of_this_moment_is_said_not_to_be_the_peak(answers: Answers) -> None:
    answers.answers = {"rate(x[5m])": (200, vector((ORDERS, "1")))}
    with_rps = Queries(figures=(("rps", "rate(x[5m])"), *QUERIES.figures[1:]))
    assert any("query rps asks for this moment" in words for words in query_usage(access(answers.url), with_rps).notes)


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("orders-api-7d4b9c6f5-bcdfg", "orders-api"),
        ("orders-5c-x2z4w", "orders"),
        ("db-0", "db"),
        ("node-agent-x2z4w", "node-agent"),
        ("my-python-server", None),  # vowels: no generated name
        ("backup-28391021-x2z4w", "backup-28391021"),  # of a CronJob: its number holds a 0, no hash does
    ],
)
def test_names_of_pods_are_read_in_the_alphabet_of_kubernetes(pod: str, workload: str | None) -> None:
    assert workload_of(pod) == workload


@given(
    st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True),
    st.text(HASH, min_size=8, max_size=10),
    st.text(RANDOM, min_size=5, max_size=5),
)
def test_every_deployment_is_found_again_from_its_pods_name(name: str, digits: str, end: str) -> None:
    assert workload_of(f"{name}-{digits}-{end}") == name


def test_own_queries_replace_the_defaults_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "queries.yaml"
    file.write_text(
        "requests: sum by (namespace, deployment) (rate(istio_requests_total[5m]))\nselect: 'cluster=\"a\"'\n"
    )
    found = read_queries(file)
    assert found.moments == (("requests", "sum by (namespace, deployment) (rate(istio_requests_total[5m]))"),)
    assert (found.figures, found.select, found.uses_defaults) == ((), 'cluster="a"', True)
    file.write_text("rsp: x\n")
    with pytest.raises(GilfreeError, match=r"unknown key 'rsp'\n.*did you mean 'rps'"):
        read_queries(file)
    file.write_text("requests: x\nrps: y\n")
    with pytest.raises(GilfreeError, match="both requests and rps are given"):
        read_queries(file)

"""Usage from Prometheus, queried over real HTTP on this machine."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import GilfreeError
from toolkit.fleet.prometheus import DEFAULT_QUERIES, TOKEN_VARIABLE, query_usage, read_queries
from toolkit.fleet.usage import Usage

QUERIES = {"rps": "a", "cpu_p95": "b", "memory_max": "c"}


class Prometheus(ThreadingHTTPServer):
    """Answers queries with what a test puts into `answers`, by query; records the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.requests: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    """One request."""

    server: Prometheus

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = urllib.parse.parse_qs(body)["query"][0]
        self.server.requests.append((self.path, self.headers.get("Authorization")))
        status, data = self.server.answers.get(query, (200, vector()))
        text = data if isinstance(data, str) else json.dumps(data)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def vector(*results: tuple[dict[str, str], str]) -> dict[str, Any]:
    """A query's answer as Prometheus gives it."""
    found = [{"metric": labels, "value": [1.0, value]} for labels, value in results]
    return {"status": "success", "data": {"resultType": "vector", "result": found}}


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    """A server on this machine."""
    made = Prometheus()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_three_queries_make_a_services_usage(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    orders = {"namespace": "shop", "deployment": "orders"}
    prometheus.answers = {
        "a": (200, vector((orders, "120.5"))),
        "b": (200, vector((orders, "0.75"), ({"namespace": "shop", "workload": "cart"}, "2"))),
        "c": (200, vector((orders, "2e8"))),
    }
    assert query_usage(prometheus.url + "/", QUERIES) == {
        ("shop", "orders"): Usage(120.5, 0.75, 2e8),
        ("shop", "cart"): Usage(None, 2.0, None),
    }
    assert prometheus.requests == [("/api/v1/query", "Bearer secret")] * 3


def test_pods_are_added_up_to_their_deployment_but_memory_is_the_largest_pods(prometheus: Prometheus) -> None:
    pods = [{"namespace": "shop", "pod": f"orders-api-7d4b9c6f5-{end}"} for end in ("abcde", "fghij")]
    answer = (200, vector((pods[0], "10"), (pods[1], "20")))
    prometheus.answers = {"a": answer, "b": answer, "c": answer}
    assert query_usage(prometheus.url, QUERIES) == {("shop", "orders-api"): Usage(30.0, 30.0, 20.0)}


def test_a_figure_that_is_none_is_left_unknown(prometheus: Prometheus) -> None:
    orders = {"namespace": "shop", "deployment": "orders"}
    prometheus.answers = {
        "a": (200, vector((orders, "5"))),
        "b": (200, vector((orders, "NaN"), ({"namespace": "x", "deployment": "y"}, "1"))),
    }
    assert query_usage(prometheus.url, QUERIES)["shop", "orders"] == Usage(5.0, None, None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (400, {"status": "error", "error": "parse error: unexpected end"}),
            r"refused the query rps: 400: parse error",
        ),
        ((503, "down"), r"refused the query rps: 503"),
        ((200, "<html>"), r"does not answer: Expecting value"),
        ((200, {"a": 1}), r"does not answer as Prometheus does"),
        (
            (200, {"status": "success", "data": {"resultType": "matrix", "result": []}}),
            r"rps does not return a vector: matrix",
        ),
        ((200, vector(({"job": "x"}, "1"))), r"no result of the query rps names a service; its labels are job"),
    ],
)
def test_every_way_of_not_answering_is_named(prometheus: Prometheus, answer: tuple[int, Any], said: str) -> None:
    prometheus.answers = {"a": answer}
    with pytest.raises(GilfreeError, match=said):
        query_usage(prometheus.url, QUERIES)


def test_no_server_and_no_address_are_named(prometheus: Prometheus) -> None:
    free = Prometheus()
    free.server_close()
    with pytest.raises(GilfreeError, match=r"does not answer: .*refused"):
        query_usage(free.url, QUERIES)
    with pytest.raises(GilfreeError, match="'file:///etc/passwd' is not an address"):
        query_usage("file:///etc/passwd", QUERIES)


def test_own_queries_replace_the_defaults_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "queries.yaml"
    file.write_text("rps: sum by (namespace, deployment) (rate(istio_requests_total[5m]))\n")
    found = read_queries(file)
    assert "istio" in found["rps"]
    assert found["cpu_p95"] == DEFAULT_QUERIES["cpu_p95"]
    file.write_text("rsp: x\n")
    with pytest.raises(GilfreeError, match=r"unknown key 'rsp'\n.*did you mean 'rps'"):
        read_queries(file)

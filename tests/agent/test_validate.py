"""Answers are validated at the load's concurrency, and the observer takes less than 1% of a load."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent.validate import Observer, pause_seconds, validate_burst

PROBE = {"path": "/", "status": 200, "text": "right"}


class Server(http.server.ThreadingHTTPServer):
    """Answers as `answer` says; counts requests and connections."""

    request_queue_size = 128

    def __init__(self, answer: Callable[[int], tuple[int, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests = self.connections = 0
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests += 1
            number = self.server.requests
        status, body = self.server.answer(number)
        self.wfile.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(answer: Callable[[int], tuple[int, bytes]]) -> Iterator[Server]:
    server = Server(answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_every_answer_of_a_burst_is_checked_at_full_concurrency() -> None:
    all_there = threading.Barrier(24)

    def answer(number: int) -> tuple[int, bytes]:
        if number <= 24:
            all_there.wait(30)  # the first requests are answered when the server has one on each connection
        return (500, b"") if number % 50 == 0 else (200, b"right")

    with serving(answer) as server:
        found = validate_burst("127.0.0.1", server.port, PROBE, 500, 60, 24)
        assert (found.count, found.wrong, found.errors) == (server.requests, 10, 0)
        assert server.connections == 24
    assert found.first_problem == "status 500, expected 200"


def test_a_burst_ends_after_its_number_of_requests() -> None:
    with serving(lambda number: (200, b"right")) as server:
        found = validate_burst("127.0.0.1", server.port, PROBE, 37, 10, 4)
    assert (found.count, found.wrong, found.errors, server.connections) == (37, 0, 0, 4)


def test_a_burst_reports_the_sizes_of_answers_with_their_heads() -> None:
    with serving(lambda number: (200, b"%d" % number)) as server:
        found = validate_burst("127.0.0.1", server.port, {**PROBE, "any_body": True}, 12, 10, 1)
    head = len(b"HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n")
    assert found.summary()["sizes"] == (head + 1, head + 2)


def test_wrong_bodies_are_told_from_right_ones_of_the_same_size() -> None:
    with serving(lambda number: (200, b"wrong" if number == 3 else b"right")) as server:
        found = validate_burst("127.0.0.1", server.port, PROBE, 10, 10, 2)
    assert (found.count, found.wrong) == (10, 1)


def test_a_server_that_is_gone_makes_errors_and_no_endless_burst() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = validate_burst("127.0.0.1", port, PROBE, None, 60, 3)
    assert found.errors == found.count == 30 and found.first_problem == "Connection refused"


def test_a_server_that_closes_without_an_answer_makes_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:

        def hang_up() -> None:
            for _ in range(10):
                connection = closing.accept()[0]
                connection.recv(4096)
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        found = validate_burst("127.0.0.1", closing.getsockname()[1], PROBE, None, 60, 1)
        thread.join()
    assert found.errors == 10 and "without an answer" in found.first_problem


@given(latency_ms=st.floats(0.05, 30_000), connections=st.integers(1, 4096))
def test_the_observer_takes_less_than_one_percent_of_requests_and_of_slots(latency_ms: float, connections: int) -> None:
    cycle_ms = latency_ms + 1000 * pause_seconds(latency_ms, connections, None)
    of_requests = (1 / cycle_ms) / (connections / latency_ms)  # the load's requests by Little's law
    of_slots = (latency_ms / cycle_ms) / connections
    assert of_requests < 0.01 and of_slots < 0.01


@given(st.floats(0.05, 30_000), st.integers(1, 4096), st.floats(0.1, 100_000))
def test_at_a_constant_rate_it_takes_less_than_one_percent_of_the_rate(
    latency_ms: float, connections: int, rate_rps: float
) -> None:
    of_rate = 1 / (latency_ms / 1000 + pause_seconds(latency_ms, connections, rate_rps)) / rate_rps
    assert of_rate < 0.01


def test_each_request_of_the_observer_has_a_connection_of_its_own() -> None:
    fifth = threading.Event()

    def answer(number: int) -> tuple[int, bytes]:
        if number == 5:
            fifth.set()
        return 200, b"right"

    with serving(answer) as server:
        observer = Observer("127.0.0.1", server.port, PROBE, connections=100, rate_rps=None)
        assert fifth.wait(30)
        found = observer.stop()
        assert server.connections == server.requests == found.count
    assert found.wrong == found.errors == 0


@pytest.mark.parametrize("connections", [1, 12])
def test_the_observer_waits_longer_the_slower_the_answers_and_the_fewer_the_connections(connections: int) -> None:
    assert pause_seconds(120, connections, None) == pytest.approx(12 / connections)


def test_the_observer_begins_with_a_pause_where_the_window_before_showed_how_slow_answers_are() -> None:
    with serving(lambda number: (200, b"right")) as server:
        observer = Observer("127.0.0.1", server.port, PROBE, connections=1, rate_rps=None, latency_ms=60_000)
        assert observer.stop().count == server.requests == 0

"""Validated requests: the agent checks answers, because the load generators do not.

rewrk checks neither status nor body and counts failed requests, so the agent sends requests of its own: many before,
after and, in a second that is not counted, at the load's full number of connections; and a few during the load itself.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import Answer, AnswerReader, BadAnswer

TIMEOUT_SECONDS = 30.0
OBSERVER_SHARE = 100
"""One request of the observer to so many of the load at the most, and so of the time that the server spends on requests."""

OBSERVER_PAUSE_SECONDS = 0.025
"""The shortest pause: at answers of less than a millisecond the agent's own CPU would be seen."""

ERRORS_PER_CONNECTION = 10
"""So many requests without an answer end a connection's part of a burst: the server is gone."""


@dataclass
class Tally:
    """Counts and latencies of validated requests. `wrong`: wrong answers; `errors`: requests without an answer.

    `sizes`: smallest and largest answer in bytes with its head; None before the first.
    """

    count: int = 0
    wrong: int = 0
    errors: int = 0
    first_problem: str = ""
    latency_ms: list[float] = field(default_factory=list)
    sizes: tuple[int, int] | None = None

    def add(self, problem: str, is_error: bool, latency_ms: float, size: int | None = None) -> None:
        """Count one request. `problem`: "" for a correct answer; `is_error`: there was no answer; `size` of it in bytes."""
        self.count += 1
        self.latency_ms.append(latency_ms)
        if size is not None:
            low, high = self.sizes or (size, size)
            self.sizes = (min(low, size), max(high, size))
        if problem:
            self.errors += is_error
            self.wrong += not is_error
            self.first_problem = self.first_problem or problem[:300]

    def summary(self) -> dict[str, Any]:
        """The counts, the first problem, the latencies' median, largest and sum, and the range of sizes, as frames have them."""
        ordered = sorted(self.latency_ms)
        return {
            "count": self.count,
            "wrong": self.wrong,
            "errors": self.errors,
            "first_problem": self.first_problem,
            "latency_median_ms": round(ordered[len(ordered) // 2], 3) if ordered else None,
            "latency_max_ms": round(ordered[-1], 3) if ordered else None,
            "latency_total_ms": round(sum(ordered), 3),
            "sizes": self.sizes,
        }


def mismatch(probe: Mapping[str, Any], status: int, body: bytes) -> str:
    """What is wrong with an answer, as a message; "" when it is the expected one."""
    if status != probe["status"]:
        return f"status {status}, expected {probe['status']}"
    if probe.get("any_body"):
        return ""
    if "text" in probe:
        return (
            ""
            if body.decode(errors="replace") == probe["text"]
            else f"body {body[:100]!r}, expected {probe['text'][:100]!r}"
        )
    try:
        same = json.loads(body) == probe["json"]
    except ValueError:
        same = False
    return "" if same else f"body {body[:100]!r}, expected {json.dumps(probe['json'])[:100]}"


@dataclass
class _Connection:
    """One connection of a burst. `since`: when the request under way began, with its connecting; None: there is none.
    `refused`: what connecting returned at once, as an errno.
    """

    socket: socket.socket | None = None
    connected: bool = False
    refused: int = 0
    since: float | None = None
    errors: int = 0
    reader: AnswerReader = field(default_factory=AnswerReader)


class Burst:
    """Validated requests over several connections at once, in one thread: each connection asks again when it is answered.

    probe: path, status and one of json, text or any_body. requests: at most so many; None: as many as the time allows.
    """

    def __init__(self, host: str, port: int, probe: Mapping[str, Any], requests: int | None, tally: Tally) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._family, self._address = family, address
        # The request that rewrk sends: an answer can depend on the headers, and sizes are compared with rewrk's.
        self._request = f"GET {probe['path']} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode()
        self._probe, self._left, self._tally = probe, requests, tally
        self._right: tuple[int, bytes] | None = None
        self._selector = selectors.DefaultSelector()

    def run(self, seconds: float, connections: int) -> None:
        """Ask for `seconds`, once at least on each connection, then wait for the answers under way."""
        end = time.monotonic() + seconds
        for _ in range(connections):
            self._begin(_Connection())
        while self._selector.get_map():
            for key, _ in self._selector.select(timeout=0.1):
                one: _Connection = key.data
                if one.connected:
                    self._receive(one)
                else:
                    self._connect(one)
                if one.since is None and one.errors < ERRORS_PER_CONNECTION and time.monotonic() < end:
                    self._begin(one)
                elif one.since is None:
                    self._close(one)
            self._give_up()
        self._selector.close()

    def _begin(self, one: _Connection) -> None:
        """Send the next request; over a new connection where the last one is closed."""
        if self._left is not None:
            if self._left <= 0:
                self._close(one)
                return
            self._left -= 1
        one.since = time.perf_counter()
        if one.socket is not None:
            self._send(one)
            return
        try:
            one.socket = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError:  # no more open files for this process: the burst goes on with fewer connections
            one.since, one.errors = None, ERRORS_PER_CONNECTION
            return
        one.reader, one.connected = AnswerReader(), False
        one.socket.setblocking(False)
        one.refused = one.socket.connect_ex(self._address)
        self._selector.register(one.socket, selectors.EVENT_WRITE, one)

    def _connect(self, one: _Connection) -> None:
        assert one.socket is not None
        under_way = one.refused in (0, errno.EINPROGRESS)
        code = one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if under_way else one.refused
        if code:
            self._failed(one, os.strerror(code))
            return
        one.connected = True
        self._selector.modify(one.socket, selectors.EVENT_READ, one)
        self._send(one)

    def _send(self, one: _Connection) -> None:
        assert one.socket is not None
        try:
            one.socket.sendall(self._request)  # one request of some hundred bytes always fits into the socket's buffer
        except OSError as error:
            self._failed(one, str(error))

    def _receive(self, one: _Connection) -> None:
        assert one.socket is not None
        try:
            data = one.socket.recv(1 << 18)
            answer = one.reader.feed(data) if data else one.reader.closed()
        except BlockingIOError:
            return
        except (OSError, BadAnswer) as error:
            self._failed(one, f"{type(error).__name__}: {error}")
            return
        if answer is not None:
            self._answered(one, answer)
        elif not data:
            self._failed(one, "the server closed the connection without an answer")

    def _answered(self, one: _Connection, answer: Answer) -> None:
        assert one.since is not None
        latency_ms = (time.perf_counter() - one.since) * 1000
        problem = ""
        if (answer.status, answer.body) != self._right:
            problem = mismatch(self._probe, answer.status, answer.body)
            if problem and answer.location:  # a redirect where an answer was expected: the message says where to
                problem += f"; Location: {answer.location}"
            if not problem:
                self._right = (answer.status, answer.body)
        self._tally.add(problem, False, latency_ms, answer.wire_bytes)
        one.since = None
        if answer.closes:
            self._close(one)

    def _failed(self, one: _Connection, problem: str) -> None:
        assert one.since is not None
        self._tally.add(problem, True, (time.perf_counter() - one.since) * 1000)
        one.since, one.errors = None, one.errors + 1
        self._close(one)

    def _close(self, one: _Connection) -> None:
        if one.socket is not None:
            self._selector.unregister(one.socket)
            one.socket.close()
            one.socket = None

    def _give_up(self) -> None:
        """End the requests that have no answer within TIMEOUT_SECONDS, and their connections."""
        now = time.perf_counter()
        for key in list(self._selector.get_map().values()):
            if key.data.since is not None and now - key.data.since > TIMEOUT_SECONDS:
                self._failed(key.data, f"no answer within {TIMEOUT_SECONDS:.0f} s")


def validate_burst(
    host: str, port: int, probe: Mapping[str, Any], requests: int | None, seconds: float, connections: int
) -> Tally:
    """Send validated requests for `seconds`, at most `requests`, over several connections at once; all are answered or given up."""
    tally = Tally()
    Burst(host, port, probe, requests, tally).run(seconds, connections)
    return tally


class Observer:
    """Validated requests while a load runs: less than 1% of its requests, see `pause_seconds`.

    Each has a connection of its own, by which the kernel assigns it to one of the server's workers: all are met in turn.
    connections: None where the load is not measured; the observer may then ask more often. latency_ms: what an answer took
    in the window before, after which the first pause is taken; None: the first request is sent at once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        probe: Mapping[str, Any],
        connections: int | None,
        rate_rps: float | None,
        latency_ms: float | None = None,
    ) -> None:
        self.tally, self._latency_ms = Tally(), latency_ms
        self._server, self._connections, self._rate_rps = (host, port, probe), connections, rate_rps
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._latency_ms is not None:
            self._done.wait(pause_seconds(self._latency_ms, self._connections, self._rate_rps))
        while not self._done.is_set():
            Burst(*self._server, requests=1, tally=self.tally).run(0, connections=1)
            self._done.wait(pause_seconds(self.tally.latency_ms[-1], self._connections, self._rate_rps))

    def stop(self) -> Tally:
        """Stop, and return the tally. Waits for a request in flight, since it may be the one that stalls."""
        self._done.set()
        self._thread.join()
        return self.tally


def pause_seconds(latency_ms: float, connections: int | None, rate_rps: float | None) -> float:
    """How long the observer waits after an answer that took `latency_ms`.

    A load of `connections` as fast as answers arrive makes connections / latency requests a second; one at a constant
    rate makes `rate_rps` (None where there is no rate). Without either only the shortest pause is kept.
    """
    of_latency = OBSERVER_SHARE * latency_ms / 1000 / connections if connections else 0.0
    of_rate = OBSERVER_SHARE / rate_rps if rate_rps else 0.0
    return max(OBSERVER_PAUSE_SECONDS, of_latency, of_rate)


def get_json(host: str, port: int, path: str) -> Any:
    """The JSON at `path`, over a new connection, so that several calls reach every worker; None when there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        return json.loads(body) if response.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()

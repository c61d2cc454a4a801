"""Validated requests: the agent checks answers, because the load generators do not.

rewrk checks neither status nor body and counts failed requests, so the agent sends requests of its own: many before and
after the load, and some during it on one connection.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """Counts and latencies of validated requests. `wrong`: wrong answers; `errors`: requests without an answer."""

    count: int = 0
    wrong: int = 0
    errors: int = 0
    first_problem: str = ""
    latency_ms: list[float] = field(default_factory=list)

    def add(self, problem: str, is_error: bool, latency_ms: float) -> None:
        """Count one request. `problem`: "" for a correct answer; `is_error`: there was no answer."""
        self.count += 1
        self.latency_ms.append(latency_ms)
        if problem:
            self.errors += is_error
            self.wrong += not is_error
            self.first_problem = self.first_problem or problem[:300]

    def merge(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.count += other.count
        self.wrong += other.wrong
        self.errors += other.errors
        self.first_problem = self.first_problem or other.first_problem
        self.latency_ms.extend(other.latency_ms)

    def summary(self) -> dict[str, Any]:
        """The counts, the first problem, and the median and largest latency, as frames carry them."""
        ordered = sorted(self.latency_ms)
        return {
            "count": self.count,
            "wrong": self.wrong,
            "errors": self.errors,
            "first_problem": self.first_problem,
            "latency_median_ms": round(ordered[len(ordered) // 2], 3) if ordered else None,
            "latency_max_ms": round(ordered[-1], 3) if ordered else None,
        }


class ValidatingConnection:
    """Validated requests on one keep-alive connection. `probe`: path, status and one of json, text or any_body."""

    def __init__(self, host: str, port: int, probe: Mapping[str, Any], timeout_seconds: float = 30) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
        self._probe = probe

    def ask(self, tally: Tally) -> None:
        """Send one request and count its answer in `tally`; after a dropped connection the next request opens a new one."""
        start = time.perf_counter()
        problem, is_error = "", False
        try:
            self._connection.request("GET", self._probe["path"])
            response = self._connection.getresponse()
            problem = mismatch(self._probe, response.status, response.read())
            location = response.getheader("Location")
            if problem and location:  # a redirect where an answer was expected: the message says where to
                problem += f"; Location: {location}"
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            problem, is_error = f"{type(error).__name__}: {error}", True
        tally.add(problem, is_error, (time.perf_counter() - start) * 1000)

    def close(self) -> None:
        """Close the connection from this side."""
        self._connection.close()


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


def validate_burst(
    host: str, port: int, probe: Mapping[str, Any], requests: int, seconds: float, connections: int
) -> Tally:
    """Send at most `requests` validated requests within about `seconds`, over several connections at once."""
    total, lock = Tally(), threading.Lock()
    deadline = time.monotonic() + seconds
    left = [requests]

    def run() -> None:
        own, connection = Tally(), ValidatingConnection(host, port, probe)
        while time.monotonic() < deadline and own.errors < 10:
            with lock:
                if left[0] <= 0:
                    break
                left[0] -= 1
            connection.ask(own)
        connection.close()
        with lock:
            total.merge(own)

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total


class Observer:
    """Validated requests on one connection while a load runs, at most one each `interval_seconds`."""

    def __init__(self, host: str, port: int, probe: Mapping[str, Any], interval_seconds: float) -> None:
        self.tally = Tally()
        self._connection = ValidatingConnection(host, port, probe)
        self._interval_seconds = interval_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._done.is_set():
            self._connection.ask(self.tally)
            self._done.wait(self._interval_seconds)

    def stop(self) -> Tally:
        """Stop, and return the tally. Waits for a request in flight, since it may be the one that stalls."""
        self._done.set()
        self._thread.join()
        self._connection.close()
        return self.tally


def wire_bytes(host: str, port: int, path: str) -> int | None:
    """Size of one answer in bytes, headers included, to a request with the headers that rewrk sends (Host alone).

    None when the answer declares no length (chunked), so that sizes cannot be compared. Raises OSError.
    """
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                return None
            received += piece
        head, _, _ = received.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return len(head) + 4 + int(line.split(b":")[1])
    return None


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

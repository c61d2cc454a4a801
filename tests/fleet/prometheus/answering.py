"""An HTTP server that answers queries with what a test wants: for the faults that a real Prometheus cannot be made to have."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Answers(ThreadingHTTPServer):
    """Answers queries with what a test puts into `answers`, by query; records path, headers and parameters."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Answering)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def answering() -> Iterator[Answers]:
    """A server on this machine, in a thread."""
    made = Answers()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


class _Answering(BaseHTTPRequestHandler):
    """One request."""

    server: Answers

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = dict(urllib.parse.parse_qsl(body))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, found))
        status, data = self.server.answers.get(found["query"], (200, vector()))
        text = data if isinstance(data, str) else json.dumps(data)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://elsewhere.example.test/")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def vector(*results: tuple[dict[str, str], str], warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    """A query's answer as Prometheus gives it."""
    found = [{"metric": labels, "value": [1.0, value]} for labels, value in results]
    data: dict[str, Any] = {"status": "success", "data": {"resultType": "vector", "result": found}}
    return {**data, "warnings": list(warnings)} if warnings else data

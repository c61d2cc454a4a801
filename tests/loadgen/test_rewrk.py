"""rewrk's own output, from the real one, and what it prints instead when it fails."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator

import pytest

from toolkit.loadgen import rewrk as generator
from toolkit.loadgen.rewrk import ParseError, parse
from toolkit.loadgen.tools import Tool


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"right")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def run(tool: Tool, url: str) -> subprocess.CompletedProcess[str]:
    command = generator.command(tool.path, url, connections=2, threads=1, seconds=1)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_real_output_is_read(rewrk: Tool, url: str) -> None:
    found = parse(run(rewrk, url).stdout)
    assert found.requests_total > 10
    assert found.requests_per_second == pytest.approx(found.requests_total, rel=0.2)
    assert found.latency_min_ms <= found.latency_mean_ms <= found.latency_max_ms
    size = len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright")
    assert found.transfer_total_bytes == pytest.approx(found.requests_total * size, abs=2 * size)


def test_a_refused_rewrk_exits_0_and_its_silence_is_an_error(rewrk: Tool) -> None:
    done = run(rewrk, "http://127.0.0.1:9/")
    assert done.returncode == 0
    with pytest.raises(ParseError, match="printed nothing"):
        parse(done.stdout)


@pytest.mark.parametrize("text", ["Error: x", '{"latency_avg": 1', "{}", "[]", "null"])
def test_anything_but_its_json_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(ParseError) as error:
        parse(text)
    assert text[:10] in str(error.value)

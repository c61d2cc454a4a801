"""rewrk's own output, from the real one, and what it prints instead when it fails."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.loadgen import rewrk as generator
from toolkit.loadgen.binaries import Binary
from toolkit.loadgen.output import ParseError
from toolkit.loadgen.rewrk import Result, parse


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


def run(tool: Binary, url: str) -> subprocess.CompletedProcess[str]:
    command = generator.command(tool.path, url, connections=2, threads=1, seconds=1)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_real_output_is_read(rewrk: Binary, url: str) -> None:
    found = parse(run(rewrk, url).stdout)
    assert found.requests_total > 10
    assert found.requests_per_second == pytest.approx(found.requests_total, rel=0.2)
    assert found.latency_min_ms <= found.latency_mean_ms <= found.latency_max_ms
    size = len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright")
    assert found.transfer_total_bytes == pytest.approx(found.requests_total * size, abs=2 * size)


def test_a_refused_rewrk_exits_0_and_its_silence_is_an_error(rewrk: Binary) -> None:
    done = run(rewrk, "http://127.0.0.1:9/")
    assert done.returncode == 0
    with pytest.raises(ParseError, match="printed nothing"):
        parse(done.stdout)


def test_a_server_that_takes_connections_and_never_answers_gives_no_result(rewrk: Binary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = run(rewrk, f"http://127.0.0.1:{silent.getsockname()[1]}/")
    with pytest.raises(ParseError, match="rewrk"):
        parse(done.stdout)


def test_a_result_of_no_requests_is_none() -> None:
    nothing = json.dumps({**dict.fromkeys(LINE), "requests_total": 0})
    with pytest.raises(ParseError, match="not one request was answered"):
        parse(nothing)


@pytest.mark.parametrize("text", ["Error: x", '{"latency_avg": 1', "{}", "[]", "null"])
def test_anything_but_its_json_is_an_error_that_shows_it(text: str) -> None:
    with pytest.raises(ParseError) as error:
        parse(text)
    assert text[:10] in str(error.value)


LINE = {
    "latency_avg": 4.5,
    "latency_max": 20.0,
    "latency_min": 1.0,
    "latency_std_deviation": 0.5,
    "requests_avg": 28500.0,
    "requests_total": 285000,
    "transfer_rate": 1e6,
    "transfer_total": 1e7,
}


def test_every_figure_keeps_its_name_and_unit() -> None:
    assert parse(json.dumps(LINE)) == Result(
        requests_total=285000,
        requests_per_second=28500.0,
        latency_mean_ms=4.5,
        latency_min_ms=1.0,
        latency_max_ms=20.0,
        latency_std_ms=0.5,
        transfer_total_bytes=1e7,
        transfer_rate_bytes_per_second=1e6,
    )


def test_words_before_the_result_are_passed_over() -> None:
    assert parse(f"a warning\n\n{json.dumps(LINE)}\n") == parse(json.dumps(LINE))


@pytest.mark.parametrize("missing", sorted(LINE))
def test_a_result_without_one_of_its_figures_is_none(missing: str) -> None:
    with pytest.raises(ParseError, match=missing):
        parse(json.dumps({name: value for name, value in LINE.items() if name != missing}))


@pytest.mark.parametrize("name", sorted(LINE))
@pytest.mark.parametrize("value", [None, "x", [], {}, float("nan"), float("inf"), -1.0, True])
def test_a_figure_that_is_no_amount_makes_no_result(name: str, value: object) -> None:
    with pytest.raises(ParseError, match="rewrk"):
        parse(json.dumps({**LINE, name: value}))


@given(st.integers(0, len(json.dumps(LINE)) - 1))
def test_a_result_torn_anywhere_is_none(cut: int) -> None:
    with pytest.raises(ParseError):
        parse(json.dumps(LINE)[:cut])


@given(st.text(max_size=40))
def test_any_output_is_read_or_refused_in_words(text: str) -> None:
    with pytest.raises(ParseError, match="rewrk"):
        parse(text)


def test_the_command_asks_for_whole_seconds_and_json() -> None:
    argv = generator.command("rewrk", "http://h:1/json", connections=128, threads=2, seconds="{seconds}")
    assert argv == ["rewrk", "-h", "http://h:1/json", "-c", "128", "-t", "2", "-d", "{seconds}s", "--json"]

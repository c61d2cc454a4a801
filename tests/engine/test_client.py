"""Every reason why a Docker engine cannot be reached is reported with its address and a remedy."""

from __future__ import annotations

import os
import socket
import stat
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from toolkit.engine.client import (
    EngineUnreachable,
    connect,
    connected,
    connection_error,
    engine_errors,
    engine_facts,
    is_local,
    request_error,
)
from toolkit.errors import GilfreeError


def refusal(monkeypatch: pytest.MonkeyPatch, host: str) -> GilfreeError:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(GilfreeError) as caught:
        connect(timeout_seconds=2)
    assert "DOCKER_HOST" in caught.value.message
    return caught.value


def test_no_socket_is_no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(monkeypatch, "unix:///nonexistent/docker.sock")
    assert "does not exist" in error.message and "install Docker" in error.remedy


def test_a_socket_that_nobody_listens_on_is_a_daemon_that_is_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "docker.sock"))
    error = refusal(monkeypatch, f"unix://{tmp_path}/docker.sock")
    assert "not running" in error.message and "systemctl start docker" in error.remedy


def test_a_socket_that_may_not_be_used_is_a_group_to_join(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        error = connection_error(PermissionError(13, "Permission denied"))  # root may use any socket
    else:
        with socket.socket(socket.AF_UNIX) as owned:
            owned.bind(str(tmp_path / "docker.sock"))
            (tmp_path / "docker.sock").chmod(stat.S_IWUSR)
            error = refusal(monkeypatch, f"unix://{tmp_path}/docker.sock")
    assert "permission denied" in error.message and "usermod -aG docker" in error.remedy


def test_a_socket_that_does_not_answer_is_timed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = refusal(monkeypatch, f"tcp://127.0.0.1:{silent.getsockname()[1]}")
    assert "timed out" in error.message


def test_an_engine_too_old_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"ApiVersion": "1.40", "Version": "19.03"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Old) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        error = refusal(monkeypatch, f"tcp://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert "speaks API 1.40; gilfree needs 1.41 or newer" in error.message


def test_without_the_package_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(GilfreeError) as caught:
        connect()
    assert caught.value.remedy == 'pip install "gilfree[docker]"'


def test_a_full_disk_is_named_as_that() -> None:
    error = request_error(OSError(28, "No space left on device"), "building gilfree-app")
    assert error.message.startswith("building gilfree-app: the engine's disk is full")
    assert "docker system df" in error.remedy


def test_an_engine_that_goes_away_is_distinguished_from_one_that_refuses() -> None:
    import requests

    with pytest.raises(EngineUnreachable), engine_errors("waiting"):
        raise requests.ConnectionError(ConnectionResetError(104, "reset by peer"))
    with pytest.raises(GilfreeError) as caught, engine_errors("waiting"):
        raise requests.HTTPError("500")
    assert not isinstance(caught.value, EngineUnreachable)


@pytest.mark.engine
def test_the_engine_here_is_reached_and_described() -> None:
    with connected() as client:
        found = engine_facts(client)
        assert is_local(client) == found["local"]
    assert found["cpus"] >= 1 and found["memory_bytes"] > 0 and found["cgroup_version"] in ("1", "2")

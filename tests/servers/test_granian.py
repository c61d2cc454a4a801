"""Granian's command line leaves nothing to a default that differs, and what this project says of Granian is true."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from toolkit import paths
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import GranianSettings, Point, Scenario
from toolkit.servers import granian
from toolkit.trial.model import Arm

MUST = {
    "--interface",
    "--host",
    "--port",
    "--workers",
    "--runtime-threads",
    "--runtime-mode",
    "--loop",
    "--backlog",
    "--backpressure",
    "--http",
    "--no-ws",
    "--log-level",
    "--no-access-log",
}
"""Options whose defaults depend on the machine, on the build or on what is installed; on WSGI the blocking threads too."""


def command(scenario: Scenario, point: Point | None = None, python: str = "python", port: int = 8000) -> list[str]:
    one = point or scenario.points()[0]
    return granian.command(scenario, one, python=python, host="127.0.0.1", port=port, target="mod:app")


def value(argv: list[str], option: str) -> str:
    return argv[argv.index(option) + 1]


@pytest.mark.parametrize("name", ["asgi", "wsgi", "wsgi-threads"])
def test_everything_that_matters_is_given_once_at_every_point(name: str) -> None:
    scenario = load_scenario(name)
    for point in scenario.points():
        argv = command(scenario, point)
        options = [word for word in argv if word.startswith("--")]
        assert len(options) == len(set(options))
        assert set(options) >= MUST | ({"--blocking-threads"} if scenario.app.interface == "wsgi" else set())
        assert "auto" not in argv
        assert argv[-1] == "mod:app"


def test_the_variants_are_served_by_the_same_command() -> None:
    scenario = load_scenario("wsgi")
    assert command(scenario, python="gil")[1:] == command(scenario, python="free")[1:]


def test_a_points_values_arrive() -> None:
    point = Point(endpoint="json", workers=3, threads=64, connections=9, loop="uvloop")
    argv = command(load_scenario("wsgi"), point)
    assert [value(argv, f"--{name}") for name in ("workers", "blocking-threads", "loop")] == ["3", "64", "uvloop"]


def test_a_scenarios_settings_arrive() -> None:
    settings = GranianSettings(
        runtime_threads=2, runtime_mode="st", backlog=500, backpressure=700, ws=True, log_level="error"
    )
    argv = command(load_scenario("asgi").model_copy(update={"granian": settings}))
    assert [value(argv, f"--{name}") for name in ("runtime-threads", "runtime-mode", "backlog", "backpressure")] == [
        "2",
        "st",
        "500",
        "700",
    ]
    assert value(argv, "--log-level") == "error"
    assert "--ws" in argv
    assert "--no-ws" not in argv


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(argv: list[str], port: int) -> tuple[dict[str, object], str]:
    """What the app says of its runtime when it is really served so, and what the server printed meanwhile."""
    app = paths.shipped("images") / "app"
    server = subprocess.Popen(argv, cwd=app, env={}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/runtime", timeout=10) as answer:
                    found = json.load(answer)
                    break
            except urllib.error.URLError:
                assert server.poll() is None, server.communicate()[0]
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        server.terminate()
        try:
            printed = server.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:  # a free-threaded WSGI server now and then waits for its threads for ever
            server.kill()
            printed = server.communicate()[0]
    return found, printed


EXPECTED = ("free-threaded Python support is experimental", "Configuration allows spawning up to 64 Python threads")


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_granian_warns_of_nothing_that_is_not_meant(arms: tuple[Arm, Arm], name: str, side: int) -> None:
    port = free_port()
    scenario = load_scenario(name)
    point = scenario.points()[0]
    argv = granian.command(
        scenario, point, python=arms[side].runtime, host="127.0.0.1", port=port, target=scenario.app.target
    )
    runtime, printed = served(argv, port)
    assert runtime["gil_enabled"] == (side == 0)
    assert [line for line in printed.splitlines() if not any(words in line for words in EXPECTED)] == []


def test_the_other_settings_serve_too(arms: tuple[Arm, Arm]) -> None:
    port = free_port()
    settings = GranianSettings(runtime_mode="st", backlog=128, backpressure=300, ws=True, log_level="error")
    scenario = load_scenario("asgi").model_copy(update={"granian": settings})
    point = scenario.points()[0]
    argv = granian.command(scenario, point, python=arms[1].runtime, host="127.0.0.1", port=port, target="asgi:app")
    assert served(argv, port)[0]["gil_enabled"] is False


def refused(arm: Arm, *options: str) -> str:
    """What Granian says to options with which it does not start."""
    argv = [arm.runtime, "-m", "granian", "--port", str(free_port()), *options, "asgi:app"]
    done = subprocess.run(
        argv, cwd=paths.shipped("images") / "app", env={}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_granian_does_refuse_threads_on_asgi_as_the_scenario_messages_say(arms: tuple[Arm, Arm]) -> None:
    assert "Blocking threads > 1 is not supported on ASGI" in refused(
        arms[0], "--interface", "asgi", "--blocking-threads", "2"
    )


def test_granian_does_take_another_task_implementation_than_rust(arms: tuple[Arm, Arm]) -> None:
    port = free_port()
    argv = command(load_scenario("asgi"), python=arms[0].runtime, port=port)
    argv[argv.index("--task-impl") + 1] = "rust"
    assert "falling back to asyncio" in served([*argv[:-1], "asgi:app"], port)[1]

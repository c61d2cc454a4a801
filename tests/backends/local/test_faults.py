"""Every fault that makes such a benchmark wrong is caused in a real trial, and must be detected."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import APPS, accepted, run_trial, scenario
from toolkit.backends.local.backend import LocalBackend
from toolkit.backends.local.processes import trial_processes
from toolkit.host.confinement import Confinement
from toolkit.loadgen.binaries import Binary
from toolkit.records.store import Record, record
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm

Arms = tuple[Arm, Arm]
Measure = Callable[..., Record]


@pytest.fixture
def measure(backend: LocalBackend, arms: Arms) -> Iterator[Measure]:
    """Runs one trial to its record, by default on the free-threaded build, then checks that no process of it is left."""

    def run(one: Scenario, *, arm: Arm = arms[1], place: LocalBackend = backend) -> Record:
        trial, frames = run_trial(place, one, arm)
        return record(trial, frames)

    yield run
    assert trial_processes("test-") == []


def reasons(one: Record) -> set[str]:
    return {rejection.reason for rejection in one.rejections}


@pytest.mark.parametrize("side", [0, 1])
def test_a_good_server_is_accepted_on_both_builds(measure: Measure, arms: Arms, side: int) -> None:
    one = accepted(lambda: measure(scenario("faulty:right"), arm=arms[side]))
    assert one.rejections == []
    assert one.metrics.requests_per_second and one.metrics.requests_per_second > 100
    assert one.metrics.memory_mb and one.metrics.memory_mb > 5
    assert {worker["gil_enabled"] for worker in one.server["workers"]} == {side == 0}


def test_a_good_wsgi_server_is_accepted(measure: Measure, arms: Arms) -> None:
    one = accepted(lambda: measure(scenario("faulty:wsgi_right", interface="wsgi", threads=4), arm=arms[0]))
    assert one.rejections == []


def test_status_500_is_not_taken_for_success(measure: Measure) -> None:
    one = measure(scenario("faulty:status_500"))
    assert one.rejections[0].reason == "wrong-answers"
    assert "status 500" in one.rejections[0].detail


@pytest.mark.parametrize("app", ["wrong_of_same_size", "wrong_of_other_size"])
def test_one_wrong_body_in_a_thousand_is_seen(measure: Measure, app: str) -> None:
    assert measure(scenario(f"faulty:{app}")).rejections[0].reason == "wrong-answers"


@pytest.mark.parametrize("side", [0, 1])
def test_a_server_that_dies_under_load_is_named(measure: Measure, arms: Arms, side: int) -> None:
    one = measure(scenario("faulty:dies"), arm=arms[side])
    assert one.rejections[0].reason == "server-died"


def test_a_stall_of_seconds_is_seen(measure: Measure) -> None:
    one = measure(scenario("faulty:stalls").with_load(duration_seconds=4))
    assert "stalled" in reasons(one)


def test_connections_that_the_server_drops_are_seen(measure: Measure) -> None:
    assert "dropped-connections" in reasons(measure(scenario("faulty:drops")))


def test_a_module_that_switches_the_gil_on_lazily_is_seen(
    measure: Measure, rewrk: Binary, apps_with_extension: Path
) -> None:
    one = measure(scenario("faulty:turns_gil_on"), place=LocalBackend(rewrk.path, apps_with_extension))
    assert one.rejections[0].reason == "gil-on"
    assert "after the load" in one.rejections[0].detail


def test_a_missing_rewrk_is_named(measure: Measure) -> None:
    one = measure(scenario("faulty:right"), place=LocalBackend("/nonexistent/rewrk", APPS))
    assert one.rejections[0].reason == "load-missing"
    assert "/nonexistent/rewrk" in one.rejections[0].detail


def test_a_rewrk_that_prints_nothing_and_exits_0_has_failed(measure: Measure) -> None:
    one = measure(scenario("faulty:right"), place=LocalBackend("/bin/true", APPS))
    assert one.rejections[0].reason == "load-failed"


def test_a_port_that_is_taken_is_named(measure: Measure, rewrk: Binary) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as Granian does: two could share it silently
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        one = measure(scenario("faulty:right"), place=LocalBackend(rewrk.path, APPS, port=port))
    assert one.rejections[0].reason == "port-taken"
    assert str(port) in one.rejections[0].detail


def test_the_memory_limit_is_kept(measure: Measure) -> None:
    one = measure(scenario("faulty:eats_memory"))
    assert one.rejections[0].reason == "out-of-memory"


def test_the_memory_limit_is_kept_where_no_cgroup_may_be_made(measure: Measure, rewrk: Binary) -> None:
    watchdog = LocalBackend(rewrk.path, APPS, limiter=lambda *_: Confinement("watchdog on PSS"))
    one = measure(scenario("faulty:eats_memory").with_load(duration_seconds=4), place=watchdog)
    assert one.rejections[0].reason == "out-of-memory"
    assert one.server["outcome"]["memory_limit"] == "watchdog on PSS"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set a CPU quota everywhere; to enable: run as root")
def test_a_share_of_a_cpu_is_kept_and_waiting_for_it_is_no_disturbance(measure: Measure) -> None:
    one = scenario("faulty:right")
    server = one.resources.server.model_copy(update={"cpus": 0.4})
    share = one.model_copy(update={"resources": one.resources.model_copy(update={"server": server})})
    found = measure(share)
    assert found.server["outcome"]["cpu_quota"] == {"server": 0.4, "load": None}
    assert found.metrics.server_cpus_used and found.metrics.server_cpus_used < 0.5
    assert found.metrics.throttled_periods and found.metrics.throttled_periods > 0.2
    assert "throttled" not in reasons(found)


def test_a_saturated_loader_is_rejected(measure: Measure) -> None:
    assert "loader-saturated" in reasons(measure(scenario("faulty:right", limits="loader_saturation: 0.02")))


def test_connections_that_starve_break_littles_law(measure: Measure) -> None:
    one = scenario("faulty:slow", connections=16)
    starved = one.model_copy(update={"granian": one.granian.model_copy(update={"backpressure": 4})})
    assert {"starved-connections", "stalled"} & reasons(measure(starved.with_load(duration_seconds=6)))


def test_a_window_is_extended_to_ten_latencies(measure: Measure) -> None:
    one = accepted(lambda: measure(scenario("faulty:slow")))
    assert one.load["windows"]["measure"] >= 4
    assert "window extended from 2 s" in one.notes[0]
    assert one.rejections == []


def test_a_window_that_may_not_be_extended_is_too_short(measure: Measure) -> None:
    assert "window-too-short" in reasons(measure(scenario("faulty:slow").with_load(max_seconds=2)))


def test_other_work_on_the_servers_cpu_is_seen(measure: Measure, backend: LocalBackend) -> None:
    backend.prepare(scenario("faulty:right"), [])
    backend.close()
    cpu = backend.cpus.server[0]
    busy = subprocess.Popen([sys.executable, "-c", f"import os\nos.sched_setaffinity(0, [{cpu}])\nwhile True: pass"])
    try:
        one = measure(scenario("faulty:right", limits="retries: 0"))
    finally:
        busy.kill()
        busy.wait()
    assert one.metrics.foreign_cpu and one.metrics.foreign_cpu > 0.2


def test_a_server_that_cannot_start_says_why(measure: Measure) -> None:
    one = measure(scenario("faulty:no_such_app"))
    assert one.rejections[0].reason in ("server-died", "server-not-ready")
    assert "no_such_app" in one.rejections[0].detail


def test_the_servers_environment_is_clean(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_GIL", "1")
    monkeypatch.setitem(os.environ, "SECRET_OF_THE_USER", "x")
    one = accepted(lambda: measure(scenario("faulty:right")))
    assert one.rejections == []

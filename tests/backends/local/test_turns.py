"""Blocks in turns, for real: both servers alive on one CPU, and a fault of one of them is its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import APPS, run_in_turns, run_trial, scenario
from toolkit.backends.local.backend import LocalBackend
from toolkit.backends.local.processes import trial_processes
from toolkit.host.confinement import Confinement
from toolkit.loadgen.binaries import Binary
from toolkit.records.store import Record, record
from toolkit.scenario.model import Scenario
from toolkit.trial.block import Quad
from toolkit.trial.model import Arm

Arms = tuple[Arm, Arm]
Turns = Callable[..., tuple[Record, Record]]
NOISE = {"foreign-cpu", "stolen", "throttled", "loader-saturated"}


@pytest.fixture
def turns(backend: LocalBackend, arms: Arms) -> Iterator[Turns]:
    """Runs one block to its two records, the GIL build's first, then checks that no process of it is left."""

    def run(one: Scenario, *, place: LocalBackend = backend, pair: Arms = arms) -> tuple[Record, Record]:
        first, second = run_in_turns(place, one, pair)
        return first, second

    yield run
    assert trial_processes("test-") == []


def own_reasons(one: Record) -> set[str]:
    return {rejection.reason for rejection in one.rejections} - NOISE


def test_two_good_servers_take_turns_and_idle_while_the_other_is_loaded(turns: Turns) -> None:
    both = turns(scenario("one_arm:right"))
    for one in both:
        assert own_reasons(one) == set()
        assert one.mode == "turns" and one.turns is not None
        assert one.turns.quads == 2 and one.turns.idle_cpu is not None and one.turns.idle_cpu < 0.003
        assert one.metrics.memory_mb and one.metrics.memory_mb > 5
        assert one.metrics.cpu_seconds_per_1000_requests and one.metrics.requests_per_second
        assert one.metrics.server_cpus_used and one.metrics.server_cpus_used <= 1.02
        assert one.server["cpus"] == both[0].server["cpus"]
    order = sorted((int(window.name.removeprefix("turn-")), one.arm) for one in both for window in one.windows)
    places = [arm for _, arm in order]
    assert [number for number, _ in order] == list(range(1, 9))
    assert places == [*places[:4], *reversed(places[4:])][:8] and places[0] == places[3] != places[1] == places[2]


def test_memory_of_an_arm_in_turns_is_that_of_a_server_alone(turns: Turns, backend: LocalBackend, arms: Arms) -> None:
    one = scenario("one_arm:right").with_load(duration_seconds=4)
    together = turns(one)
    for arm, in_turns in zip(arms, together, strict=True):
        alone = record(*run_trial(backend, one, arm))
        assert in_turns.metrics.memory_mb and alone.metrics.memory_mb
        assert abs(math.log(in_turns.metrics.memory_mb / alone.metrics.memory_mb)) < 0.03


def test_quads_have_the_length_that_is_asked_and_stopped_servers_go_on(backend: LocalBackend, arms: Arms) -> None:
    for one in run_in_turns(
        backend, scenario("one_arm:right"), arms, (Quad(1), Quad(3), Quad(1, stopped=True), Quad(1))
    ):
        assert own_reasons(one) == set()
        assert one.turns is not None and one.turns.quads == 4
        assert [window.seconds for window in one.windows] == [1, 1, 3, 3, 1, 1, 1, 1]
        assert all(window.metrics.requests_per_second for window in one.windows)


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        ("dies", "server-died"),
        ("eats_memory", "out-of-memory"),
        ("wrong", "wrong-answers"),
        ("never_starts", "server-died"),
    ],
)
def test_a_fault_of_one_arm_leaves_the_other_fine(turns: Turns, app: str, reason: str) -> None:
    fine, faulty = turns(scenario(f"one_arm:{app}"))
    assert faulty.outcome == "failed" and faulty.rejections[0].reason == reason
    assert own_reasons(fine) == set()
    assert fine.metrics.requests_per_second and fine.metrics.memory_mb


def test_the_watchdog_keeps_the_memory_limit_of_one_arm(turns: Turns, rewrk: Binary) -> None:
    place = LocalBackend(rewrk.path, APPS, limiter=lambda *_: Confinement("watchdog on PSS"))
    fine, faulty = turns(scenario("one_arm:eats_memory"), place=place)
    assert faulty.outcome == "failed" and faulty.rejections[0].reason == "out-of-memory"
    assert own_reasons(fine) == set()


def test_a_gil_that_one_arm_switches_on_is_its_own(turns: Turns, rewrk: Binary, apps_with_extension: Path) -> None:
    fine, faulty = turns(scenario("one_arm:gil_on"), place=LocalBackend(rewrk.path, apps_with_extension))
    assert faulty.outcome == "failed" and "gil-on" in own_reasons(faulty)
    assert own_reasons(fine) == set()


def test_a_server_that_works_while_the_other_is_loaded_is_to_be_measured_apart(turns: Turns) -> None:
    both = turns(scenario("one_arm:works_in_background"))
    for one in both:
        assert one.outcome == "rejected" and "not-idle" in own_reasons(one)


def test_slow_answers_get_one_long_window_an_arm_and_the_record_says_why(turns: Turns) -> None:
    for one in turns(scenario("one_arm:slow")):
        assert own_reasons(one) == set()
        assert one.turns is not None and one.turns.quads == 0 and "latencies" in one.turns.reason
        (window,) = one.windows
        assert window.seconds and window.seconds >= 4


def test_at_a_constant_rate_each_arm_has_one_window_of_ten_seconds(rewrk: Binary, arms: Arms, oha: Binary) -> None:
    one = scenario("one_arm:right", connections=4)
    load = one.load.model_copy(update={"generator": "oha", "rate_rps": 250})
    place = LocalBackend(rewrk.path, APPS, oha=oha.path)
    for made in run_in_turns(place, one.model_copy(update={"load": load}), arms):
        assert own_reasons(made) == set()
        assert made.turns is not None and made.turns.quads == 0 and "constant rate" in made.turns.reason
        (window,) = made.windows
        assert window.seconds == 10 and window.metrics.latency_p99_ms is not None
        assert window.metrics.requests_per_second and 240 < window.metrics.requests_per_second < 260

"""Soaks: a leak is found with an interval, a level server is not accused, wrong answers of any window are counted."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import APPS, say, scenario
from tests.factory import POINTS, a_record
from toolkit.agent.frames import Frame
from toolkit.analysis.soak import (
    MOST_WINDOWS,
    SHORTEST_WINDOW_SECONDS,
    Flip,
    collector_of,
    soak_of,
    soak_windows,
    window_count,
)
from toolkit.backends.local.backend import LocalBackend
from toolkit.loadgen.binaries import Binary, ensure_binary
from toolkit.records.store import record
from toolkit.report.soak import text
from toolkit.scenario.model import Scenario
from toolkit.trial.block import alone
from toolkit.trial.model import Arm, Trial

WINDOWS, SECONDS = 20, 30
TRIAL = Trial("soak", scenario("faulty:right"), scenario("faulty:right").points()[0], 0, Arm("3.14", "gil", ""), 1)


def frames(mb_an_hour: float = 0.0, ms_an_hour: float = 0.0, wrong: int = 0) -> list[Frame]:
    """A warm-up and 20 windows of 30 s; memory is sampled every second and first rises to its level."""
    drawn = random.Random(1)
    found: list[Frame] = []
    tally: dict[str, Any] = {"count": 100, "wrong": 0, "errors": 0}
    for index in range(-1, WINDOWS):
        start = index * SECONDS
        name = "warmup" if index < 0 else f"soak-{index}"
        found.append(
            {"side": "load", "kind": "window_start", "name": name, "measured": False, "t_ns": int(start * 1e9)}
        )
        for second in range(start, start + SECONDS):
            settling = -40 if second < 45 else 0
            mb = 100 + settling + mb_an_hour * second / 3600 + drawn.gauss(0, 0.05)
            found.append(
                {"side": "server", "kind": "memory", "t_ns": int(second * 1e9), "pss_kb": mb * 1e6 / 1024}
                | {"agent_pss_kb": 500, "agent_uss_kb": 500}
            )
        latency = 10 + ms_an_hour * start / 3600 + drawn.gauss(0, 0.02)
        result = {
            **{"latency_avg": latency, "latency_max": 20.0, "latency_min": 1.0, "latency_std_deviation": 1.0},
            **{"requests_avg": 1000.0, "requests_total": 30000, "transfer_rate": 1e6, "transfer_total": 3e7},
        }
        found.append(
            {"side": "load", "kind": "window_end", "name": name, "end_ns": int((start + SECONDS) * 1e9)}
            | {"stdout": json.dumps(result), "validated": {**tally, "wrong": wrong if index == 3 else 0}}
        )
    return found


def test_a_leak_is_found_within_its_interval() -> None:
    found = soak_of(TRIAL.scenario, a_record(POINTS[0], 0, "3.14t"), frames(mb_an_hour=60)).memory
    assert found is not None and found.low is not None and found.high is not None
    assert found.state == "grows" and found.low <= 60 <= found.high


def test_an_allocator_that_fills_up_at_first_is_no_leak() -> None:
    found = soak_of(TRIAL.scenario, a_record(POINTS[0], 0, "3.14"), frames())
    assert found.memory is not None and found.memory.state == "no growth seen"
    assert found.memory.level == pytest.approx(100, abs=1)
    assert not found.failed


def test_a_latency_that_drifts_is_found() -> None:
    found = soak_of(TRIAL.scenario, a_record(POINTS[0], 0, "3.14"), frames(ms_an_hour=6)).latency
    assert found is not None and found.state == "grows" and found.unit == "ms"


def test_wrong_answers_of_any_window_fail_a_soak() -> None:
    found = soak_of(TRIAL.scenario, a_record(POINTS[0], 0, "3.14"), frames(wrong=2))
    assert (found.wrong, found.failed) == (2, True)


def test_a_server_that_never_answered_has_no_slopes_and_has_failed() -> None:
    dead = a_record(POINTS[0], 0, "3.14", accepted=False, reason="server-died")
    found = soak_of(TRIAL.scenario, dead, [])
    assert (found.memory, found.latency, found.failed) == (None, None, True)
    json.dumps(found.data(), allow_nan=False)


@given(st.integers(1, 100_000))
def test_windows_fill_the_time_that_was_asked_for(seconds: int) -> None:
    count, length = window_count(seconds)
    assert count >= 1 and length >= SHORTEST_WINDOW_SECONDS
    assert count * length <= max(seconds, SHORTEST_WINDOW_SECONDS)
    assert seconds - count * length < length
    assert count <= max(MOST_WINDOWS * 1.5, seconds / 60)


def states(*windows: tuple[str, int, bool]) -> list[Frame]:
    return [
        {"kind": "runtime" if when in ("before", "after") else "workers", "when": when}
        | {"workers": [{"pid": pid, "thread_id": pid, "gc_enabled": enabled}]}
        for when, pid, enabled in windows
    ]


def test_a_collector_that_is_switched_off_under_load_is_reported() -> None:
    found = collector_of(states(("before", 1, True), ("soak-0", 1, True), ("soak-1", 1, False), ("after", 1, False)))
    assert (found.samples, found.off, found.processes) == (4, 1, 1)
    assert found.flips == (Flip("soak-1", 1, False),)
    lines = text(replace(soak_of(TRIAL.scenario, a_record(POINTS[0], 0, "3.14t"), frames()), collector=found))
    assert "switched off under load, seen after window soak-1 in process 1" in lines


def test_a_collector_that_is_off_from_the_start_is_no_flip() -> None:
    found = collector_of(states(("before", 1, True), ("before", 2, False), ("after", 2, False), ("after", 1, True)))
    assert (found.flips, found.off, found.processes) == ((), 1, 2)


def test_an_app_that_reports_no_collector_is_not_accused() -> None:
    assert collector_of([{"kind": "runtime", "when": "before", "workers": [{"pid": 1}]}]).samples == 0


def test_the_windows_of_a_soak_keep_the_scenarios_rate_and_seek_none() -> None:
    windows = soak_windows(3, 10, 50)
    assert [(one.rate_rps, one.measured) for one in windows] == [(50, False), (50, False), (50, True)]
    assert not replace(TRIAL, windows=windows).seeks_rate


@pytest.fixture
def backend_with_oha(rewrk: Binary) -> LocalBackend:
    """A local backend with both generators."""
    return LocalBackend(rewrk.path, APPS, oha=ensure_binary("oha", say).path)


def at_a_rate(one: Scenario, rate_rps: int) -> Scenario:
    load = one.load.model_copy(update={"generator": "oha", "rate_rps": rate_rps})
    return one.model_copy(update={"load": load})


def test_a_real_soak_keeps_its_rate_and_watches_the_collector(
    backend_with_oha: LocalBackend, arms: tuple[Arm, Arm]
) -> None:
    one = at_a_rate(scenario("faulty:switches_collector_off"), 400)
    windows = soak_windows(3, 2, one.load.rate_rps)
    trial = Trial("soak", one, one.points()[0], 0, arms[1], 1, windows=windows)
    backend_with_oha.prepare(one, [arms[1]])
    try:
        seen = list(backend_with_oha.run(alone(trial), "here"))
    finally:
        backend_with_oha.close()
    found = soak_of(one, record(trial, seen), seen)
    assert found.requests_per_second == pytest.approx(400, rel=0.05)
    assert [flip.enabled for flip in found.collector.flips] == [False]
    assert (found.asked_rps, found.load_errors, found.collector.off) == (400, 0, 1)


def test_a_real_soak_measures_every_window_of_one_server(backend: LocalBackend, arms: tuple[Arm, Arm]) -> None:
    one = scenario("faulty:right")
    trial = Trial("soak", one, one.points()[0], 0, arms[1], 1, windows=soak_windows(3, one.load.duration_seconds))
    backend.prepare(one, [arms[1]])
    seen = list(backend.run(alone(trial), "here"))
    found = soak_of(one, record(trial, seen), seen)
    assert [frame["name"] for frame in seen if frame["kind"] == "window_end"] == [
        "warmup",
        "soak-0",
        "soak-1",
        "measure",
    ]
    assert found.memory is not None and found.requests_per_second and found.validated > 0 and not found.failed
    assert found.seconds > 5

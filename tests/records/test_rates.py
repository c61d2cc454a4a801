"""Constant-rate load for real: what each rate came to stands in the record, and too high a rate is no fault of a trial."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import pytest

from tests.conftest import APPS, accepted, scenario
from toolkit.agent.frames import Frame
from toolkit.backends.local.backend import LocalBackend
from toolkit.loadgen.binaries import Binary
from toolkit.records.store import Record, record
from toolkit.trial.block import alone
from toolkit.trial.model import Arm, Trial, Window

WINDOWS = (Window("ladder-0", 2, 300), Window("ladder-1", 2, 80_000))

Searched = tuple[Trial, list[Frame]]


@pytest.fixture(scope="module")
def place(rewrk: Binary, oha: Binary) -> Iterator[LocalBackend]:
    """A local backend with both generators."""
    made = LocalBackend(rewrk.path, APPS, oha=oha.path)
    yield made
    made.close()


def run(place: LocalBackend, trial: Trial) -> list[Frame]:
    place.prepare(trial.scenario, [trial.arm])
    try:
        return list(place.run(alone(trial), "here"))
    finally:
        place.close()


@pytest.fixture(scope="module")
def searched(place: LocalBackend, arms: tuple[Arm, Arm]) -> Searched:
    """A server loaded with a rate it bears, then with one that none does."""
    one = scenario("faulty:right")
    trial = Trial("test", one, one.points()[0], 0, arms[1], 1, WINDOWS)
    return trial, run(place, trial)


def changed(searched: Searched, window: str, **change: object) -> Record:
    trial, frames = searched
    mine = copy.deepcopy(frames)
    for frame in mine:
        if frame["kind"] == "window_end" and frame["name"] == window:
            frame.update(change)
    return record(trial, mine)


def test_a_rate_that_the_server_bears_is_achieved_with_its_percentiles(searched: Searched) -> None:
    entry = record(*searched).load["rates"][0]
    assert (entry["name"], entry["rate_rps"], entry["seconds"]) == ("ladder-0", 300, 2)
    assert entry["achieved_rps"] == pytest.approx(300, rel=0.02)
    assert 0 < entry["p50_ms"] <= entry["p99_ms"] <= entry["max_ms"]
    assert entry["errors"] == 0 and entry["problem"] == ""
    assert 0 < entry["server_cpus_used"] < 1.5 and 0 < entry["loader_saturation"] < 1


def test_a_rate_that_it_does_not_bear_is_no_fault_of_the_trial(searched: Searched) -> None:
    one = record(*searched)
    assert one.rejections == []
    entry = one.load["rates"][1]
    assert entry["achieved_rps"] < 0.99 * 80_000
    assert entry["p99_ms"] > one.load["rates"][0]["p99_ms"]


def test_latency_counts_from_when_a_request_was_due(searched: Searched) -> None:
    # 16 connections answered one after the other would show a few ms; those that waited for one show the queue.
    entry = record(*searched).load["rates"][1]
    assert entry["p50_ms"] > 100


def test_answers_of_another_status_are_errors_of_their_rate(searched: Searched) -> None:
    _, frames = searched
    end = next(frame for frame in frames if frame["kind"] == "window_end" and frame["name"] == "ladder-0")
    said = json.loads(end["stdout"])
    said["statusCodeDistribution"] = {"200": 500, "503": 100}
    entry = changed(searched, "ladder-0", stdout=json.dumps(said)).load["rates"][0]
    assert entry["errors"] == 100 and entry["first_error"] == "100 x status 503" and entry["achieved_rps"] == 250


def test_a_wrong_answer_seen_beside_the_load_is_an_error_of_its_rate_and_not_of_the_trial(searched: Searched) -> None:
    tally = {
        "count": 50,
        "wrong": 2,
        "errors": 1,
        "first_problem": "body b'x'",
        "latency_median_ms": 1,
        "latency_max_ms": 2,
    }
    one = changed(searched, "ladder-0", validated=tally)
    assert one.rejections == [] and one.load["rates"][0]["errors"] == 3
    assert one.load["rates"][0]["first_error"] == "body b'x'"


def test_a_window_without_a_result_is_said_so_and_the_others_stand(searched: Searched) -> None:
    one = changed(searched, "ladder-1", stdout="Error: out of files")
    assert "out of files" in one.load["rates"][1]["problem"] and one.load["rates"][1]["p99_ms"] is None
    assert one.load["rates"][0]["p99_ms"] > 0 and one.rejections == []


def test_stolen_time_stands_beside_the_rates_it_fell_on(searched: Searched) -> None:
    trial, frames = searched
    mine = copy.deepcopy(frames)
    end = next(frame["end_ns"] for frame in mine if frame["kind"] == "window_end" and frame["name"] == "ladder-0")
    late = [frame for frame in mine if frame["kind"] == "tick" and frame["t_ns"] > end + 300_000_000]
    for number, frame in enumerate(late):
        frame["host"]["steal"] += 30 * number
    first, second = record(trial, mine).load["rates"]
    assert any("stolen" in words for words in second["disturbed"])
    assert not any("stolen" in words for words in first["disturbed"])


def test_the_most_memory_of_the_whole_load_is_kept(searched: Searched) -> None:
    metrics = record(*searched).metrics
    assert metrics.memory_high_mb is not None and metrics.memory_mb is not None
    assert metrics.memory_high_mb >= metrics.memory_mb


def test_a_scenario_with_a_rate_gives_p99_and_rejects_a_rate_that_was_not_kept(
    place: LocalBackend, arms: tuple[Arm, Arm]
) -> None:
    plain = scenario("faulty:right")
    load = plain.load.model_copy(update={"generator": "oha", "rate_rps": 300})
    one = plain.model_copy(update={"load": load})
    trials: list[Searched] = []

    def measured() -> Record:
        trial = Trial("test", one, one.points()[0], 0, arms[0], 1 + len(trials))
        trials.append((trial, run(place, trial)))
        return record(*trials[-1])

    found = accepted(measured)
    assert found.rejections == []
    assert found.metrics.latency_p99_ms is not None and found.metrics.latency_p99_ms > 0
    assert found.metrics.requests_per_second == pytest.approx(300, rel=0.02)
    end = next(frame for frame in trials[-1][1] if frame["kind"] == "window_end" and frame["measured"])
    said = json.loads(end["stdout"])
    said["statusCodeDistribution"] = {"200": 500}
    assert [one.reason for one in changed(trials[-1], "measure", stdout=json.dumps(said)).rejections] == [
        "rate-not-kept"
    ]

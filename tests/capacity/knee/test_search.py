"""A search finds the knee of a server whose knee is known, and says why when it does not find one."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capacity.simulated import server, true_knee
from toolkit.capacity.knee.search import RATE_STEP, KneeRules, RateResult, SearchResult, Step, evaluate_rate, search

RULES = KneeRules(p99_ms=50)

ENTRY: dict[str, Any] = {
    "rate_rps": 1000,
    "problem": "",
    "requests": 6000,
    "errors": 0,
    "first_error": "",
    "achieved_rps": 1000.0,
    "p99_ms": 20.0,
    "loader_saturation": 0.3,
    "disturbed": [],
}


def ended(
    measure: Callable[[int, int], dict[str, Any]], scale: float, rules: KneeRules = RULES, earlier: float | None = None
) -> tuple[SearchResult, list[RateResult]]:
    """Search until it ends, as the search plan does: the rates of every step are measured one after the other."""
    results: list[RateResult] = []
    for _ in range(100):
        step = search(results, scale, earlier)
        if isinstance(step, SearchResult):
            return step, results
        fresh = step.name == "confirm"
        at_least = rules.confirm_seconds if fresh else rules.ladder_seconds
        results += [
            evaluate_rate(measure(rate, rules.seconds(rate, at_least)), rules, fresh=fresh) for rate in step.rates
        ]
    raise AssertionError("the search does not end")


def exact(knee_rps: float) -> Callable[[int, int], dict[str, Any]]:
    """A server without noise."""
    return lambda rate, seconds: {
        **ENTRY,
        "rate_rps": rate,
        "achieved_rps": rate,
        "p99_ms": 20 if rate <= knee_rps else 99,
    }


@pytest.mark.parametrize(
    ("service_rate", "servers", "p99_ms"),
    [(1000, 1, 20.0), (500, 4, 12.0), (2000, 2, 5.0), (60, 8, 120.0), (50, 16, 110.0)],
)
def test_the_knee_of_a_simulated_queue_is_found_within_5_percent(
    service_rate: float, servers: int, p99_ms: float
) -> None:
    rules = KneeRules(p99_ms=p99_ms, ladder_seconds=6, confirm_seconds=20)
    truth = true_knee(p99_ms / 1000, service_rate, servers)
    knees = []
    for seed in range(5):
        found, _ = ended(server(service_rate, servers, seed), 0.97 * service_rate * servers, rules)
        assert found.finished and found.knee_rps is not None
        knees.append(found.knee_rps)
    assert abs(statistics.median(knees) / truth - 1) <= 0.05, (knees, truth)


@given(knee=st.integers(30, 50_000), guess=st.floats(0.2, 4))
def test_without_noise_a_knee_is_the_rate_below_the_first_that_fails_wherever_the_search_begins(
    knee: int, guess: float
) -> None:
    found, results = ended(exact(knee), knee * guess)
    assert found.finished and found.knee_rps is not None and found.above_rps is not None
    assert found.knee_rps <= knee < found.above_rps <= max(found.knee_rps + 1, found.knee_rps * RATE_STEP * 1.01)
    assert {one.rate_rps for one in results if one.fresh} >= {found.knee_rps, found.above_rps}


def test_both_ends_are_confirmed_on_fresh_servers_and_these_outrank_the_ladder() -> None:
    results = [RateResult(1000, True, ""), RateResult(1040, False, "p99 60 ms")]
    assert search(results, 1200) == Step("confirm", (1000,))
    results.append(RateResult(1000, False, "p99 55 ms", fresh=True))
    step = search([RateResult(960, True, ""), RateResult(962, True, ""), *results], 1200)
    assert step == Step("confirm", (962,))


def test_a_server_that_never_meets_its_slo_has_no_knee_and_the_lowest_rate_says_why() -> None:
    found, results = ended(exact(0), 1000)
    assert found.finished and found.knee_rps is None
    assert "p99 99.0 ms" in found.note and min(one.rate_rps for one in results) <= 20


def test_a_loader_at_its_limit_ends_the_search_as_a_lower_bound() -> None:
    def measure(rate: int, seconds: int) -> dict[str, Any]:
        return {**ENTRY, "rate_rps": rate, "achieved_rps": rate, "loader_saturation": rate / 3000}

    found, _ = ended(measure, 2000)
    assert found.loader_saturated and found.knee_rps is not None and found.knee_rps < 2400


def test_a_rate_that_was_missed_during_a_disturbance_is_measured_again_and_does_not_count() -> None:
    calls: dict[int, int] = {}

    def measure(rate: int, seconds: int) -> dict[str, Any]:
        calls[rate] = calls.get(rate, 0) + 1
        if calls[rate] == 1:
            return {**ENTRY, "rate_rps": rate, "achieved_rps": rate, "p99_ms": 500, "disturbed": ["12% was stolen"]}
        return exact(700)(rate, seconds)

    found, results = ended(measure, 1000)
    assert found.knee_rps is not None and found.knee_rps <= 700 < (found.above_rps or 0)
    assert any(one.passed is None and "stolen" in one.why for one in results)


def test_a_machine_that_is_always_disturbed_gives_up_unfinished() -> None:
    def measure(rate: int, seconds: int) -> dict[str, Any]:
        return {**ENTRY, "rate_rps": rate, "p99_ms": 500, "disturbed": ["12% was stolen"]}

    found, _ = ended(measure, 1000)
    assert not found.finished and "stayed unknown" in found.note


@pytest.mark.parametrize(
    ("change", "passed", "words"),
    [
        ({}, True, "p99 20.0 ms"),
        ({"p99_ms": 50.1}, False, "p99 50.1 ms"),
        ({"errors": 1, "first_error": "1 x status 500"}, False, "status 500"),
        ({"achieved_rps": 985.0}, False, "98.5% of the rate"),
        ({"requests": 1999}, None, "p99 needs 2,000"),
        ({"loader_saturation": 0.8}, False, "loader"),
        ({"p99_ms": None, "achieved_rps": None, "problem": "oha printed nothing"}, None, "oha printed nothing"),
        ({"p99_ms": 90.0, "disturbed": ["5% was stolen"]}, None, "stolen"),
        ({"disturbed": ["5% was stolen"]}, True, "p99"),
    ],
)
def test_a_rate_passes_only_if_everything_holds(change: dict[str, Any], passed: bool | None, words: str) -> None:
    found = evaluate_rate({**ENTRY, **change}, RULES, fresh=True)
    assert found.passed is passed
    assert words in found.why


def test_windows_are_long_enough_for_the_requests_that_a_p99_needs() -> None:
    assert RULES.seconds(10_000, 3) == 3
    assert RULES.seconds(100, 3) * 100 >= 2000

"""Connections that are not served evenly are noticed, and what a short window lacks at its beginning is no such fault."""

from __future__ import annotations

import pytest

from tests.simulated import ARMS
from toolkit.loadgen import rewrk
from toolkit.records.checks import starved_connections
from toolkit.records.metrics import Measurement
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Trial

LATENCY_MS = 20.0


def starved(seconds: int, in_flight: float) -> bool:
    """Whether a window with so many of 128 requests in flight on average is rejected."""
    scenario = load_scenario("asgi")
    point = next(one for one in scenario.points() if one.connections == 128)
    rps = 1000 * in_flight / LATENCY_MS
    result = rewrk.Result(int(rps * seconds), rps, LATENCY_MS, 1, 40, 1, 0, 0)
    trial = Trial("c", scenario, point, 0, ARMS[0], 1)
    return bool(list(starved_connections(trial, [], Measurement(result=result, seconds=seconds))))


@pytest.mark.parametrize(
    ("seconds", "in_flight", "expected"),
    [(1, 126, False), (1, 115, False), (1, 100, True), (5, 115, True), (5, 125, False), (1, 140, True), (5, 140, True)],
)
def test_a_short_window_may_lack_the_time_in_which_connections_open(
    seconds: int, in_flight: float, expected: bool
) -> None:
    assert starved(seconds, in_flight) is expected

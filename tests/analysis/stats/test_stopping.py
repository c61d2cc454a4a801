"""When a point has enough blocks."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.stopping import StoppingRule, stopping_decision
from toolkit.selftest.simulate import FAMILY, Truth, draw, stopped_early

RULE = StoppingRule()


def spread(n: int, noise: float, centre: float = 0.0) -> Floats:
    return np.asarray(centre + noise * np.random.default_rng(4).standard_normal(20)[:n])


def test_a_quiet_point_stops_at_the_first_analysis() -> None:
    found = stopping_decision({"rps": spread(8, 0.005), "memory": spread(8, 0.002)}, RULE)
    assert (found.stop, found.reason, found.metric, found.expected_blocks) == (True, "precise", "rps", 8)


def test_nothing_stops_before_the_first_analysis() -> None:
    found = stopping_decision({"rps": np.zeros(7)}, RULE)
    assert (found.stop, found.reason) == (False, "too early")
    assert found.expected_blocks == 8


def test_a_noisy_metric_keeps_its_point_going_and_is_named() -> None:
    found = stopping_decision({"rps": spread(8, 0.03), "memory": spread(8, 0.002)}, RULE)
    assert (found.stop, found.reason, found.metric) == (False, "too wide", "rps")
    assert 8 < found.expected_blocks <= 20


def test_the_block_limit_stops_whatever_the_width() -> None:
    found = stopping_decision({"rps": spread(20, 0.3)}, RULE)
    assert (found.stop, found.reason, found.expected_blocks) == (True, "limit", 20)


def test_a_plain_effect_waits_one_block_for_holm_instead_of_ending_without_a_verdict() -> None:
    family = {name: spread(8, 0.005, centre=-0.2) for name in ("rps", "cpu", "memory", "p99")}
    assert stopping_decision(family, RULE).reason == "one step short of a verdict"
    assert stopping_decision({name: spread(9, 0.005, centre=-0.2) for name in family}, RULE).reason == "precise"


def test_a_wider_declared_half_width_stops_sooner() -> None:
    rows = {"rps": spread(8, 0.03)}
    assert not stopping_decision(rows, RULE).stop
    assert stopping_decision(rows, StoppingRule(half_width=0.10)).stop


def test_the_expected_number_of_blocks_is_about_what_it_takes() -> None:
    random = np.random.default_rng(8)
    taken, expected = [], []
    for _ in range(60):
        row = random.normal(0, 0.025, 20)
        expected.append(stopping_decision({"rps": row[:8]}, RULE).expected_blocks)
        taken.append(next(n for n in range(8, 21) if stopping_decision({"rps": row[:n]}, RULE).stop))
    assert abs(np.mean(taken) - np.mean(expected)) <= 2


def test_without_a_spread_yet_the_limit_is_expected() -> None:
    assert stopping_decision({"rps": np.array([0.1])}, RULE).expected_blocks == 20


def test_a_point_without_metrics_cannot_be_decided() -> None:
    with pytest.raises(ValueError, match="at least one metric"):
        stopping_decision({}, RULE)


@pytest.mark.parametrize("bad", [{"half_width": 0.0}, {"half_width": 3.0}, {"first": 9, "limit": 8}])
def test_rules_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="need"):
        StoppingRule(**bad)  # type: ignore[arg-type]


def test_the_simulation_stops_where_the_decision_says_so() -> None:
    truth, campaigns = Truth(1.02, 0.02, "outliers"), 25
    data = draw(truth, campaigns, RULE.limit, np.random.default_rng(2))
    row = stopped_early(truth, campaigns, np.random.default_rng(2), RULE)
    stops = [
        next(n for n in range(8, 21) if stopping_decision({str(m): data[c, m, :n] for m in range(FAMILY)}, RULE).stop)
        for c in range(campaigns)
    ]
    assert row.blocks == pytest.approx(np.mean(stops))

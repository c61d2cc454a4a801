"""Every verdict, claim, limit and stop is worded with its reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from tests.simulated import ARMS, a_campaign
from toolkit.analysis.compare import compare
from toolkit.analysis.families import PRIMARY, MetricComparison
from toolkit.analysis.gate import check_limits, parse_limit
from toolkit.analysis.stats.verdict_rule import Verdict
from toolkit.records.store import Metrics
from toolkit.report.verdicts import limit_words, verdict_reason
from toolkit.report.words import METRICS, change, interval
from toolkit.trial.model import Arm

CLEAR = MetricComparison("memory_mb", 10, 100.0, 120.0, 1.2, 1.18, 1.22, 0.002, 0.006, 0.03, 1.18, 1.22, "higher")


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (CLEAR, "the interval excludes 1 and p = 0.006 after Holm over 3"),
        (
            replace(CLEAR, ratio=1.01, low=1.005, high=1.015),
            "the interval excludes 1 and p = 0.006 after Holm over 3, though it is within ±3%",
        ),
        (replace(CLEAR, low=0.99, high=1.01, verdict="equivalent"), "the whole interval is within ±3%"),
        (
            replace(CLEAR, holm_p=0.06, verdict="inconclusive"),
            "the interval excludes 1, but p = 0.06 after Holm over 3",
        ),
        (
            replace(CLEAR, low=0.9, high=1.1, smallest_effect=0.123, verdict="inconclusive"),
            "the interval holds 1 and reaches beyond ±3%; 10 blocks with this spread see changes from 12.3%",
        ),
        (
            replace(CLEAR, low=None, high=None, smallest_effect=None, verdict="inconclusive"),
            "the interval holds 1 and reaches beyond ±3%; 10 blocks cannot decide this family",
        ),
        (replace(CLEAR, n=7, verdict="inconclusive"), "7 blocks: no verdict below 8"),
    ],
)
def test_a_verdict_is_worded_with_its_reason(one: MetricComparison, reason: str) -> None:
    assert verdict_reason(one, 3) == reason


@pytest.mark.parametrize("n", [1, 5, 6, 7])
def test_too_few_blocks_are_the_reason_whatever_they_show(n: int) -> None:
    for verdict in get_args(Verdict):
        assert (
            verdict_reason(replace(CLEAR, n=n, verdict=verdict), 3) == f"{n} block{'s' * (n > 1)}: no verdict below 8"
        )


def test_a_change_without_an_interval_is_not_worded() -> None:
    assert change(CLEAR) == "(+20.0%, +18.0% to +22.0%)"
    assert change(replace(CLEAR, low=None, high=None)) == interval(None, None) == ""


def test_every_metric_has_words_and_every_word_a_metric() -> None:
    derived = {"requests_per_second_per_cpu_used", "requests_per_second_per_gb"}
    assert set(PRIMARY) <= set(METRICS)
    assert set(METRICS) - derived - set(Metrics.model_fields) == set()


def test_a_limit_is_worded_with_point_state_and_interval(tmp_path: Path) -> None:
    old = [Arm(f"{arm.name}-old", arm.role, "/nowhere", side="reference") for arm in ARMS]
    found = compare(a_campaign(tmp_path / "c", arms=[*ARMS, *old], ratios={arm.name: 0.9 for arm in ARMS}, seed=4))
    first = next(check_limits([parse_limit("requests_per_second<-5%")], found))
    assert limit_words(first).startswith("requests_per_second<-5%: broken at json-w1-t1-c128, 3.14 / 3.14-old: -1")
    missing = next(check_limits([parse_limit("latency_p99_ms>10%")], found))
    assert limit_words(missing).endswith(": no interval")

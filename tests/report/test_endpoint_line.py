"""The line of an endpoint states the size of every change with its interval, and what to do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import a_campaign
from toolkit.analysis.compare import compare
from toolkit.analysis.decision import Outcome, outcome
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.verdict_rule import Verdict
from toolkit.report.endpoint_line import endpoint_line
from toolkit.report.words import amount, verdict


def a_metric(name: str, ratio: float, low: float, high: float, verdict: Verdict, method: str = "t") -> MetricComparison:
    one = MetricComparison(name, 5, 1.0, ratio, ratio, low, high, 0.01, 0.01, 0.1, low, high, verdict)
    return replace(one, method=method)  # type: ignore[arg-type]


def line(tmp_path: Path, *family: MetricComparison, loose: str = "") -> str:
    best = replace(compare(a_campaign(tmp_path / "c", blocks=1)).best[0], family=family, failures=())
    found: Outcome = outcome(best)
    return endpoint_line(found, loose)


LESS = a_metric("requests_per_second", 0.55, 0.52, 0.58, "lower")
OPEN = a_metric("requests_per_second", 1.01, 0.97, 1.042, "inconclusive")
MORE_MEMORY = a_metric("memory_mb", 1.18, 1.16, 1.20, "higher")
LESS_MEMORY = a_metric("memory_mb", 0.72, 0.70, 0.74, "lower")
OPEN_MEMORY = a_metric("memory_mb", 1.0, 0.98, 1.02, "inconclusive")
WHERE = "/json with 128 connections: 3.14t "


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ((LESS, MORE_MEMORY), "serves 45% less (42 to 48%), with 18% more memory (16 to 20%): stay on 3.14"),
        (
            (LESS, LESS_MEMORY),
            "serves 45% less (42 to 48%), with 28% less memory (26 to 30%): a trade, 3.14t is better in memory and worse in"
            " requests/s",
        ),
        (
            (LESS, OPEN_MEMORY),
            "serves 45% less (42 to 48%), with memory that differs by at most 2.0%: stay on 3.14, since nothing that was"
            " measured speaks for 3.14t",
        ),
        (
            (OPEN, LESS_MEMORY),
            "differs by at most 4.2% in requests/s, with 28% less memory (26 to 30%): 3.14t is better in"
            " memory, the rest is open",
        ),
        (
            (OPEN, OPEN_MEMORY),
            "differs by at most 4.2% in requests/s, with memory that differs by at most 2.0%: no difference shown",
        ),
        (
            (replace(LESS, ratio=4.5, low=4.1, high=4.9, verdict="higher"), LESS_MEMORY),
            "serves 4.5 times as much (4.1 to 4.9), with 28% less memory (26 to 30%): 3.14t is the better choice here",
        ),
    ],
)
def test_an_endpoint_is_decided_in_one_line(tmp_path: Path, family: tuple[MetricComparison, ...], words: str) -> None:
    assert line(tmp_path, *family) == WHERE + words


def test_loosened_limits_stand_in_the_same_line(tmp_path: Path) -> None:
    found = line(tmp_path, LESS, MORE_MEMORY, loose="steal 0.2 instead of 0.02")
    assert found.endswith("stay on 3.14 (loosened limits: steal 0.2 instead of 0.02)")


@given(st.floats(0.05, 1.9), st.floats(0.001, 0.2))
def test_an_amount_holds_its_interval_in_order(ratio: float, half: float) -> None:
    low, high = ratio * (1 - half), ratio * (1 + half)
    if low <= 1 <= high:
        return
    found = re.fullmatch(
        r"([\d.]+)% (more|less) \(([\d.]+) to ([\d.]+)%\)", amount(a_metric("memory_mb", ratio, low, high, "lower"))
    )
    assert found is not None
    middle, least, most = (float(found[place]) for place in (1, 3, 4))
    assert least <= middle <= most and (found[2] == "more") == (ratio > 1)
    assert middle == pytest.approx(100 * abs(ratio - 1), abs=0.5)


@given(st.floats(0.5, 1.0), st.floats(1.0, 2.0))
def test_a_quick_bound_is_the_farther_end_of_the_interval(low: float, high: float) -> None:
    one = a_metric("memory_mb", 1.0, low, high, "inconclusive")
    assert one.at_most == max(1 - low, high - 1) and verdict(one).startswith("differs by at most ")
    for other in (replace(one, method="sign-flip"), replace(one, verdict="lower"), replace(one, low=None)):
        assert other.at_most is None and verdict(other) == other.verdict

"""What of a difference is not the interpreter's: a plain function beside its `async def` twin, which needs no thread pool."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import simulated
from toolkit.analysis.attribution.twins import TwinComparison
from toolkit.analysis.compare import compare
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.verdict_rule import Verdict
from toolkit.campaign.contrasts import Contrast
from toolkit.report.decision import decision_words
from toolkit.report.tables import table
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Point

PLAIN, TWIN = (Point(endpoint=name, connections=128) for name in ("json", "json-async"))


def rate(low: float | None, high: float | None) -> MetricComparison:
    ratio = None if low is None or high is None else (low * high) ** 0.5
    verdict: Verdict = (
        "inconclusive" if low is None or high is None or low <= 1 <= high else "lower" if high < 1 else "higher"
    )
    return MetricComparison(
        "requests_per_second", 10, 1000.0, 1000.0, ratio, low, high, None, None, None, None, None, verdict
    )


def twin_of(plain: tuple[float, float], twin: tuple[float | None, float | None]) -> TwinComparison:
    contrast = Contrast("variants", "3.14", "3.14t")
    return TwinComparison(contrast, PLAIN, TWIN, "the pool", rate(*plain), rate(*twin))


@pytest.mark.parametrize(
    ("plain", "twin", "part"),
    [
        ((0.50, 0.58), (0.93, 0.97), "most"),
        ((0.50, 0.58), (0.60, 0.70), "some"),
        ((0.50, 0.58), (0.55, 0.65), "not shown"),
        ((0.50, 0.58), (0.40, 0.45), "not shown"),
        ((0.50, 0.58), (None, None), "not shown"),
        ((0.90, 1.10), (1.20, 1.30), "not shown"),
        ((1.80, 2.00), (1.02, 1.06), "most"),
        ((1.80, 2.00), (1.50, 1.60), "some"),
    ],
)
def test_a_part_is_named_only_where_both_intervals_show_it(
    plain: tuple[float, float], twin: tuple[float | None, float | None], part: str
) -> None:
    assert twin_of(plain, twin).part == part


ENDS = st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)).map(lambda ends: (min(ends), max(ends)))


@given(ENDS, ENDS)
def test_a_gain_is_judged_as_the_loss_that_it_is_the_other_way_round(
    plain: tuple[float, float], twin: tuple[float, float]
) -> None:
    def turned(ends: tuple[float, float]) -> tuple[float, float]:
        return 1 / ends[1], 1 / ends[0]

    if max(abs(ends[0] - ends[1]) for ends in (plain, twin)) > 1e-6:
        assert twin_of(plain, twin).part == twin_of(turned(plain), turned(twin)).part


def test_the_decision_says_what_the_thread_pool_accounts_for(tmp_path: Path) -> None:
    speeds = {"3.14t json-w1-t1-c128": 0.55, "3.14 json-async-w1-t1-c128": 2.4, "3.14t json-async-w1-t1-c128": 2.28}
    campaign = simulated.a_campaign(
        tmp_path / "c", scenario=load_scenario("asgi"), speeds=speeds, noise=0.005, blocks=10
    )
    lines = decision_words(compare(campaign), table(campaign)).lines
    (line,) = [one for one in lines if one.startswith("Of the")]
    assert line.startswith(
        "Of the 45% by which 3.14t serves less at /json, AnyIO's thread pool accounts for most: without it,"
    )
    assert "at /json-async, 3.14t serves 5% less (" in line
    assert "2.4 times on 3.14 and 4.1 times on 3.14t those of /json" in line


def test_without_a_difference_nothing_is_said_of_the_pool(tmp_path: Path) -> None:
    campaign = simulated.a_campaign(tmp_path / "c", scenario=load_scenario("asgi"), blocks=10)
    assert compare(campaign).twins == ()


def test_published_rows_are_about_the_plain_function_alone() -> None:
    scenario = load_scenario("asgi")
    assert scenario.published is not None
    assert {row.endpoint for row in scenario.published.rows} == {"json", "io"}
    assert scenario.endpoints["json-async"].twin is not None

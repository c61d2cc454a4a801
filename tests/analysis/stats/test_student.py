"""The interval of a quick run is Student's t, as scipy calculates it from the same blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from toolkit.analysis.stats.paired import estimates
from toolkit.analysis.stats.procedure import QUICK
from toolkit.analysis.stats.student import detectable_in_half_widths, t_half_width, t_intervals

rows = st.lists(st.floats(-1, 1).map(lambda one: round(one, 6)), min_size=3, max_size=7).filter(
    lambda row: len(set(row)) > 1
)


@given(rows)
def test_interval_and_p_are_those_of_scipy(row: list[float]) -> None:
    low, high, p = (float(part[0]) for part in t_intervals(np.array([row])))
    test = stats.ttest_1samp(row, 0.0)
    ends = test.confidence_interval(0.95)
    assert (low, high) == pytest.approx((ends.low, ends.high), rel=1e-6, abs=1e-9)
    assert p == pytest.approx(test.pvalue, rel=1e-6, abs=1e-9)
    assert t_half_width(np.array(row)) == pytest.approx((high - low) / 2)


@given(rows)
def test_p_and_interval_agree(row: list[float]) -> None:
    (one,) = estimates([np.array(row)], procedure=QUICK)
    assert (one.p <= 0.05) == (not one.low <= 1 <= one.high) or one.p == pytest.approx(0.05)
    assert one.low <= one.ratio <= one.high and one.method == "t"


def test_equal_blocks_are_sure_and_warn_of_nothing() -> None:
    low, high, p = t_intervals(np.array([[0.1, 0.1, 0.1], [0.0, 0.0, 0.0]]))
    assert low == pytest.approx([0.1, 0.0]) and high == pytest.approx([0.1, 0.0])
    assert p[1] == 1.0 and p[0] < 1e-6


@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_smallest_effect_is_found_in_four_of_five_cases(n: int) -> None:
    random = np.random.default_rng(5)
    data = random.standard_normal((20_000, n))
    half_width = stats.t.ppf(0.975, n - 1) / np.sqrt(n)
    low, _, _ = t_intervals(data + half_width * detectable_in_half_widths(n, 1))
    assert float((low > 0).mean()) == pytest.approx(0.80, abs=0.01)

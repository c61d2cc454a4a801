"""Estimates: what a point's blocks come to, and what they could have seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats  # type: ignore[import-untyped]

from toolkit.analysis.stats.paired import estimates, intervals, log_ratios
from toolkit.analysis.stats.procedure import InterimAnalyses, Procedure
from toolkit.analysis.stats.verdicts import HIGHER, holm, verdict_codes
from toolkit.errors import GilfreeError


def test_rows_of_different_lengths_come_back_in_order_as_if_each_were_alone() -> None:
    random = np.random.default_rng(1)
    rows = [random.normal(0, 0.02, n) for n in (8, 12, 3, 8, 20, 12)]
    together = estimates(rows, family_size=3)
    assert together == [estimates([row], family_size=3)[0] for row in rows]
    assert [one.n for one in together] == [8, 12, 3, 8, 20, 12]


def test_the_ratio_is_the_median_of_candidate_over_baseline() -> None:
    ratios = log_ratios([90, 80, 200, 70, 110, 100, 60, 50], [100] * 8)
    one = estimates([ratios])[0]
    assert one.ratio == pytest.approx(math.sqrt(0.8 * 0.9))
    assert one.low < one.ratio < one.high


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_figure_that_has_no_ratio_is_refused_with_its_block(bad: float) -> None:
    with pytest.raises(GilfreeError, match="block 1:"):
        log_ratios([1.0, bad], [1.0, 1.0])
    with pytest.raises(GilfreeError, match="block 1:"):
        log_ratios([1.0, 1.0], [1.0, bad])


def test_few_blocks_give_an_estimate_without_an_interval() -> None:
    one = estimates([np.array([0.1, 0.11, 0.12])])[0]
    assert not one.bounded
    assert (one.low, one.high, one.smallest_effect) == (0.0, math.inf, math.inf)
    assert one.ratio == pytest.approx(math.exp(0.11))


def test_a_missing_or_infinite_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1"):
        estimates([np.zeros(8), np.array([])])
    with pytest.raises(ValueError, match="row 0"):
        estimates([np.array([0.0, np.nan])])


@pytest.mark.parametrize(("n", "family_size"), [(8, 1), (8, 4), (10, 4), (20, 3)])
def test_an_effect_of_the_smallest_size_named_is_found_in_about_four_of_five_cases(n: int, family_size: int) -> None:
    noise = 0.02
    random = np.random.default_rng(n)
    quiet = random.normal(0, noise, (2000, n))
    effect = float(
        np.log1p(np.median([one.smallest_effect for one in estimates(list(quiet), family_size=family_size)]))
    )
    low, high, p = intervals(random.normal(effect, noise, (2000, n)))
    strictest = np.full((2000, family_size), 0.999)
    strictest[:, 0] = p  # the others say nothing: Holm's strictest step
    found = verdict_codes(low[:, None], high[:, None], holm(strictest)[:, :1], n) == HIGHER
    assert 0.77 <= found.mean() <= 0.83


def test_no_effect_could_have_been_seen_where_holm_allows_nothing() -> None:
    rows = [np.random.default_rng(1).normal(0, 0.01, 7)]
    assert math.isinf(estimates(rows, family_size=4)[0].smallest_effect)
    assert math.isfinite(estimates(rows, family_size=1)[0].smallest_effect)


@pytest.mark.parametrize("n", [7, 8, 15, 20])
def test_the_bootstrap_beside_is_scipys_without_its_monte_carlo_error(n: int) -> None:
    row = np.random.default_rng(n).normal(0.05, 0.02, n)
    scipys = scipy_stats.bootstrap(
        (row,), np.median, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    one = estimates([row])[0]
    nearest = np.sort(np.abs(row[:, None] + row[None, :]).ravel())  # medians are means of two: a neighbour is allowed
    gap = float(np.quantile(np.diff(np.unique(nearest)), 0.95))
    assert math.log(one.bootstrap_low) == pytest.approx(scipys.low, abs=gap)
    assert math.log(one.bootstrap_high) == pytest.approx(scipys.high, abs=gap)


def test_the_correction_for_interim_analyses_widens_the_interval_and_raises_p() -> None:
    row = np.random.default_rng(3).normal(0.01, 0.02, 14)
    once, looked = estimates([row])[0], estimates([row], procedure=Procedure("full", InterimAnalyses(8, 20)))[0]
    assert looked.low < once.low
    assert looked.high > once.high
    assert looked.p > once.p
    assert looked.ratio == once.ratio
    assert looked.smallest_effect > once.smallest_effect

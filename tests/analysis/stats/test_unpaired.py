"""Two separate campaigns: trials are permuted between them, as scipy does it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats  # type: ignore[import-untyped]

from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.unpaired import p_by_count, unpaired_estimate


def pairs_won(new: Floats, old: Floats) -> float:
    return float((new[:, None] > old[None, :]).sum())


@pytest.mark.parametrize(("new", "old"), [(4, 4), (5, 3), (6, 6)])
def test_p_is_scipys_permutation_of_trials_between_campaigns(new: int, old: int) -> None:
    random = np.random.default_rng(new)
    left, right = random.normal(0.5, 1, new), random.normal(0, 1, old)
    scipys = scipy_stats.permutation_test(
        (left, right), pairs_won, permutation_type="independent", n_resamples=np.inf, vectorized=False
    ).pvalue
    assert unpaired_estimate(left, right).p == pytest.approx(scipys, abs=1e-12)


@pytest.mark.parametrize(("new", "old"), [(8, 8), (10, 12), (20, 20)])
def test_p_is_that_of_the_exact_rank_test(new: int, old: int) -> None:
    random = np.random.default_rng(new)
    left, right = random.normal(0.8, 1, new), random.normal(0, 1, old)
    scipys = scipy_stats.mannwhitneyu(left, right, method="exact").pvalue
    assert unpaired_estimate(left, right).p == pytest.approx(scipys, rel=1e-9)


grids = st.lists(st.integers(-6, 6), min_size=4, max_size=10).map(lambda row: np.array(row, dtype=float))


@given(grids, grids)
def test_p_and_interval_never_disagree_and_the_ratio_lies_inside(new: Floats, old: Floats) -> None:
    one = unpaired_estimate(new, old)
    assert (one.p <= 0.05) == (one.low > 1 or one.high < 1)
    assert one.low <= one.ratio * (1 + 1e-12)
    assert one.ratio <= one.high * (1 + 1e-12)


def test_the_interval_covers_a_known_change() -> None:
    random = np.random.default_rng(9)
    covered = 0
    for _ in range(400):
        one = unpaired_estimate(random.normal(math.log(0.9), 0.03, 10), random.normal(0, 0.03, 10))
        covered += one.low <= 0.9 <= one.high
    assert covered / 400 >= 0.93


def test_too_few_trials_give_no_interval() -> None:
    one = unpaired_estimate(np.array([0.1, 0.2]), np.array([0.0, 0.0, 0.1]))
    assert (one.low, one.high, one.n) == (0.0, math.inf, 2)


def test_counts_of_all_deals_add_up() -> None:
    assert p_by_count(8, 9)[0] == pytest.approx(2 / math.comb(17, 8))
    assert p_by_count(8, 9)[-1] == 1.0


@pytest.mark.parametrize(("new", "old"), [(1, 1), (3, 7), (40, 25), (150, 150), (200, 37)])
def test_p_for_many_trials_is_exact_and_the_sides_may_be_exchanged(new: int, old: int) -> None:
    by_count = p_by_count(new, old)
    assert len(by_count) == new * old + 1
    assert list(by_count[: new * old]) == sorted(by_count[: new * old])
    assert by_count[0] == pytest.approx(2 / math.comb(new + old, new), rel=1e-9)
    assert by_count[new * old // 2] == pytest.approx(1.0)
    assert by_count.tolist() == p_by_count(old, new).tolist()


def test_each_number_of_trials_is_calculated_once_however_many_there_are() -> None:
    sizes = [(new, old) for new in range(1, 16) for old in range(1, 16)]  # more than any small cache holds
    first = [p_by_count(*size) for size in sizes]
    assert all(p_by_count(*size) is known for size, known in zip(sizes, first, strict=True))


def test_a_missing_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="all finite"):
        unpaired_estimate(np.array([0.1, np.nan]), np.array([0.1]))

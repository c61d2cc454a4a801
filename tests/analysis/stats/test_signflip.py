"""The sign-flip test is the one scipy makes of the same statistic, and its interval is that test inverted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats  # type: ignore[import-untyped]

from toolkit.analysis.stats.paired import intervals
from toolkit.analysis.stats.signflip import Floats, critical_weight, p_by_weight, weights

RESAMPLES = 9999


def monte_carlo_error(p: float) -> float:
    """Four standard errors of scipy's p, twice a share of RESAMPLES draws (it counts exactly while 2^n is no more)."""
    return 4 * float(np.sqrt(2 * p / RESAMPLES)) + 2 / RESAMPLES


small_grids = st.lists(st.integers(-8, 8), min_size=6, max_size=16).map(lambda row: np.array([row], dtype=float))


def weighted_signs(log_ratios: Floats) -> float:
    """The tested statistic of one sample, written once more for scipy: the weighted sum of signs."""
    ranks = np.argsort(np.argsort(np.abs(log_ratios)))
    return float((np.sign(log_ratios) * weights(len(log_ratios))[ranks]).sum())


def scipy_p(row: Floats) -> float:
    """p by scipy's own permutations of signs."""
    rng = np.random.default_rng(5)
    found = scipy_stats.permutation_test(
        (row,), weighted_signs, permutation_type="samples", n_resamples=RESAMPLES, rng=rng, vectorized=False
    )
    return float(found.pvalue)


def sample(n: int, seed: int) -> Floats:
    """Log ratios as blocks give them: off centre, with wild ones."""
    random = np.random.default_rng([n, seed])
    return np.asarray(random.normal(0.01, 0.02, n) + (random.random(n) < 0.1) * random.normal(0, 0.3, n))


def bisect(rejected: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where `rejected` changes between a rejected and an accepted shift."""
    for _ in range(30):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if rejected(middle) else (outside, middle)
    return inside


@pytest.mark.parametrize("n", [6, 8, 9, 10, 12])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_p_is_scipys_exactly_where_scipy_counts_all_flips(n: int, seed: int) -> None:
    row = sample(n, seed)
    assert intervals(row[None])[2][0] == pytest.approx(scipy_p(row), abs=1e-12)


@pytest.mark.parametrize("n", [15, 20, 30])
def test_p_is_scipys_within_monte_carlo_error_where_scipy_draws_flips(n: int) -> None:
    for seed in range(5):
        row = sample(n, seed)
        p = float(intervals(row[None])[2][0])
        assert scipy_p(row) == pytest.approx(p, abs=monte_carlo_error(p))


@pytest.mark.parametrize(("n", "seed"), [(8, 1), (8, 2), (9, 1), (10, 1)])
def test_interval_ends_are_scipys_test_inverted_by_bisection(n: int, seed: int) -> None:
    row = sample(n, seed)
    low, high, _ = (float(part[0]) for part in intervals(row[None]))
    median = float(np.median(row))
    assert bisect(lambda shift: scipy_p(row - shift) <= 0.05, row.min() - 1, median) == pytest.approx(low, abs=1e-8)
    assert bisect(lambda shift: scipy_p(row - shift) <= 0.05, row.max() + 1, median) == pytest.approx(high, abs=1e-8)


def test_interval_ends_at_20_blocks_are_scipys_within_monte_carlo_error() -> None:
    row = sample(20, 7)
    low, high, _ = (float(part[0]) for part in intervals(row[None]))
    step = 1e-6
    for outside, inside in ((low - step, low + step), (high + step, high - step)):
        assert scipy_p(row - outside) <= 0.05 + monte_carlo_error(0.05)
        assert scipy_p(row - inside) >= 0.05 - monte_carlo_error(0.05)
    share = (high - low) / 50  # a little further in or out, scipy is sure
    assert scipy_p(row - (low - 10 * share)) < 0.05 < scipy_p(row - (low + 10 * share))


@given(small_grids)
def test_p_and_interval_never_disagree_whatever_ties_and_zeros_there_are(rows: Floats) -> None:
    low, high, p = (part[0] for part in intervals(rows))
    assert (p <= 0.05) == (low > 0 or high < 0)


@given(small_grids, st.integers(0, 1000))
def test_ties_and_zeros_count_against_rejecting(rows: Floats, seed: int) -> None:
    untied = rows + np.random.default_rng(seed).normal(0, 1e-6, rows.shape)
    assert intervals(rows)[2][0] >= intervals(untied)[2][0]


@given(small_grids, st.integers(-20, 20))
def test_a_shift_of_the_data_shifts_the_interval_and_turning_it_round_turns_it_round(rows: Floats, shift: int) -> None:
    low, high, p = (part[0] for part in intervals(rows))
    moved_low, moved_high, _ = (part[0] for part in intervals(rows + shift))
    assert (moved_low, moved_high) == (low + shift, high + shift)
    turned_low, turned_high, turned_p = (part[0] for part in intervals(-rows))
    assert (turned_low, turned_high, turned_p) == (-high, -low, p)


@given(st.integers(8, 40), st.integers(0, 10_000))
def test_the_reported_median_always_lies_in_the_interval(n: int, seed: int) -> None:
    row = np.random.default_rng(seed).standard_cauchy(n) ** 3  # as skewed and wild as can be
    low, high, _ = (float(part[0]) for part in intervals(row[None]))
    assert low <= np.median(row) <= high


@pytest.mark.parametrize("n", [9, 10, 11, 12, 15, 20])
def test_one_block_hit_by_something_else_cannot_stretch_the_interval_beyond_the_other_blocks(n: int) -> None:
    row = np.random.default_rng(n).normal(0, 0.01, n)
    others = row[1:]
    row[0] = 5.0
    low, high, _ = (float(part[0]) for part in intervals(row[None]))
    assert others.min() <= low <= high <= others.max()


def test_below_six_blocks_no_interval_is_claimed() -> None:
    low, high, p = (part[0] for part in intervals(np.full((1, 5), 0.3)))
    assert (low, high) == (-np.inf, np.inf)
    assert p == 2 / 2**5


def test_identical_arms_give_an_interval_of_no_width_and_no_evidence() -> None:
    low, high, p = (part[0] for part in intervals(np.zeros((1, 10))))
    assert (low, high, p) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("n", range(6, 31))
def test_the_critical_weight_is_the_largest_with_p_at_most_five_percent(n: int) -> None:
    p_values = p_by_weight(n)
    critical = critical_weight(p_values, 0.05)
    assert p_values[critical] <= 0.05 < p_values[critical + 1]

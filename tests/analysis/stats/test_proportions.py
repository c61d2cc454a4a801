"""Failure rates: the interval covers the truth whatever the rate, and two arms are compared exactly, as scipy does it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats  # type: ignore[import-untyped]

from toolkit.analysis.stats.proportions import clopper_pearson, fisher_p

counts = st.integers(0, 60).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(counts)
def test_the_interval_is_scipys_exact_one(count: tuple[int, int]) -> None:
    events, trials = count
    assume(trials)
    scipys = scipy_stats.binomtest(events, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(events, trials) == pytest.approx((scipys.low, scipys.high), abs=1e-9)


@given(st.integers(1, 40), st.floats(0.001, 0.999))
def test_it_covers_every_true_rate_in_at_least_95_percent_of_campaigns(trials: int, rate: float) -> None:
    covering = [
        events for events in range(trials + 1) if (ends := clopper_pearson(events, trials))[0] <= rate <= ends[1]
    ]
    assert scipy_stats.binom.pmf(covering, trials, rate).sum() >= 0.95 - 1e-9


@given(counts)
def test_exchanging_failing_and_not_failing_mirrors_the_interval(count: tuple[int, int]) -> None:
    low, high = clopper_pearson(*count)
    other_low, other_high = clopper_pearson(count[1] - count[0], count[1])
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low), abs=1e-9)


def test_four_of_ten_is_12_to_74_percent() -> None:
    assert clopper_pearson(4, 10) == pytest.approx((0.1216, 0.7376), abs=1e-4)


@given(counts, counts)
def test_two_arms_are_compared_as_scipy_compares_them(here: tuple[int, int], there: tuple[int, int]) -> None:
    table = [[here[0], here[1] - here[0]], [there[0], there[1] - there[0]]]
    assert fisher_p(*here, *there) == pytest.approx(scipy_stats.fisher_exact(table).pvalue, rel=1e-6)
    assert fisher_p(*here, *there) == fisher_p(*there, *here)


def test_equal_arms_are_called_different_in_at_most_5_percent() -> None:
    for rate in (0.05, 0.2, 0.5):
        chance = scipy_stats.binom.pmf(range(13), 12, rate)
        false = sum(chance[a] * chance[b] for a in range(13) for b in range(13) if fisher_p(a, 12, b, 12) <= 0.05)
        assert false <= 0.05


@pytest.mark.parametrize("count", [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(count: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="0 <= events <= trials"):
        clopper_pearson(*count)
    with pytest.raises(ValueError, match="0 <= events <= trials"):
        fisher_p(*count, 1, 3)

"""Interim analyses after every block: the corrected intervals hold at every one, whatever made a campaign stop."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.analysis.stats.interim import p_values
from toolkit.analysis.stats.paired import intervals
from toolkit.analysis.stats.procedure import InterimAnalyses, Procedure
from toolkit.analysis.stats.signflip import Floats, p_by_weight

CAMPAIGNS = 4000


def noise(kind: str, shape: tuple[int, int]) -> Floats:
    random = np.random.default_rng(11)
    return np.asarray(random.standard_normal(shape) if kind == "normal" else random.standard_t(2, shape))


@pytest.mark.parametrize("kind", ["normal", "heavy tails"])
def test_all_analyses_together_miss_the_truth_in_at_most_five_percent(kind: str) -> None:
    data, interim = noise(kind, (CAMPAIGNS, 20)), InterimAnalyses(8, 20)
    corrected, naive = np.zeros(CAMPAIGNS, dtype=bool), np.zeros(CAMPAIGNS, dtype=bool)
    for n in range(8, 21):
        low, high, _ = intervals(data[:, :n], Procedure("full", interim))
        corrected |= (low > 0) | (high < 0)
        low, high, _ = intervals(data[:, :n])
        naive |= (low > 0) | (high < 0)
    error = 3 * np.sqrt(0.05 * 0.95 / CAMPAIGNS)
    assert corrected.mean() <= 0.05 + error
    assert naive.mean() > 0.10  # without the correction it would have been two or three times as many


@pytest.mark.parametrize("n", [8, 11, 20])
def test_a_corrected_p_is_never_below_the_ordinary_one_and_grows_with_it(n: int) -> None:
    found = p_values(n, InterimAnalyses(8, 20))
    assert (found >= p_by_weight(n)).all()
    assert (np.diff(found) >= 0).all()


def test_a_single_analysis_needs_almost_no_correction() -> None:
    assert p_values(12, InterimAnalyses(12, 12))[:20] == pytest.approx(p_by_weight(12)[:20], abs=0.006)


def test_four_metrics_that_all_differ_plainly_pass_holm_at_nine_blocks() -> None:
    assert 4 * p_values(9, InterimAnalyses(8, 20))[0] <= 0.05


def test_more_blocks_than_the_declared_limit_are_refused() -> None:
    with pytest.raises(ValueError, match="21 blocks, but the interim analyses end at 20"):
        p_values(21, InterimAnalyses(8, 20))


@pytest.mark.parametrize(("first", "limit"), [(1, 20), (9, 8)])
def test_impossible_analyses_are_refused(first: int, limit: int) -> None:
    with pytest.raises(ValueError, match="need 2 <= first <= limit"):
        InterimAnalyses(first, limit)

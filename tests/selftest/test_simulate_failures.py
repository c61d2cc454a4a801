"""An arm that fails by itself is never called better, and how often it fails is estimated with an honest interval."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.analysis.decision import choose
from toolkit.selftest import simulate_failures
from toolkit.selftest.simulate_failures import failure_row


@pytest.mark.parametrize("rates", simulate_failures.RATES)
@pytest.mark.parametrize("blocks", simulate_failures.BLOCKS)
def test_promises_are_kept(rates: tuple[float, float], blocks: int) -> None:
    row = failure_row(*rates, blocks, 200, np.random.default_rng(1))
    assert not row.broken, row


def test_without_failures_the_faster_and_smaller_arm_is_found() -> None:
    """Else the promise to call no failing arm better would be kept by saying nothing."""
    row = failure_row(0.0, 0.0, 10, 100, np.random.default_rng(1))
    assert row.candidate_better > 0.95


def test_an_arm_that_fails_in_four_of_ten_trials_loses_to_one_that_never_does() -> None:
    row = failure_row(0.4, 0.0, 20, 100, np.random.default_rng(1))
    assert row.candidate_better == 0
    assert row.baseline_better > 0.8


def test_judging_the_lucky_trials_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_failures, "choose", lambda family, *_: choose(family))
    row = failure_row(0.1, 0.0, 20, 100, np.random.default_rng(1))
    assert "no arm that failed is the better choice" in row.broken


def test_an_interval_that_is_too_narrow_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_failures, "clopper_pearson", lambda count, n: (count / n, count / n))
    assert any("covers" in broken for broken in failure_row(0.1, 0.0, 10, 100, np.random.default_rng(1)).broken)

"""Slopes over time: a leak is seen, noise that hangs together is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal  # type: ignore[import-untyped]

from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.trend import trend

SECONDS = np.arange(1800.0)
SOAKS = 300


def wander(memory: float, random: np.random.Generator) -> Floats:
    """Noise whose neighbours are alike: 0 white, 0.99 remembers 100 s, 1 a random walk."""
    warm = 0 if memory == 1 else 1000
    return np.asarray(signal.lfilter([1], [1, -memory], random.standard_normal(1800 + warm))[warm:])


@pytest.mark.parametrize(("memory", "least"), [(0.0, 0.93), (0.9, 0.92), (0.99, 0.92), (1.0, 0.88)])
def test_the_interval_covers_the_slope_however_the_noise_hangs_together(memory: float, least: float) -> None:
    random = np.random.default_rng(7)
    slope = 0.001
    found = [trend(SECONDS, slope * SECONDS + wander(memory, random)) for _ in range(SOAKS)]
    assert np.mean([one.low <= slope <= one.high for one in found]) >= least


def test_a_leak_is_seen_with_its_size() -> None:
    found = trend(SECONDS, 100 + 2 / 3600 * SECONDS + 0.2 * np.random.default_rng(1).standard_normal(1800))
    assert found.low > 0
    assert found.slope * 3600 == pytest.approx(2, abs=0.15)


def test_a_sawtooth_of_collections_and_single_spikes_are_no_leak() -> None:
    random = np.random.default_rng(2)
    values = 100 + (SECONDS % 170) / 20 + (random.random(1800) < 0.01) * 80
    found = trend(SECONDS, values)
    assert found.low <= 0
    assert found.high >= 0


def test_memory_that_wanders_is_not_claimed_to_grow() -> None:
    random = np.random.default_rng(3)
    assert np.mean([trend(SECONDS, wander(1.0, random)).low > 0 for _ in range(SOAKS)]) <= 0.06


def test_a_straight_line_and_a_constant_have_their_slope_and_no_doubt() -> None:
    line, flat = trend(SECONDS, 3 * SECONDS), trend(SECONDS, np.full(1800, 104.0))
    assert (line.slope, line.low, line.high) == pytest.approx((3, 3, 3))
    assert (flat.slope, flat.low, flat.high) == (0, 0, 0)


def test_few_samples_give_a_slope_but_no_interval() -> None:
    found = trend(np.arange(5.0), np.array([1.0, 2.0, 3.0, 4.0, 6.0]))
    assert found.slope == pytest.approx(1.2)
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_samples_at_uneven_times_are_weighed_by_time() -> None:
    random = np.random.default_rng(4)
    at = np.sort(random.random(900) ** 3 * 1800)
    assert trend(at, 0.5 * at + random.standard_normal(900)).slope == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize(
    ("seconds", "values", "problem"),
    [([1.0], [1.0], "at least 2"), ([1.0, 1.0], [1.0, 2.0], "the same time"), ([1.0, 2.0], [1.0, np.nan], "finite")],
)
def test_what_has_no_slope_is_refused(seconds: list[float], values: list[float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        trend(np.array(seconds), np.array(values))

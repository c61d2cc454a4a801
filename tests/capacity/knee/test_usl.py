"""The fit finds known coefficients within their intervals, and is omitted where the values do not determine them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.capacity.knee.usl import Fit, NotFitted, fit, law

THREADS = (1, 2, 4, 8, 16, 32, 64)


@pytest.mark.parametrize(
    ("unit", "contention", "coherency"), [(900, 0.05, 0.0005), (12000, 0.4, 0.002), (50, 0.01, 0.0), (3000, 0.9, 0.01)]
)
def test_known_coefficients_are_inside_their_intervals(unit: float, contention: float, coherency: float) -> None:
    truth = (unit, contention, coherency)
    inside = np.zeros(3)
    for seed in range(40):
        random = np.random.default_rng(seed)
        measured = [(n, law(n, *truth) * math.exp(random.normal(0, 0.02))) for n in THREADS for _ in range(3)]
        found = fit("threads", measured)
        assert isinstance(found, Fit)
        coefficients = (found.unit_rps, found.contention, found.coherency)
        inside += [one.low <= true <= one.high for one, true in zip(coefficients, truth, strict=True)]
    assert (inside >= 34).all(), inside  # 95% of 40 is 38; fewer than 34 has a probability of 1 in 100


def test_where_more_begins_to_hurt_is_named() -> None:
    found = fit("threads", [(n, law(n, 1000, 0.1, 0.01)) for n in THREADS])
    assert isinstance(found, Fit) and found.peak is not None
    assert found.peak == pytest.approx(math.sqrt(0.9 / 0.01), rel=0.01)
    assert found.words.startswith("beyond about 9 threads (9") and found.words.endswith("the rate falls")


def test_a_peak_is_stated_only_where_its_interval_excludes_none() -> None:
    stated = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        measured = [(n, law(n, 1000, 0.3, 0.0) * math.exp(random.normal(0, 0.15))) for n in THREADS for _ in range(3)]
        found = fit("threads", measured)
        if isinstance(found, Fit) and found.peak is not None:
            assert found.coherency.low > 0 and found.peak_high is not None and found.peak_high < 64
            stated += 1
    assert stated <= 6, "95% intervals: 40 laws without a peak and noise of 15% may state 2"


def test_a_peak_that_is_stated_lies_in_its_interval() -> None:
    truth, inside, stated = math.sqrt(0.9 / 0.004), 0, 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        measured = [(n, law(n, 1000, 0.1, 0.004) * math.exp(random.normal(0, 0.05))) for n in THREADS for _ in range(3)]
        found = fit("threads", measured)
        if isinstance(found, Fit) and found.peak_low is not None and found.peak_high is not None:
            stated += 1
            inside += found.peak_low <= truth <= found.peak_high
    assert stated >= 30 and inside >= 0.85 * stated


def test_a_server_that_only_grows_has_no_peak_beyond_what_was_measured() -> None:
    found = fit("threads", [(n, law(n, 1000, 0.02, 0.0)) for n in THREADS])
    assert isinstance(found, Fit) and found.peak is None
    assert found.words == "up to 64 threads no fall of the rate is shown"


def test_fewer_than_six_values_are_not_fitted_however_often_measured() -> None:
    found = fit("workers", [(n, 100.0 * n) for n in (1, 2, 4, 8, 16) for _ in range(10)])
    assert found == NotFitted("workers", "5 values of workers measured (1, 2, 4, 8, 16), a fit needs 6")


@settings(max_examples=30)
@given(st.lists(st.floats(1, 1e5), min_size=6, max_size=6))
def test_any_rates_give_a_fit_within_its_bounds_or_a_reason(rates: list[float]) -> None:
    found = fit("threads", list(zip(THREADS, rates, strict=False)))
    if isinstance(found, NotFitted):
        assert found.reason
        return
    assert 0 <= found.contention.value <= 1 and 0 <= found.coherency.value <= 1
    json.dumps(found.data(), allow_nan=False)

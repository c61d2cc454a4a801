"""Verdicts on metrics and claims, and that there is none too early."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.analysis.stats.paired import Estimate, estimates
from toolkit.analysis.stats.procedure import QUICK
from toolkit.analysis.stats.verdicts import claim_verdict, family_verdicts, holm


def around(ratio: float, noise: float = 0.005, n: int = 10) -> Estimate:
    """An estimate of blocks spread evenly around a ratio."""
    return estimates([np.log(ratio) + np.linspace(-noise, noise, n)], family_size=4)[0]


def test_holm_is_the_published_step_down() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_never_lowers_a_p_and_keeps_their_order(p_values: list[float]) -> None:
    given_p = np.array(p_values)
    found = holm(given_p)
    assert ((given_p <= found) & (found <= np.minimum(1, given_p * len(given_p)) + 1e-12) | (found >= given_p)).all()
    order = np.argsort(given_p)
    assert (np.diff(found[order]) >= 0).all()
    assert found.max() <= 1


def test_a_family_gets_a_verdict_for_each_metric() -> None:
    family = {"up": around(1.10), "down": around(0.80), "same": around(1.0), "unclear": around(1.0, noise=0.2)}
    assert {name: verdict.verdict for name, verdict in family_verdicts(family).items()} == {
        "up": "higher",
        "down": "lower",
        "same": "equivalent",
        "unclear": "inconclusive",
    }


@pytest.mark.parametrize("n", [1, 5, 6, 7])
def test_there_is_no_verdict_below_eight_blocks_however_large_the_effect(n: int) -> None:
    assert family_verdicts({"rps": around(0.5, n=n)})["rps"].verdict == "inconclusive"


def test_an_interval_that_excludes_one_is_not_enough_when_holm_does_not_agree() -> None:
    row = np.array([0.060, 0.055, 0.050, 0.048, 0.045, 0.040, -0.035, 0.030, 0.020, 0.010])  # p = 0.014
    lone = estimates([row])[0]
    assert lone.low > 1
    assert family_verdicts({"rps": lone})["rps"].verdict == "higher"
    noisy = around(1.0, noise=0.2)
    family = family_verdicts({"rps": lone, "cpu": noisy, "memory": noisy, "p99": noisy})
    assert family["rps"].verdict == "inconclusive"
    assert family["rps"].holm_p > 0.05


def test_a_small_but_sure_change_has_its_direction_as_verdict() -> None:
    assert family_verdicts({"rps": around(1.01, noise=0.002)})["rps"].verdict == "higher"


def test_an_interval_that_touches_the_band_from_outside_is_not_equivalent() -> None:
    assert family_verdicts({"rps": around(1.028, noise=0.02)})["rps"].verdict != "equivalent"


def test_no_metrics_no_verdicts() -> None:
    assert family_verdicts({}) == {}


@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [(0.80, "reproduced"), (1.0, "contradicted"), (0.75, "inconclusive"), (0.5, "direction holds, size differs")],
)
def test_a_claim_holds_when_the_whole_interval_is_in_its_band(ratio: float, outcome: str) -> None:
    assert claim_verdict(around(ratio), 0.75, 0.85) == outcome


@given(st.floats(0.2, 5.0), st.sampled_from([(0.75, 0.85), (1.2, 1.5), (0.9, 1.1), (1.0, 1.3)]))
def test_more_than_claimed_is_said_only_on_the_side_away_from_1(ratio: float, band: tuple[float, float]) -> None:
    one = around(ratio)
    beyond = (band[1] < 1 and one.high < band[0]) or (band[0] > 1 and one.low > band[1])
    assert (claim_verdict(one, *band) == "direction holds, size differs") == beyond


def test_a_claim_open_on_one_side() -> None:
    assert claim_verdict(around(7.0), 5.0, None) == "reproduced"
    assert claim_verdict(around(2.0), 5.0, None) == "contradicted"
    assert claim_verdict(around(0.5), None, 0.9) == "reproduced"


def test_every_claim_is_inconclusive_below_eight_blocks() -> None:
    assert claim_verdict(around(0.80, n=7), 0.75, 0.85) == "inconclusive"


def test_an_empty_band_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a band from 0\.9 to 0\.8 is empty"):
        claim_verdict(around(1.0), 0.9, 0.8)


@pytest.mark.parametrize(("n", "bounded"), [(1, False), (2, False), (3, True), (7, True)])
def test_a_quick_run_has_intervals_from_three_blocks_on(n: int, bounded: bool) -> None:
    (one,) = estimates([np.log(0.5) + np.linspace(-0.005, 0.005, n)], procedure=QUICK)
    assert one.bounded == bounded
    assert (family_verdicts({"rps": one}, QUICK)["rps"].verdict == "lower") == bounded
    assert claim_verdict(one, 0.3, 0.7, QUICK) == ("reproduced" if bounded else "inconclusive")


def test_only_the_sign_flip_test_calls_arms_equivalent() -> None:
    verdicts = {
        n: family_verdicts({"rps": estimates([np.linspace(-0.004, 0.004, n)], procedure=QUICK)[0]}, QUICK)[
            "rps"
        ].verdict
        for n in (5, 7, 8, 10)
    }
    assert verdicts == {5: "inconclusive", 7: "inconclusive", 8: "equivalent", 10: "equivalent"}

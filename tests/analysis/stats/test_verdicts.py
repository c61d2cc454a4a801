"""Verdicts and claims: what is said, and that nothing is said too early."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.analysis.stats import Estimate, estimates, holm, judge, judge_claim


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
    assert {name: verdict.outcome for name, verdict in judge(family).items()} == {
        "up": "higher",
        "down": "lower",
        "same": "equivalent",
        "unclear": "inconclusive",
    }


def test_an_inconclusive_verdict_says_what_could_have_been_seen() -> None:
    reason = judge({"rps": around(1.0, noise=0.2)})["rps"].reason
    assert reason.startswith("the interval holds 1 and reaches beyond ±3%; 10 blocks with this spread see changes from")


@pytest.mark.parametrize("n", [1, 5, 6, 7])
def test_nothing_is_said_below_eight_blocks_however_plain_it_looks(n: int) -> None:
    verdict = judge({"rps": around(0.5, n=n)})["rps"]
    assert verdict.outcome == "inconclusive"
    assert verdict.reason == f"{n} blocks: no verdict below 8"


def test_an_interval_beside_one_is_not_enough_when_holm_does_not_agree() -> None:
    row = np.array([0.060, 0.055, 0.050, 0.048, 0.045, 0.040, -0.035, 0.030, 0.020, 0.010])  # p = 0.014
    lone = estimates([row])[0]
    assert lone.low > 1
    assert judge({"rps": lone})["rps"].outcome == "higher"
    noisy = around(1.0, noise=0.2)
    family = judge({"rps": lone, "cpu": noisy, "memory": noisy, "p99": noisy})
    assert family["rps"].outcome == "inconclusive"
    assert "after Holm over 4" in family["rps"].reason


def test_a_small_but_sure_change_is_named_and_said_to_be_small() -> None:
    verdict = judge({"rps": around(1.01, noise=0.002)})["rps"]
    assert verdict.outcome == "higher"
    assert verdict.reason.endswith("though it is within ±3%")


def test_an_interval_that_touches_the_band_from_outside_is_not_equivalent() -> None:
    assert judge({"rps": around(1.028, noise=0.02)})["rps"].outcome != "equivalent"


def test_no_metrics_no_verdicts() -> None:
    assert judge({}) == {}


@pytest.mark.parametrize(
    ("ratio", "outcome"), [(0.80, "reproduced"), (1.0, "contradicted"), (0.75, "inconclusive"), (0.5, "contradicted")]
)
def test_a_claim_holds_when_the_whole_interval_is_in_its_band(ratio: float, outcome: str) -> None:
    assert judge_claim(around(ratio), 0.75, 0.85).outcome == outcome


def test_a_claim_open_on_one_side() -> None:
    assert judge_claim(around(7.0), 5.0, None).outcome == "reproduced"
    assert judge_claim(around(2.0), 5.0, None).outcome == "contradicted"
    assert judge_claim(around(0.5), None, 0.9).outcome == "reproduced"


def test_every_claim_is_inconclusive_below_eight_blocks() -> None:
    judged = judge_claim(around(0.80, n=7), 0.75, 0.85)
    assert (judged.outcome, judged.reason) == ("inconclusive", "7 blocks: no verdict below 8")


def test_an_empty_band_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a band from 0\.9 to 0\.8 is empty"):
        judge_claim(around(1.0), 0.9, 0.8)

"""What fits into a time budget is decided before anything is measured, and what does not is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import ARMS, a_campaign
from toolkit.analysis.compare import compare
from toolkit.bench.budget import MOST_BLOCKS, shares, within_budget
from toolkit.bench.runs import estimate_seconds, plan_of
from toolkit.campaign.budget import BudgetPlan
from toolkit.errors import GilfreeError
from toolkit.report.tables import table
from toolkit.scenario.loading import load_scenario

SCENARIOS = [load_scenario(name).with_load(rounds=5) for name in ("asgi", "wsgi")]
CHOSEN = [(one, ["as it was"]) for one in SCENARIOS]
POINT_SECONDS = 5 * 2 * 9
POINTS = sum(len(one.points()) for one in SCENARIOS)


def test_enough_time_leaves_all_as_it_is() -> None:
    assert within_budget(CHOSEN, [2, 2], POINTS * POINT_SECONDS, turns=True) == CHOSEN


@given(st.integers(1, POINTS))
def test_as_many_points_are_measured_as_fit_and_the_others_are_named(fit: int) -> None:
    found = within_budget(CHOSEN, [2, 2], fit * POINT_SECONDS, turns=True)
    kept = {(one.name, point.key) for one, _ in found for point in one.points()}
    assert len(kept) == fit
    named = " ".join(words for _, caveats in found for words in caveats)
    for one in SCENARIOS:
        for point in one.points():
            assert ((one.name, point.key) in kept) != (f"{one.name} {point.label()}" in named)


def test_the_dearest_points_are_left_out_first() -> None:
    slow = SCENARIOS[0].with_load(duration_seconds=60).model_copy(update={"name": "slow"})
    kept = within_budget([(slow, []), *CHOSEN[1:]], [2, 2], 600, turns=False)
    assert [one.name for one, _ in kept] == ["wsgi"]


def test_a_budget_for_no_point_at_all_is_refused() -> None:
    with pytest.raises(GilfreeError, match=r"--budget 10s: not even one point fits, the cheapest takes about 90 s"):
        within_budget(CHOSEN, [2, 2], 10, turns=True)


def test_the_budget_is_shared_by_what_scenarios_cost() -> None:
    found = shares(SCENARIOS, [2, 2], 900, turns=True)
    assert sum(one["seconds"] for one in found) == pytest.approx(900)
    per_point = {one["seconds"] / len(scenario.points()) for one, scenario in zip(found, SCENARIOS, strict=True)}
    assert max(per_point) == pytest.approx(min(per_point))
    assert [one["most_blocks"] for one in shares([SCENARIOS[0].with_load(rounds=10)], [2], 900, turns=True)] == [10]


def test_a_campaign_with_a_budget_is_planned_estimated_and_judged_by_it(tmp_path: Path) -> None:
    (budget,) = shares(SCENARIOS[:1], [2], 3600, turns=True)
    about = {"budget": budget, "mode": "turns"}
    campaign = a_campaign(
        tmp_path / "c", scenario=SCENARIOS[0], blocks=5, ratios={"3.14t": 0.8}, noise=0.03, about=about
    )
    plan = plan_of(campaign)
    assert isinstance(plan, BudgetPlan)
    block = plan.next(campaign.records(), [])
    widths = {one.key: one.family[0].high / one.family[0].low for one in compare(campaign).points}  # type: ignore[operator]
    assert block is not None and (block.point.key, block.index) == (max(widths, key=lambda key: widths[key]), 5)
    assert set(block.arms) == {arm.name for arm in ARMS}
    assert plan.total() == len(SCENARIOS[0].points()) * MOST_BLOCKS
    assert 0 < estimate_seconds([campaign]) <= 3600
    assert compare(campaign).procedure.interim is not None  # from 8 blocks on, intervals are corrected for the looks


def test_claims_about_points_that_were_left_out_are_not_measured(tmp_path: Path) -> None:
    ((one, _),) = within_budget(CHOSEN[:1], [2], POINT_SECONDS, turns=True)
    states = {claim["state"] for claim in table(a_campaign(tmp_path / "c", scenario=one, blocks=5)).claims}
    assert "not measured" in states

"""Which settings a campaign searches, and what it prints before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capacity.campaigns import ARMS, RULES, about, run, scenario
from tests.capacity.campaigns import plan as a_plan
from tests.factory import POINTS
from toolkit.campaign.plan import FixedMatrix
from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.run import (
    choose_points,
    duration_estimate,
    grid_points,
    narrow_scenario,
    search_plan_of,
    verification_plan_of,
)
from toolkit.capacity.knee.search_plan import KneeSearchPlan, KneeSettings
from toolkit.errors import GilfreeError
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Arm


def a_campaign(folder: Path, budget: int | None = None) -> Campaign:
    arms = [Arm(ARMS[0], "gil", "python"), Arm(ARMS[1], "free-threaded", "python")]
    described = {**about(KneeSettings(RULES, 3, budget)), "run": "run"}
    return Campaign.create(folder, scenario(POINTS, "asgi"), arms, described)


def test_without_a_choice_each_endpoint_has_its_first_setting() -> None:
    points = choose_points(load_scenario("wsgi-threads"), [])
    assert len(points) == len({point.endpoint for point in points})
    assert points[0] == load_scenario("wsgi-threads").points()[0]


def test_the_grid_of_wsgi_is_over_threads_and_of_asgi_over_workers_up_to_the_cores() -> None:
    wsgi, asgi = load_scenario("wsgi"), load_scenario("asgi")
    assert [point.threads for point in grid_points(wsgi, "json", 4)] == [1, 2, 4, 8, 16, 32, 64]
    assert [(point.workers, point.threads) for point in grid_points(asgi, "io", 3)] == [(1, 1), (2, 1), (3, 1)]
    assert len({point.connections for point in grid_points(wsgi, "json", 4)}) == 1


def test_a_narrowed_scenario_has_these_points_alone_and_nothing_published() -> None:
    asgi = load_scenario("asgi")
    found = narrow_scenario(asgi, [asgi.points()[1]], server_cpus=2.0)
    assert found.points() == [asgi.points()[1]]
    assert found.published is None and found.claims == ()
    assert found.resources.server.cpus == 2.0 and found.resources.load == asgi.resources.load


def test_an_impossible_setting_is_refused() -> None:
    asgi = load_scenario("asgi")
    with pytest.raises(GilfreeError, match="Granian refuses"):
        narrow_scenario(asgi, [asgi.points()[0].model_copy(update={"threads": 4})])


def test_the_duration_is_printed_first_and_how_much_of_it_fits_in_a_budget(tmp_path: Path) -> None:
    whole = duration_estimate([a_campaign(tmp_path / "whole")])
    assert "min for 12 searches of a knee" in whole and "budget" not in whole
    part = duration_estimate([a_campaign(tmp_path / "part", budget=300)])
    assert "the 5 min of the budget are enough for about" in part


def test_a_resumed_run_says_what_is_left_and_how_much_of_it_fits_in_its_budget(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "knee", budget=300)
    for one in run(a_plan(POINTS), lambda point, block, arm: 1000.0 + block):
        if one.block == 0:
            campaign.store.append(one)
    assert "min for 8 searches of a knee; the 0 min of the budget are enough for about 0 of them" in duration_estimate(
        [campaign]
    )


def test_a_campaign_that_searches_for_knees_is_resumed_as_one_by_any_command(tmp_path: Path) -> None:
    from toolkit.bench.runs import plan_of

    found = plan_of(a_campaign(tmp_path / "knee"))
    assert isinstance(found, KneeSearchPlan) and not isinstance(found, FixedMatrix)
    assert found == search_plan_of(Campaign.open(tmp_path / "knee"))


def test_only_knees_that_were_found_are_verified(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "knee")
    assert verification_plan_of(campaign).total() == 0
    for one in run(a_plan(POINTS), lambda point, block, arm: 1000.0 + block):
        campaign.store.append(one)
    plan = verification_plan_of(campaign)
    assert plan.total() == 8 and plan.estimate_seconds() > 8 * 40

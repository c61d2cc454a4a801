"""Two finished campaigns: refused when they are not comparable, labelled when they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulated import a_campaign, two_points
from toolkit.analysis.unpaired import LABEL, compare_campaigns
from toolkit.errors import GilfreeError
from toolkit.report.comparison_json import unpaired_data
from toolkit.scenario.loading import load_scenario


def test_a_clear_change_between_two_campaigns_is_found_and_labelled(tmp_path: Path) -> None:
    old = a_campaign(tmp_path / "old", about={"packages": {"granian": "2.8.6"}})
    new = a_campaign(tmp_path / "new", ratios={"3.14t": 1.2}, seed=2, about={"packages": {"granian": "2.8.7"}})
    found = compare_campaigns(old, new)
    verdicts = {(one.role, one.key): one.family[0].verdict for one in found.points}
    assert {verdict for (role, _), verdict in verdicts.items() if role == "free-threaded"} == {"higher"}
    assert {verdict for (role, _), verdict in verdicts.items() if role == "gil"} <= {"equivalent", "inconclusive"}
    assert found.label == LABEL == "machine drift not excluded"
    assert found.differences == ("packages granian: 2.8.6 and 2.8.7",)
    json.dumps(unpaired_data(found), allow_nan=False)


def test_different_scenarios_are_refused_by_the_key_that_differs(tmp_path: Path) -> None:
    old = a_campaign(tmp_path / "old")
    new = a_campaign(tmp_path / "new", scenario=load_scenario("asgi").with_load(duration_seconds=5))
    with pytest.raises(GilfreeError, match=r"scenario load.duration_seconds: 10 and 5") as raised:
        compare_campaigns(old, new)
    assert "--force" in raised.value.remedy
    assert compare_campaigns(old, new, force=True).differences[0] == (
        "forced: scenario load.duration_seconds: 10 and 5"
    )


def test_the_number_of_blocks_may_differ(tmp_path: Path) -> None:
    old = a_campaign(tmp_path / "old", blocks=8)
    new = a_campaign(tmp_path / "new", blocks=12, scenario=two_points().with_load(rounds=12))
    assert {one.n for point in compare_campaigns(old, new).points for one in point.family} == {8}


def test_different_machines_are_refused_by_the_fact_that_differs(tmp_path: Path) -> None:
    old = a_campaign(tmp_path / "old")
    new = a_campaign(tmp_path / "new", about={"machine": {"cpu_model": "another", "cpus": 2}})
    with pytest.raises(GilfreeError, match="machine cpu_model: 'test' and 'another'"):
        compare_campaigns(old, new)


def test_campaigns_with_nothing_in_common_are_refused_even_with_force(tmp_path: Path) -> None:
    old, new = a_campaign(tmp_path / "old", blocks=0), a_campaign(tmp_path / "new")
    with pytest.raises(GilfreeError, match="no point of one variant in common"):
        compare_campaigns(old, new, force=True)


def test_a_variant_that_often_fails_gets_no_verdict_from_its_other_trials(tmp_path: Path) -> None:
    old = a_campaign(tmp_path / "old", blocks=20)
    new = a_campaign(tmp_path / "new", blocks=20, ratios={"3.14t": 2.0, "3.14": 2.0}, failed={"3.14t": 8})
    verdicts = {one.role: {metric.verdict for metric in one.family} for one in compare_campaigns(old, new).points}
    assert verdicts["free-threaded"] == {"inconclusive"}
    assert "higher" in verdicts["gil"]

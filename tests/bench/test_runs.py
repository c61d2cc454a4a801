"""Quick runs, changed limits, and how a run is found again by its name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import ARMS, a_campaign
from toolkit.bench.runs import estimate_seconds, find_campaigns, quick_scenario, trial_count, with_limits
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.scenario.loading import load_scenario

ASGI = load_scenario("asgi")
SHARES = st.floats(0, 1)


def make_campaigns(results: Path, run: str, *scenarios: str, age_seconds: int = 0) -> None:
    for name in scenarios:
        campaign = Campaign.create(results / f"{run}-{name}", load_scenario(name), ARMS, {"run": run})
        file = campaign.folder / "campaign.json"
        seconds = file.stat().st_mtime - age_seconds
        os.utime(file, (seconds, seconds))


def names(campaigns: list[Campaign]) -> list[str]:
    return [one.name for one in campaigns]


def test_a_quick_run_is_shorter_and_says_what_was_shortened() -> None:
    short, caveat = quick_scenario(ASGI, None, None)
    assert (short.load.rounds, short.load.duration_seconds, short.load.warmup_seconds) == (5, 5, 2)
    full = ASGI.load
    assert caveat.startswith(
        f"quick run: 5 blocks instead of {full.rounds}, 5 s windows instead of {full.duration_seconds} s,"
        f" 2 s warm-up instead of {full.warmup_seconds} s, "
    )


def test_blocks_and_duration_that_are_given_hold_in_a_quick_run() -> None:
    short, _ = quick_scenario(ASGI, 3, 7)
    assert (short.load.rounds, short.load.duration_seconds) == (3, 7)


@given(SHARES, SHARES)
def test_a_quick_run_never_lowers_a_limit(foreign_cpu: float, steal: float) -> None:
    own = with_limits(ASGI, [f"foreign_cpu={foreign_cpu}", f"steal={steal}"])
    short, _ = quick_scenario(own, None, None)
    assert short.limits.foreign_cpu >= own.limits.foreign_cpu and short.limits.steal >= own.limits.steal
    assert short.limits.model_copy(update={"foreign_cpu": 0, "steal": 0}) == own.limits.model_copy(
        update={"foreign_cpu": 0, "steal": 0}
    )


def test_the_caveat_of_a_quick_run_states_the_limits_that_the_user_gave() -> None:
    short, caveat = quick_scenario(ASGI, None, None, ["foreign_cpu=0.4", "steal=0.05"])
    assert (short.limits.foreign_cpu, short.limits.steal) == (0.4, 0.05)
    assert "up to 40% of the server's CPU time" in caveat and "and 5% to the host" in caveat


def test_a_limit_is_changed_alone() -> None:
    changed = with_limits(ASGI, ["foreign_cpu=0.2"])
    assert changed.limits.foreign_cpu == 0.2
    assert changed.model_copy(update={"limits": ASGI.limits}) == ASGI


@pytest.mark.parametrize(
    ("change", "words"),
    [("cpu=0.2", "--limit cpu=0.2: there is no such limit"), ("steal=much", "--limit steal=much: Input should be")],
)
def test_a_wrong_limit_is_named_with_those_that_there_are(change: str, words: str) -> None:
    with pytest.raises(GilfreeError, match=words) as refused:
        with_limits(ASGI, ["foreign_cpu=0.2", change])
    assert "foreign_cpu" in refused.value.remedy


def test_a_run_is_all_its_campaigns_and_a_campaign_is_one(tmp_path: Path) -> None:
    make_campaigns(tmp_path, "night", "asgi", "wsgi")
    assert sorted(names(find_campaigns("night", tmp_path))) == ["night-asgi", "night-wsgi"]
    assert names(find_campaigns("night-wsgi", tmp_path)) == ["night-wsgi"]
    assert names(find_campaigns(str(tmp_path / "night-asgi"), tmp_path / "elsewhere")) == ["night-asgi"]


@pytest.mark.parametrize("run", [None, "last"])
def test_the_newest_run_is_the_last(run: str | None, tmp_path: Path) -> None:
    make_campaigns(tmp_path, "new", "asgi")
    make_campaigns(tmp_path, "old", "asgi", "wsgi", age_seconds=3600)
    assert names(find_campaigns(run, tmp_path)) == ["new-asgi"]


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 9}', ""])
def test_one_broken_description_does_not_hide_the_other_runs(content: str, tmp_path: Path) -> None:
    make_campaigns(tmp_path, "night", "asgi")
    (tmp_path / "broken-wsgi").mkdir()
    (tmp_path / "broken-wsgi" / "campaign.json").write_text(content)
    said: list[str] = []
    for run in ("night", "last", None):
        assert names(find_campaigns(run, tmp_path, said.append)) == ["night-asgi"]
    assert len(said) == 2 and all("broken-wsgi" in line for line in said), "who names another run need not hear of it"
    with pytest.raises(GilfreeError, match="broken-wsgi"):
        find_campaigns("broken", tmp_path, said.append)


@pytest.mark.parametrize("lacking", ["scenario", "arms"])
def test_a_description_that_lacks_something_is_named(lacking: str, tmp_path: Path) -> None:
    make_campaigns(tmp_path, "night", "asgi")
    file = tmp_path / "night-asgi" / "campaign.json"
    about = json.loads(file.read_text())
    del about[lacking]
    file.write_text(json.dumps(about))
    with pytest.raises(
        GilfreeError, match=rf"night-asgi/campaign\.json does not describe a campaign: '{lacking}' is missing"
    ):
        find_campaigns("night", tmp_path)


def test_the_estimate_of_a_resumed_run_counts_only_what_is_left(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", scenario=load_scenario("asgi").with_load(rounds=5), blocks=3)
    points = len(campaign.scenario.points())
    assert trial_count([campaign]) == 2 * points * (5 - 3)
    finished = a_campaign(tmp_path / "d", scenario=load_scenario("asgi").with_load(rounds=3), blocks=3)
    assert (trial_count([finished]), estimate_seconds([finished])) == (0, 0)


def test_a_run_that_is_not_there_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    make_campaigns(tmp_path, "night", "asgi")
    with pytest.raises(GilfreeError, match="there is no run 'nigth'") as refused:
        find_campaigns("nigth", tmp_path)
    assert "did you mean 'night'? there are: night" in refused.value.remedy
    with pytest.raises(GilfreeError, match="there is no run in"):
        find_campaigns(None, tmp_path / "empty")

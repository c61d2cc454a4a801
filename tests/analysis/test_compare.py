"""Comparisons of campaigns whose truth is known: verdicts, best against best, noise, A/A."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest

from tests.factory import a_record
from tests.simulated import AGAIN, ARMS, a_campaign, two_points
from toolkit.analysis.compare import compare
from toolkit.analysis.comparison import (
    Comparison,
    EffectsHidden,
    PointComparison,
    SameArmDiffers,
    StoppedByRejections,
)
from toolkit.analysis.decision import Choice, SameArmCoverage, decide
from toolkit.analysis.families import PRIMARY, MetricComparison
from toolkit.report.comparison_json import comparison_data
from toolkit.report.decision import comparison_caveats, first_line
from toolkit.report.verdicts import best_caveat, stopping_words
from toolkit.scenario.model import Limits, Point, Scenario
from toolkit.trial.model import Arm


def the(found: PointComparison, metric: str) -> MetricComparison:
    return next(one for one in found.family if one.metric == metric)


def test_a_clear_difference_is_named_with_an_interval_around_the_truth(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 0.8}))
    for point in found.of("variants"):
        rate = the(point, "requests_per_second")
        assert rate.verdict == "lower"
        assert rate.low is not None and rate.high is not None and rate.low <= 0.8 <= rate.high
        assert the(point, "cpu_seconds_per_1000_requests").verdict == "higher"
        assert the(point, "memory_mb").verdict == "equivalent"
        assert rate.holm_p is not None and rate.p is not None and rate.holm_p >= rate.p
    assert re.match(
        r"/json with 128 connections: 3.14t serves (19|20|21)(\.\d)?% less \(\d+ to \d+%\), .*: stay on 3.14",
        first_line(found),
    )


def test_the_family_is_what_was_measured(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c"))
    assert [one.metric for one in found.points[0].family] == list(PRIMARY[:3])  # no p99 in a closed loop


def test_below_8_blocks_there_is_no_verdict_however_large_the_difference(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", blocks=7, ratios={"3.14t": 0.1}))
    assert {one.verdict for point in found.points for one in point.family} == {"inconclusive"}
    assert first_line(found) == "no verdict: it takes 8 complete blocks at a point, here are at most 7"


def test_a_campaign_without_blocks_compares_nothing(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", blocks=0))
    assert first_line(found) == "no complete block: there is nothing to compare yet"
    assert found.best == () and all(point.family == () for point in found.points)
    json.dumps(comparison_data(found), allow_nan=False)


def test_an_incomplete_block_does_not_count(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=8)
    point = campaign.scenario.points()[0]
    campaign.store.append(a_record(point, 8, "3.14", rps=1e9))
    assert {one.blocks for one in compare(campaign).points} == {8}


def test_each_variant_is_compared_at_its_own_best_setting(tmp_path: Path) -> None:
    data = two_points().model_dump(mode="json")
    data["matrix"] = [{"endpoint": "json", "workers": [1, 2, 4], "connections": 128}]
    data["claims"], data["published"] = [], None
    speeds = {"3.14 json-w4-t1-c128": 2.0, "3.14t json-w2-t1-c128": 3.0}
    found = compare(a_campaign(tmp_path / "c", scenario=Scenario.model_validate(data), speeds=speeds))
    (best,) = found.best
    assert (best.baseline.workers, best.candidate.workers, best.choices) == (4, 2, 3)
    rate = next(one for one in best.family if one.metric == "requests_per_second")
    assert rate.low is not None and rate.high is not None and rate.low <= 1.5 <= rate.high
    assert "best of 3 settings that the other half chose" in best_caveat(best)
    assert best_caveat(best) in comparison_caveats(found)


def json_scenario(**load: object) -> Scenario:
    data = two_points().model_dump(mode="json", by_alias=True)
    data["matrix"] = [{"endpoint": "json", "workers": [1, 2, 4], "connections": 128}]
    data["claims"], data["published"] = [], None
    data["load"].update(load)
    return Scenario.model_validate(data)


def test_choosing_the_best_of_equal_settings_shows_no_gain(tmp_path: Path) -> None:
    """Six settings without any difference: the luckiest of each side must not be compared by its own luck."""
    data = json_scenario().model_dump(mode="json", by_alias=True)
    data["matrix"] = [{"endpoint": "json", "workers": list(range(1, 13)), "connections": 128}]
    levels = []
    for seed in range(12):
        found = compare(
            a_campaign(tmp_path / str(seed), scenario=Scenario.model_validate(data), noise=0.1, blocks=8, seed=seed)
        )
        rate = next(one for one in found.best[0].family if one.metric == "requests_per_second")
        assert rate.candidate is not None and rate.baseline is not None
        levels += [rate.candidate / 1000, rate.baseline / 1000]
    assert statistics.mean(levels) == pytest.approx(1.0, abs=0.03)  # chosen by itself it is about 1.06


def test_best_settings_are_cross_fitted_in_five_rounds_too(tmp_path: Path) -> None:
    """Four equal settings in a quick run: its intervals cover 1 as often as they should, and no luck is a gain."""
    scenario = json_scenario(rounds=5)
    covered, levels, campaigns = 0, [], 40
    for seed in range(campaigns):
        (best,) = compare(a_campaign(tmp_path / str(seed), scenario=scenario, noise=0.05, blocks=5, seed=seed)).best
        rate = next(one for one in best.family if one.metric == "requests_per_second")
        assert best.crossed and (rate.n, rate.method) == (5, "t")
        assert rate.low is not None and rate.high is not None and rate.candidate is not None
        covered += rate.low <= 1 <= rate.high
        levels.append(rate.candidate / 1000)
    assert covered >= 0.95 * campaigns - 3 * (campaigns * 0.95 * 0.05) ** 0.5
    assert statistics.mean(levels) == pytest.approx(1.0, abs=0.02)  # chosen by itself it is about 1.02


def test_halves_that_choose_differently_are_named(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", scenario=json_scenario(), noise=1e-6)
    faster = {0: "json-w2-t1-c128", 1: "json-w4-t1-c128"}
    records = [
        one.model_copy(
            update={"metrics": one.metrics.model_copy(update={"requests_per_second": 2000.0})}
            if one.arm == "3.14t" and one.point_key == faster[one.block % 2]
            else {}
        )
        for one in campaign.records()
    ]
    (best,) = compare(campaign, records).best
    assert best.blocks == 10
    assert "for 3.14t the halves chose differently: json-w2-t1-c128 and json-w4-t1-c128" in best_caveat(best)
    rate = next(one for one in best.family if one.metric == "requests_per_second")
    assert rate.ratio == pytest.approx(1.0, rel=1e-3)  # what won in one half did not in the other


def test_settings_on_different_machines_are_not_paired(tmp_path: Path) -> None:
    speeds = {"3.14 json-w4-t1-c128": 2.0, "3.14t json-w2-t1-c128": 3.0}
    slots = {"json-w4-t1-c128": "node-a", "json-w2-t1-c128": "node-b"}
    found = compare(a_campaign(tmp_path / "c", scenario=json_scenario(), speeds=speeds, slots=slots))
    (best,) = found.best
    assert (best.blocks, best.separated, best.family) == (0, 10, ())
    assert "10 rounds not paired: different machines ran the two settings" in best_caveat(best)
    assert {one.blocks for one in found.points} == {10}  # inside a block there is one machine


def test_at_a_constant_rate_the_rate_is_no_finding(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", scenario=json_scenario(generator="oha", rate=500), ratios={"3.14t": 0.8})
    found = compare(campaign)
    point = found.points[0]
    assert [one.metric for one in point.family] == ["cpu_seconds_per_1000_requests", "memory_mb"]
    assert the(point, "cpu_seconds_per_1000_requests").verdict == "higher"
    assert not [one.metric for one in point.descriptive if one.metric.startswith("requests_per_second")]
    assert re.search(r"3.14t takes 2\d% more CPU time per request \(", first_line(found))
    assert "serves" not in first_line(found)
    assert found.noise.spread_metric == "cpu_seconds_per_1000_requests"


def test_an_arm_that_often_fails_gets_no_verdict_from_its_other_trials(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 2.0}, blocks=20, failed={"3.14t": 8}))
    assert {one.verdict for point in found.points for one in point.family} == {"inconclusive"}
    assert {one.verdict for best in found.best for one in best.family} == {"inconclusive"}
    assert "no verdict: 3.14t failed in 8 of 20 blocks (19 to 64%): stalled" in first_line(found)
    for reason in [one["reason"] for point in comparison_data(found)["points"] for one in point["family"]]:
        assert reason == "no verdict: 3.14t failed in 8 of 20 blocks (19 to 64%): stalled"


def test_four_failures_of_ten_withhold_the_verdict_although_few_blocks_are_left(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 2.0}, failed={"3.14t": 4}))
    assert found.blocks == 6
    assert "no verdict: 3.14t failed in 4 of 10 blocks (12 to 74%): stalled" in first_line(found)


def test_an_arm_that_fails_seldom_keeps_its_verdicts_but_is_not_called_better(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 2.0}, blocks=12, failed={"3.14t": 1}))
    assert the(found.points[0], "requests_per_second").verdict == "higher"
    assert {one.choice for one in decide(found).outcomes} == {Choice("none", "failed")}


def test_an_arm_that_always_fails_loses_to_one_that_never_does(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", failed={"3.14t": 10}))
    assert found.blocks == 0
    assert {one.choice for one in decide(found).outcomes} == {Choice("baseline", "fails less")}


def test_a_setting_that_often_fails_is_not_chosen_as_the_best(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", scenario=json_scenario(), speeds={"3.14t json-w4-t1-c128": 3.0})
    lucky = "json-w4-t1-c128"
    records = [
        a_record(Point.model_validate(one.point), one.block, one.arm, accepted=False, reason="stalled")
        if one.arm == "3.14t" and one.point_key == lucky and one.block < 5
        else one
        for one in campaign.records()
    ]
    (best,) = compare(campaign, records).best
    assert lucky not in [point.key for point in (best.candidate, *best.candidate_chosen)]


def test_loosened_limits_stand_in_the_first_line(tmp_path: Path) -> None:
    shipped = Limits().model_dump()
    loose = compare(a_campaign(tmp_path / "a", limits={**shipped, "steal": 0.2, "latency_multiples": 5}))
    assert first_line(loose).endswith("(loosened limits: steal 0.2 instead of 0.02, latency_multiples 5 instead of 10)")
    few = compare(a_campaign(tmp_path / "few", limits={**shipped, "steal": 0.2}, blocks=2))
    assert first_line(few).endswith("(loosened limits: steal 0.2 instead of 0.02)")
    stricter = {**shipped, "steal": 0.01, "latency_multiples": 20}
    assert "loosened" not in first_line(compare(a_campaign(tmp_path / "b", limits=stricter)))


def test_with_one_setting_nothing_was_chosen(tmp_path: Path) -> None:
    assert {best_caveat(one) for one in compare(a_campaign(tmp_path / "c")).best} == {
        "only one setting was measured, so nothing was chosen"
    }


def test_a_noisy_campaign_says_so_first(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", noise=0.3))
    assert found.too_noisy == EffectsHidden(2, 2, 0.10)
    assert first_line(found).startswith("too noisy for a verdict: at 2 of 2 points a change of requests/s by 10%")


def test_a_campaign_that_finds_the_same_thing_different_is_too_noisy(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", arms=[*ARMS, AGAIN], ratios={"3.14-again": 0.9}))
    assert isinstance(found.too_noisy, SameArmDiffers) and found.too_noisy.metric.verdict == "lower"
    assert first_line(found).startswith("too noisy for a verdict: 3.14-again / 3.14, the same thing twice, differs at")


def test_a_a_blocks_are_reported_separately_and_do_not_mix_with_the_variants(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", arms=[*ARMS, AGAIN], ratios={"3.14t": 0.8}))
    assert [(one.kind, one.label) for one in found.contrasts] == [
        ("variants", "3.14t / 3.14"),
        ("aa", "3.14-again / 3.14"),
    ]
    assert {one.contrast.kind for one in found.best} == {"variants"}
    assert decide(found).same_arm == SameArmCoverage(intervals=6, covering=6, false_verdicts=0)
    assert any(line.startswith("A/A: ") and "cover 1" in line for line in comparison_caveats(found))


def test_noise_is_shown_with_what_was_rejected_and_why(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=8)
    point = campaign.scenario.points()[0]
    for attempt in (2, 3):
        campaign.store.append(a_record(point, 9, "3.14", attempt, accepted=False, reason="stolen"))
    found = compare(campaign).noise
    assert [(one.reason, one.count) for one in found.rejected] == [("stolen", 2)]
    assert {one.name: one.highest for one in found.shares}["foreign_cpu"] == pytest.approx(0.01)
    assert len(found.spreads) == 4 and found.spreads[0].relative >= found.spreads[-1].relative > 0
    assert found.frequency_mhz_median is None  # unknown is not zero


def test_a_campaign_that_was_stopped_by_its_machine_and_resumed_to_its_end_is_judged(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=two_points().load.rounds)
    points = campaign.scenario.points()
    for attempt in range(2, 100):
        campaign.store.append(a_record(points[attempt % 2], 0, "3.14", attempt, accepted=False, reason="stolen"))
    assert compare(campaign).too_noisy is None


def test_a_campaign_that_stopped_early_at_every_point_was_not_stopped_by_its_machine(tmp_path: Path) -> None:
    about = {"stopping": {"first": 8, "limit": 20, "half_width": 0.03}}
    campaign = a_campaign(tmp_path / "c", blocks=8, noise=0.002, about=about)
    points = campaign.scenario.points()
    for attempt in range(2, 100):
        campaign.store.append(a_record(points[attempt % 2], 0, "3.14", attempt, accepted=False, reason="stolen"))
    assert compare(campaign).too_noisy is None
    few = [one for one in campaign.records() if one.block < 7]
    assert isinstance(compare(campaign, few).too_noisy, StoppedByRejections)


def test_a_campaign_stopped_by_its_machine_is_too_noisy(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=0)
    points = campaign.scenario.points()
    for attempt in range(1, 10):
        campaign.store.append(a_record(points[attempt % 2], 0, "3.14", attempt, accepted=False, reason="stolen"))
    assert isinstance(compare(campaign).too_noisy, StoppedByRejections)
    assert first_line(compare(campaign)) == (
        "too noisy for a verdict: 9 of 9 trials were rejected for one cause: stolen"
    )


def test_old_and_new_are_compared_for_each_variant(tmp_path: Path) -> None:
    old = [Arm(f"{arm.name}-3.14.6", arm.role, "/nowhere", side="reference") for arm in ARMS]
    found = compare(a_campaign(tmp_path / "c", arms=[*ARMS, *old], ratios={"3.14": 1.1}, seed=3))
    words = [one.label for one in found.contrasts if one.kind == "against"]
    assert words == ["3.14 / 3.14-3.14.6", "3.14t / 3.14t-3.14.6"]
    verdicts = {point.contrast.baseline: the(point, "requests_per_second").verdict for point in found.of("against")}
    assert verdicts["3.14-3.14.6"] == "higher"
    assert verdicts["3.14t-3.14.6"] in ("equivalent", "inconclusive")


def test_early_stopping_widens_intervals_and_says_why_it_stopped(tmp_path: Path) -> None:
    once = compare(a_campaign(tmp_path / "once", noise=0.005))
    looked = compare(
        a_campaign(tmp_path / "looked", noise=0.005, about={"stopping": {"first": 8, "limit": 20, "half_width": 0.03}})
    )
    fixed, stopped = the(once.points[0], "requests_per_second"), the(looked.points[0], "requests_per_second")
    assert None not in (fixed.low, fixed.high, stopped.low, stopped.high)
    assert stopped.high - stopped.low > fixed.high - fixed.low  # type: ignore[operator]
    assert (
        stopping_words(looked.points[0], looked.stopping_rule)
        == "stopped after 10 blocks: every interval is within ±3%"
    )
    assert stopping_words(once.points[0], once.stopping_rule) == ""
    assert any("Pocock" in line for line in comparison_caveats(looked))


def test_data_is_json_with_null_where_no_interval_is_possible(tmp_path: Path) -> None:
    found: Comparison = compare(a_campaign(tmp_path / "c", blocks=3))
    data = json.loads(json.dumps(comparison_data(found), allow_nan=False))
    first = data["points"][0]["family"][0]
    assert (first["low"], first["smallest_effect"], first["verdict"]) == (None, None, "inconclusive")
    assert data["points"][0]["point"]["endpoint"] == "json"
    assert data["compare_schema"] == 1

"""Claims: ratios are paired by round, preconditions come first, and below 8 blocks nothing is more than inconclusive."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import simulated
from tests.factory import POINTS, a_record
from toolkit.analysis.claims import Conditions, assess, conditions, paired_ratios
from toolkit.analysis.stats.procedure import FULL, InterimAnalyses, Procedure
from toolkit.campaign.plan import counted_blocks
from toolkit.records.store import Record
from toolkit.report.tables import table
from toolkit.report.verdicts import claim_words
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Claim, Scenario

ARMS = ["3.14", "3.14t"]
HERE = Conditions("3.14", "release", 8)


@pytest.fixture
def asgi() -> Scenario:
    return load_scenario("asgi")


def claim_of(scenario: Scenario, name: str) -> Claim:
    return next(claim for claim in scenario.claims if claim.id == name)


def test_a_ratio_is_taken_inside_each_block(asgi: Scenario) -> None:
    records = []
    for index, (gil, free) in enumerate([(100, 80), (1000, 900), (10, 7)]):
        records += [a_record(POINTS[0], index, "3.14", rps=gil), a_record(POINTS[0], index, "3.14t", rps=free)]
    claim = claim_of(asgi, "asgi-json-slower")
    assert paired_ratios(claim, asgi, counted_blocks(records, ARMS)) == [0.8, 0.9, 0.7]
    result = assess(claim, asgi, counted_blocks(records, ARMS), HERE)
    assert (result.ratio, claim_words(result)) == (0.8, "inconclusive (3 blocks)")


def test_cells_of_different_points_are_paired_by_round() -> None:
    threads = load_scenario("wsgi-threads")
    claim = claim_of(threads, "gil-threads-collapse-json")
    one, many = (point for point in threads.points() if point.endpoint == "json")
    records = [
        a_record(point, index, arm, rps=rps * (index + 1))
        for index in range(2)
        for point, rps in ((one, 1000), (many, 200))
        for arm in ARMS
    ]
    assert paired_ratios(claim, threads, counted_blocks(records, ARMS)) == [0.2, 0.2]


def test_an_incomplete_block_counts_for_nothing(asgi: Scenario) -> None:
    records = [a_record(POINTS[0], 0, "3.14")]
    result = assess(claim_of(asgi, "asgi-json-slower"), asgi, counted_blocks(records, ARMS), HERE)
    assert result.state == "not measured"


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (Conditions("3.15", "release", 8), "it is about 3.14, this is 3.15"),
        (Conditions("3.14", "release", 1), "needs 8 server CPUs, there is 1"),
    ],
)
def test_an_unmet_precondition_makes_a_claim_untestable_not_contradicted(here: Conditions, words: str) -> None:
    wsgi = load_scenario("wsgi")
    result = assess(claim_of(wsgi, "wsgi-json-faster"), wsgi, {}, here)
    assert result.state == "not testable here"
    assert words in claim_words(result)


def json_blocks(ratios: list[float]) -> list[Record]:
    return [
        record
        for index, ratio in enumerate(ratios)
        for record in (a_record(POINTS[0], index, "3.14"), a_record(POINTS[0], index, "3.14t", rps=1000 * ratio))
    ]


@pytest.mark.parametrize(
    ("middle", "state", "words"),
    [
        (0.80, "reproduced", "reproduced: the whole interval lies inside the claimed band"),
        (0.95, "contradicted", "contradicted: the whole interval lies outside the claimed band"),
        (0.85, "inconclusive", "inconclusive: the interval lies partly inside the claimed band"),
    ],
)
def test_from_8_blocks_on_the_interval_decides(asgi: Scenario, middle: float, state: str, words: str) -> None:
    spread = [-0.02, -0.015, -0.01, -0.005, 0.005, 0.01, 0.015, 0.02]
    records = json_blocks([middle + one for one in spread])
    result = assess(claim_of(asgi, "asgi-json-slower"), asgi, counted_blocks(records, ARMS), HERE)
    assert (result.state, claim_words(result)) == (state, words)
    assert result.low is not None and result.high is not None and result.low <= middle <= result.high


def test_a_claim_exceeded_in_its_own_direction_is_not_contradicted(asgi: Scenario) -> None:
    spread = [0.004 * one for one in range(-5, 5)]
    claim = claim_of(asgi, "asgi-json-slower")  # slower, and here by more than claimed
    result = assess(claim, asgi, counted_blocks(json_blocks([0.5 + one for one in spread]), ARMS), HERE)
    assert claim_words(result) == (
        "direction holds, size differs: the whole interval lies beyond the claimed band, away from no difference"
    )


@pytest.mark.parametrize(
    ("profile", "caveat"), [("fast", "without PGO"), ("unknown", "is unknown"), ("release", ""), ("upstream", "")]
)
def test_the_build_is_a_caveat_of_a_ratio_and_no_obstacle(asgi: Scenario, profile: str, caveat: str) -> None:
    spread = [0.004 * one for one in range(-5, 5)]
    claim = claim_of(asgi, "asgi-json-slower")
    blocks = counted_blocks(json_blocks([0.8 + one for one in spread]), ARMS)
    result = assess(claim, asgi, blocks, Conditions("3.14", profile, 8))
    assert result.state == "reproduced"
    assert caveat in claim_words(result) and ("builds" in claim_words(result)) == bool(caveat)


def test_a_pair_without_a_profile_is_unknown() -> None:
    assert conditions({"series": "3.14"}, 1).profile == "unknown"


def test_two_cells_are_paired_only_where_one_machine_ran_both() -> None:
    threads = load_scenario("wsgi-threads")
    claim = claim_of(threads, "gil-threads-collapse-json")
    points = [point for point in threads.points() if point.endpoint == "json"]
    records = [
        a_record(point, index, arm).model_copy(update={"slot": f"node-{place if index else 0}"})
        for index in range(3)
        for place, point in enumerate(points)
        for arm in ARMS
    ]
    assert len(paired_ratios(claim, threads, counted_blocks(records, ARMS))) == 1
    apart = [one for one in records if one.block]
    result = assess(claim, threads, counted_blocks(apart, ARMS), HERE)
    assert (result.state, result.separated) == ("not measured", 2)
    assert "different machines ran the two cells in all 2 rounds" in claim_words(result)


def test_a_reboot_between_two_cells_separates_them() -> None:
    threads = load_scenario("wsgi-threads")
    claim = claim_of(threads, "gil-threads-collapse-json")
    points = [point for point in threads.points() if point.endpoint == "json"]
    records = [
        a_record(point, 0, arm).model_copy(update={"server": {"boot_id": str(place)}})
        for place, point in enumerate(points)
        for arm in ARMS
    ]
    assert paired_ratios(claim, threads, counted_blocks(records, ARMS)) == []


def test_a_claim_about_requests_is_not_tested_where_the_load_sets_them(asgi: Scenario) -> None:
    load = asgi.load.model_copy(update={"generator": "oha", "rate_rps": 500})
    result = assess(claim_of(asgi, "asgi-json-slower"), asgi.model_copy(update={"load": load}), {}, HERE)
    assert "the load kept a constant rate of 500 requests/s" in claim_words(result)


def test_a_cell_that_often_fails_supports_no_claim(tmp_path: Path) -> None:
    campaign = simulated.a_campaign(tmp_path / "c", ratios={"3.14t": 0.8}, blocks=20, failed={"3.14t": 8})
    found = {claim["id"]: claim for claim in table(campaign).claims}
    assert found["asgi-json-slower"]["state"] == "inconclusive"
    assert "3.14t failed in 8 of 20 blocks (19 to 64%): stalled" in found["asgi-json-slower"]["words"]


def test_7_blocks_are_inconclusive_however_clear(asgi: Scenario) -> None:
    result = assess(claim_of(asgi, "asgi-json-slower"), asgi, counted_blocks(json_blocks([0.8] * 7), ARMS), HERE)
    assert (claim_words(result), result.low) == ("inconclusive (7 blocks)", None)


def test_interim_analyses_widen_the_interval_that_judges_a_claim(asgi: Scenario) -> None:
    blocks = counted_blocks(json_blocks([0.8 + 0.004 * one for one in range(-6, 6)]), ARMS)
    claim = claim_of(asgi, "asgi-json-slower")
    once, often = (assess(claim, asgi, blocks, HERE, one) for one in (FULL, Procedure("full", InterimAnalyses(8, 20))))
    assert once.low is not None and often.low is not None and often.low < once.low


def test_a_published_ratio_of_a_failed_figure_is_left_out(asgi: Scenario) -> None:
    records = json_blocks([0.8, 0.0])
    assert len(paired_ratios(claim_of(asgi, "asgi-json-slower"), asgi, counted_blocks(records, ARMS))) == 1


def test_every_unmet_precondition_is_named() -> None:
    wsgi = load_scenario("wsgi")
    result = assess(claim_of(wsgi, "wsgi-json-faster"), wsgi, {}, Conditions("3.15", "fast", 1))
    assert [one.kind for one in result.unmet] == ["series", "server_cpus"]
    assert claim_words(result) == (
        "not testable here: it is about 3.14, this is 3.15; it needs 8 server CPUs, there is 1"
    )


def test_baselines_and_a_a_arms_play_no_part_in_a_claim(tmp_path: Path) -> None:
    arms = [*simulated.ARMS, simulated.AGAIN]
    campaign = simulated.a_campaign(tmp_path / "c", arms=arms, ratios={"3.14t": 0.8, "3.14-again": 5.0})
    found = {claim["id"]: claim for claim in table(campaign).claims}
    assert found["asgi-json-slower"]["state"] == "reproduced"

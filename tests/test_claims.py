"""Claims: ratios are paired by round, preconditions come first, and without intervals nothing is more than inconclusive."""

from __future__ import annotations

import pytest

from tests.factory import POINTS, a_record
from toolkit.claims import Setting, judge, paired_ratios
from toolkit.plan import complete_blocks
from toolkit.scenario import Claim, Scenario
from toolkit.scenario_files import load_scenario

ARMS = ["3.14", "3.14t"]
HERE = Setting("3.14", "release", 8)


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
    assert paired_ratios(claim, asgi, complete_blocks(records, ARMS)) == [0.8, 0.9, 0.7]
    judged = judge(claim, asgi, complete_blocks(records, ARMS), HERE)
    assert (judged.ratio, judged.words()) == (0.8, "inconclusive (3 blocks)")


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
    assert paired_ratios(claim, threads, complete_blocks(records, ARMS)) == [0.2, 0.2]


def test_an_incomplete_block_counts_for_nothing(asgi: Scenario) -> None:
    records = [a_record(POINTS[0], 0, "3.14")]
    judged = judge(claim_of(asgi, "asgi-json-slower"), asgi, complete_blocks(records, ARMS), HERE)
    assert judged.state == "not measured"


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (Setting("3.15", "release", 8), "it is about 3.14, this is 3.15"),
        (Setting("3.14", "fast", 8), "needs release builds"),
        (Setting("3.14", "release", 1), "needs 8 server CPUs, there is 1"),
    ],
)
def test_an_unmet_precondition_makes_a_claim_untestable_not_contradicted(here: Setting, words: str) -> None:
    wsgi = load_scenario("wsgi")
    judged = judge(claim_of(wsgi, "wsgi-json-faster"), wsgi, {}, here)
    assert judged.state == "not testable here"
    assert words in judged.words()

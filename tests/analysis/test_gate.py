"""The gate: an expression is read or refused by place, and only a whole interval beyond the limit breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import ARMS, a_campaign
from toolkit.analysis.compare import compare
from toolkit.analysis.families import PRIMARY
from toolkit.analysis.gate import Limit, check_limits, parse_limit, refuse_unmeasured
from toolkit.errors import GilfreeError
from toolkit.report.verdicts import limit_words
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Arm

OLD = tuple(Arm(f"{arm.name}-old", arm.role, "/nowhere", side="reference") for arm in ARMS)


@given(
    metric=st.sampled_from(PRIMARY),
    side=st.sampled_from("<>"),
    tenths=st.integers(-999, 5000),
    spaces=st.lists(st.sampled_from(["", " ", "  "]), min_size=5, max_size=5),
)
def test_what_is_written_is_what_is_read(metric: str, side: str, tenths: int, spaces: list[str]) -> None:
    parts = [metric, side, f"{tenths / 10:+.1f}", "%", ""]
    limit = parse_limit("".join(space + part for space, part in zip(spaces, parts, strict=True)))
    assert (limit.metric, str(limit.side)) == (metric, side)
    assert limit.change == pytest.approx(tenths / 1000)
    assert parse_limit(str(limit)) == limit


@given(st.text(max_size=40))
def test_any_other_text_is_refused_at_a_place_inside_it(text: str) -> None:
    try:
        parse_limit(text)
    except GilfreeError as error:
        column = int(error.message.split("column ")[1].split(":")[0])
        assert 1 <= column <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("requests_per_secnd<-5%", 1, "there is no metric 'requests_per_secnd'"),
        ("requests_per_second=-5%", 20, "expected < or >"),
        ("requests_per_second<five%", 21, "expected a number such as -5"),
        ("requests_per_second<-5", 23, "expected %"),
        ("requests_per_second<-5% or memory_mb>5%", 25, "nothing may follow the %"),
        ("requests_per_second < -100%", 23, "cannot fall by 100%"),
        ("", 1, "expected the name of a metric"),
    ],
)
def test_a_bad_expression_is_refused_with_its_place(text: str, column: int, words: str) -> None:
    with pytest.raises(GilfreeError) as raised:
        parse_limit(text)
    lines = raised.value.message.split("\n")
    assert lines[0].startswith(f"--fail-on, column {column}: ") and words in lines[0]
    assert lines[1] == f"  {text}" and lines[2].index("^") == 2 + column - 1


@pytest.mark.parametrize(
    ("limit", "states"),
    [
        ("requests_per_second<-5%", {"broken"}),
        ("requests_per_second<-15%", {"kept"}),
        ("requests_per_second<-10%", {"not sure"}),
        ("cpu_seconds_per_1000_requests>5%", {"broken"}),
        ("memory_mb>10%", {"kept"}),
        ("latency_p99_ms>10%", {"not sure"}),
    ],
)
def test_a_limit_is_broken_only_by_a_whole_interval_beyond_it(tmp_path: Path, limit: str, states: set[str]) -> None:
    slower = {arm.name: 0.9 for arm in ARMS}
    found = compare(a_campaign(tmp_path / "c", arms=[*ARMS, *OLD], ratios=slower, seed=4))
    seen = list(check_limits([parse_limit(limit)], found))
    assert len(seen) == 4  # two points, two variants
    assert {one.state for one in seen} == states


def test_few_blocks_break_no_limit_however_slow_it_is(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", blocks=5, arms=[*ARMS, *OLD], ratios={"3.14": 0.1, "3.14t": 0.1}))
    assert {one.state for one in check_limits([Limit("requests_per_second", "<", -0.05)], found)} == {"not sure"}


def test_new_that_fails_more_than_old_breaks_every_limit(tmp_path: Path) -> None:
    faster = {arm.name: 2.0 for arm in ARMS}
    found = compare(
        a_campaign(tmp_path / "c", arms=[*ARMS, *OLD], ratios=faster, blocks=20, failed={"3.14": 8, "3.14t": 8})
    )
    seen = list(check_limits([parse_limit("requests_per_second<-5%")], found))
    assert {one.state for one in seen} == {"broken"}
    assert "failed in 8 of 20 blocks (19 to 64%): stalled" in limit_words(seen[0])


def test_where_old_fails_often_no_limit_is_kept(tmp_path: Path) -> None:
    names = {old.name: 8 for old in OLD}
    found = compare(a_campaign(tmp_path / "c", arms=[*ARMS, *OLD], blocks=20, failed=names))
    assert {one.state for one in check_limits([parse_limit("memory_mb>10%")], found)} == {"not sure"}


def test_a_limit_that_could_never_break_is_refused() -> None:
    closed = load_scenario("asgi")
    load = closed.load.model_copy(update={"generator": "oha", "rate_rps": 500})
    constant = closed.model_copy(update={"load": load})
    with pytest.raises(GilfreeError, match="constant rate of 500 requests/s"):
        refuse_unmeasured([parse_limit("requests_per_second<-5%")], constant)
    with pytest.raises(GilfreeError, match="closed loop"):
        refuse_unmeasured([parse_limit("latency_p99_ms>10%")], closed)
    refuse_unmeasured([parse_limit("requests_per_second<-5%")], closed)
    refuse_unmeasured([parse_limit("latency_p99_ms>10%")], constant)


def test_between_the_variants_there_is_no_gate(tmp_path: Path) -> None:
    found = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 0.1}))
    assert list(check_limits([parse_limit("requests_per_second<-5%")], found)) == []

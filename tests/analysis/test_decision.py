"""What a comparison decides: every combination of verdicts leads to one choice, and doubt never to advice."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated import AGAIN, ARMS, a_campaign, two_points
from toolkit.analysis.compare import compare
from toolkit.analysis.comparison import StoppedByRejections
from toolkit.analysis.decision import Choice, advantage, choose, decide, outcome
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import PRIMARY, PRIMARY_AT_CONSTANT_RATE, MetricComparison
from toolkit.analysis.stats.proportions import clopper_pearson
from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS, Verdict

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def a_metric(name: str, verdict: Verdict) -> MetricComparison:
    return MetricComparison(name, 10, 1.0, 1.0, 1.0, 0.9, 1.1, 0.5, 0.5, 0.1, 0.9, 1.1, verdict)


def a_family(throughput: Verdict, memory: Verdict) -> tuple[MetricComparison, ...]:
    return a_metric("requests_per_second", throughput), a_metric("memory_mb", memory)


@pytest.mark.parametrize(
    ("throughput", "memory", "choice"),
    [
        ("higher", "lower", Choice("candidate", "gain without loss")),
        ("higher", "equivalent", Choice("candidate", "gain without loss")),
        ("equivalent", "lower", Choice("candidate", "gain without loss")),
        ("lower", "higher", Choice("baseline", "gain without loss")),
        ("lower", "equivalent", Choice("baseline", "gain without loss")),
        ("equivalent", "higher", Choice("baseline", "gain without loss")),
        ("higher", "higher", Choice("trade", "gains and losses", ("requests_per_second",), ("memory_mb",))),
        ("lower", "lower", Choice("trade", "gains and losses", ("memory_mb",), ("requests_per_second",))),
        ("equivalent", "equivalent", Choice("neither", "no difference")),
        ("inconclusive", "lower", Choice("none", "undecided")),
        ("higher", "inconclusive", Choice("none", "undecided")),
    ],
)
def test_throughput_and_memory_decide_together(throughput: Verdict, memory: Verdict, choice: Choice) -> None:
    assert choose(a_family(throughput, memory)) == choice


@given(st.lists(st.sampled_from(VERDICTS), min_size=4, max_size=4), st.booleans())
def test_better_means_worse_in_nothing_and_nothing_undecided(verdicts: list[Verdict], constant_rate: bool) -> None:
    names = PRIMARY_AT_CONSTANT_RATE if constant_rate else PRIMARY
    family = tuple(a_metric(name, verdict) for name, verdict in zip(names, verdicts, strict=False))
    signs = [advantage(one) for one in family]
    choice = choose(family)
    if choice.side == "candidate":
        assert min(signs) >= 0 and max(signs) > 0
    if choice.side == "baseline":
        assert max(signs) <= 0 and min(signs) < 0
    if choice.side in ("candidate", "baseline", "neither"):
        assert "inconclusive" not in verdicts[: len(family)]
    if min(signs) < 0 < max(signs):
        assert choice.side == "trade"
        assert choice.gained == tuple(one.metric for one in family if advantage(one) > 0)
        assert choice.lost == tuple(one.metric for one in family if advantage(one) < 0)


@pytest.mark.parametrize("worse", ["cpu_seconds_per_1000_requests", "latency_p99_ms"])
def test_more_requests_for_more_cpu_or_latency_is_said_as_a_trade(worse: str) -> None:
    family = (*a_family("higher", "lower"), a_metric(worse, "higher"))
    assert choose(family).side == "trade"


def a_rate(arm: str, failed: int, concluded: int) -> FailureRate:
    low, high = clopper_pearson(failed, concluded)
    return FailureRate("json-w1-t1-c128", arm, "gil", failed, concluded, low, high, {"stalled": failed})


counts = st.integers(8, 40).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(counts, counts, st.sampled_from(VERDICTS), st.sampled_from(VERDICTS))
def test_nothing_that_failed_is_ever_the_better_choice(
    baseline: tuple[int, int], candidate: tuple[int, int], throughput: Verdict, memory: Verdict
) -> None:
    choice = choose(a_family(throughput, memory), a_rate("3.14", *baseline), a_rate("3.14t", *candidate))
    assert not (choice.side == "candidate" and candidate[0]) and not (choice.side == "baseline" and baseline[0])


@pytest.mark.parametrize(
    ("failed", "choice"),
    [
        (0, Choice("candidate", "gain without loss")),
        (1, Choice("none", "failed")),
        (4, Choice("none", "fails often")),
        (6, Choice("baseline", "fails less")),
    ],
)
def test_failures_come_before_figures(failed: int, choice: Choice) -> None:
    assert choose(a_family("higher", "lower"), a_rate("3.14", 0, 10), a_rate("3.14t", failed, 10)) == choice


def test_exchanging_the_arms_exchanges_the_choice() -> None:
    other_way: dict[Verdict, Verdict] = {"higher": "lower", "lower": "higher"}
    sides = {"candidate": "baseline", "baseline": "candidate"}
    for throughput, memory in itertools.product(VERDICTS, repeat=2):
        there = choose(a_family(throughput, memory))
        back = choose(a_family(other_way.get(throughput, throughput), other_way.get(memory, memory)))
        assert back.side == sides.get(there.side, there.side)


@pytest.mark.parametrize("missing", ["requests_per_second", "memory_mb"])
def test_without_throughput_or_memory_there_is_no_choice(missing: str) -> None:
    family = tuple(one for one in a_family("higher", "lower") if one.metric != missing)
    assert choose(family) == Choice("none", "not measured")


def test_each_metric_of_an_outcome_stands_under_its_own_verdict(tmp_path: Path) -> None:
    (best, _) = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 0.8})).best
    verdicts: tuple[Verdict, ...] = ("lower", "lower", "equivalent", "inconclusive")
    family = tuple(a_metric(name, verdict) for name, verdict in zip(PRIMARY, verdicts, strict=True))
    found = outcome(replace(best, family=family))
    groups = (found.better, found.worse, found.equivalent, found.undecided)
    assert [[one.metric for one in group] for group in groups] == [
        ["cpu_seconds_per_1000_requests"],
        ["requests_per_second"],
        ["memory_mb"],
        ["latency_p99_ms"],
    ]


def test_states_follow_what_was_measured(tmp_path: Path) -> None:
    states = {
        "compared": compare(a_campaign(tmp_path / "compared")),
        "too noisy": compare(a_campaign(tmp_path / "noisy", noise=0.3)),
        "too few blocks": compare(a_campaign(tmp_path / "few", blocks=MIN_BLOCKS - 1)),
        "no complete block": compare(a_campaign(tmp_path / "none", blocks=0)),
        "one arm": compare(a_campaign(tmp_path / "one", arms=ARMS[:1])),
        "same arm twice": compare(a_campaign(tmp_path / "twice", arms=(ARMS[0], AGAIN))),
    }
    assert {name: decide(found).state for name, found in states.items()} == {name: name for name in states}
    assert {name for name, found in states.items() if decide(found).firm} == {"compared", "same arm twice"}


def test_a_reason_to_doubt_comes_before_all_else(tmp_path: Path) -> None:
    clear = compare(a_campaign(tmp_path / "c", ratios={"3.14t": 0.5}))
    doubted = decide(replace(clear, too_noisy=StoppedByRejections("steal")))
    assert (doubted.state, doubted.firm) == ("too noisy", False)


def test_points_with_too_few_blocks_are_counted_where_others_have_enough(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=MIN_BLOCKS)
    kept, dropped = (point.key for point in two_points().points())
    records = [one for one in campaign.records() if one.point_key == kept or one.block > 0]
    assert decide(compare(campaign, records)).without_verdict == 1
    assert decide(compare(campaign, [one for one in records if one.block > 0])).without_verdict == 0
    assert dropped != kept


def test_decisions_gates_and_claims_load_without_numpy() -> None:
    names = (
        "claims",
        "compare",
        "decision",
        "early_stopping",
        "gate",
        "noise",
        "soak",
        "stats.verdict_rule",
        "unpaired",
    )
    code = f"import sys, {', '.join(f'toolkit.analysis.{name}' for name in names)}; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"

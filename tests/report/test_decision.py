"""The decision in words states what was decided, and never more."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.report.conftest import Make
from toolkit.analysis.compare import compare
from toolkit.analysis.comparison import StoppedByRejections
from toolkit.report.comparison_json import comparison_data
from toolkit.report.decision import comparison_caveats, decision_words, first_line
from toolkit.report.tables import table


def test_a_clear_loss_is_called_one(make: Make) -> None:
    campaign = make()
    said = decision_words(compare(campaign), table(campaign))
    assert said.firm
    assert re.search(
        r"3.14t serves (19|20)(\.\d)?% less \(.*\), .*with (29|30|31)(\.\d)?% more memory \(", said.lines[0]
    )
    assert said.lines[0].endswith(": stay on 3.14.")


def test_what_no_failed_trial_does_not_exclude_is_a_caveat_and_in_the_json(make: Make) -> None:
    found = compare(make())
    words = "0 of 10 failed: up to 31% is not excluded (95%)"
    assert f"an arm of which no trial failed may still fail: {words} at a point" in comparison_caveats(found)
    rates = comparison_data(found)["points"][0]["failures"]
    assert [(one["failed"], round(one["high"], 2), one["words"]) for one in rates] == [(0, 0.31, words)] * 2


def test_too_few_blocks_decide_nothing(make: Make) -> None:
    campaign = make(blocks=7)
    said = decision_words(compare(campaign), table(campaign))
    assert not said.firm
    assert said.first.startswith("No verdict")
    assert "not a verdict" in said.lines[0] and "better" not in said.lines[0] and "worse" not in said.lines[0]


def test_a_noisy_campaign_says_so_first_and_decides_nothing(make: Make) -> None:
    campaign = make()
    noisy = replace(compare(campaign), too_noisy=StoppedByRejections("steal"))
    said = decision_words(noisy, table(campaign))
    assert not said.firm and said.first.startswith("Too noisy") and "better" not in " ".join(said.lines)


def test_more_requests_for_more_memory_is_a_trade(make: Make) -> None:
    campaign = make()
    found = compare(campaign)
    best = found.best[0]
    family = tuple(replace(one, verdict="higher", ratio=1.3, low=1.2, high=1.4) for one in best.family)
    said = decision_words(replace(found, best=(replace(best, family=family),)), table(campaign))
    assert "a trade, 3.14t is better in requests/s and worse in memory" in said.lines[0]


def test_an_open_figure_forbids_to_call_an_arm_better(make: Make) -> None:
    campaign = make()
    found = compare(campaign)
    best = found.best[0]
    family = tuple(
        replace(one, verdict="inconclusive" if one.metric == "memory_mb" else "higher", ratio=1.3, low=1.2, high=1.4)
        for one in best.family
        if one.metric != "cpu_seconds_per_1000_requests"
    )
    said = decision_words(replace(found, best=(replace(best, family=family),)), table(campaign))
    assert "with memory that is undecided" in said.lines[0] and "better choice" not in said.lines[0]
    assert "3.14t is better in requests/s, the rest is open" in said.lines[0]


def test_a_quick_run_decides_by_its_intervals_and_says_so(make: Make) -> None:
    campaign = make(blocks=5, rounds=5)
    comparison, tables = compare(campaign), table(campaign)
    said = decision_words(comparison, tables)
    assert (
        said.firm
        and said.first
        == "3.14t / 3.14, each at its best setting; quick, 95% intervals by Student's t over 5 blocks, for this machine now."
    )
    assert re.search(
        r"3.14t serves [\d.]+% less \([\d.]+ to [\d.]+%\), with [\d.]+% more memory \(.*\): stay on 3.14", said.lines[0]
    )
    assert any("quick" in words for words in comparison_caveats(comparison))
    assert any("restarts of these binaries on this machine now" in words for words in comparison_caveats(comparison))
    data = comparison_data(comparison)
    assert (data["procedure"], {one["method"] for one in data["points"][0]["family"]}) == ("quick", {"t"})
    assert all(one["quick"] for one in tables.claims if one["state"] not in ("not testable here", "not measured"))


def test_what_a_quick_run_does_not_show_is_bounded_not_called_equivalent(make: Make) -> None:
    comparison = compare(make(blocks=5, rounds=5, ratio=1.0, memory=1.0))
    words = [one["words"] for point in comparison_data(comparison)["points"] for one in point["family"]]
    assert words and all(re.fullmatch(r"differs by at most \d+(\.\d)?%", one) for one in words)
    assert "differs by at most" in first_line(comparison) and "no difference shown" in first_line(comparison)


def test_two_blocks_of_a_quick_run_have_no_interval(make: Make) -> None:
    campaign = make(blocks=2, rounds=5)
    said = decision_words(compare(campaign), table(campaign))
    assert said.first == "No verdict: it takes 3 complete blocks at a point, here are at most 2."
    assert {value for ratio in table(campaign).ratios for value in ratio.low.values()} == {None}


def test_ratios_of_the_table_have_the_intervals_of_the_comparison(make: Make) -> None:
    for blocks, rounds in ((5, 5), (10, 10)):
        campaign = make(blocks=blocks, rounds=rounds, name=f"run-{blocks}")
        by_key = {point.key: {one.metric: one for one in point.family} for point in compare(campaign).of("variants")}
        for ratio in table(campaign).ratios:
            one = by_key[ratio.point]["requests_per_second"]
            found = [getattr(ratio, end)["requests_per_second"] for end in ("ratio", "low", "high")]
            assert found == [one.ratio, one.low, one.high] and None not in found

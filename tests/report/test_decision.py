"""The decision in words states what was decided, and never more."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.report.conftest import Make
from toolkit.analysis.compare import compare
from toolkit.analysis.comparison import StoppedByRejections
from toolkit.report.comparison_json import comparison_data
from toolkit.report.decision import comparison_caveats, decision_words
from toolkit.report.tables import table


def test_a_clear_loss_is_called_one(make: Make) -> None:
    campaign = make()
    said = decision_words(compare(campaign), table(campaign))
    assert said.firm
    assert re.search(r"worse in requests/s \(-(19\.|20\.).*memory \(\+(29\.|30\.)", said.lines[0])
    assert "3.14 is the better choice here (0 of 20 failed: up to 17% is not excluded (95%))" in said.lines[0]


def test_what_no_failed_trial_does_not_exclude_is_a_caveat_and_in_the_json(make: Make) -> None:
    found = compare(make())
    words = "0 of 10 failed: up to 31% is not excluded (95%)"
    assert f"an arm of which no trial failed may still fail: {words} at a point" in comparison_caveats(found)
    rates = comparison_data(found)["points"][0]["failures"]
    assert [(one["failed"], round(one["high"], 2), one["words"]) for one in rates] == [(0, 0.31, words)] * 2


def test_too_few_blocks_decide_nothing(make: Make) -> None:
    campaign = make(blocks=3)
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
    assert "A trade: 3.14t is better in requests/s and worse in memory" in said.lines[0]


def test_an_open_figure_forbids_advice(make: Make) -> None:
    campaign = make()
    found = compare(campaign)
    best = found.best[0]
    family = tuple(replace(one, verdict="inconclusive") if one.metric == "memory_mb" else one for one in best.family)
    said = decision_words(replace(found, best=(replace(best, family=family),)), table(campaign))
    assert "undecided in memory" in said.lines[0] and "choice" not in said.lines[0]

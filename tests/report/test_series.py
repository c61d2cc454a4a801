"""What plots draw is what was counted, and stays small however large a campaign is."""

from __future__ import annotations

import pytest

from tests.report.conftest import Make, frames
from toolkit.report import plots, series
from toolkit.report.content import content
from toolkit.report.forest import Interval, forest


def test_curves_hold_all_else_equal(make: Make) -> None:
    _, counted, _ = content(make(blocks=3))
    found = series.curves(counted, "threads", "requests_per_second")
    assert [list(curve.arms["3.14"]) for curve in found] == [[1, 4, 16], [1, 4, 16]]
    spread = found[0].arms["3.14"][4]
    assert spread.low <= spread.median <= spread.high and spread.blocks == 3


def test_a_matrix_without_a_series_is_drawn_point_by_point(make: Make) -> None:
    _, counted, _ = content(make(blocks=2, threads=(1,)))
    assert series.curves(counted, "threads", "requests_per_second") == []
    plot = plots.throughput("t", counted, [])
    assert plot and "no curve" in plot.text


def test_memory_is_counted_as_in_records(make: Make) -> None:
    records = content(make(blocks=1))[2]
    found = series.trace(records[0], frames())
    assert found
    assert found.memory_mb[0] == pytest.approx(81)  # 80 of the server, and 1 that the agent shares with it
    assert (found.seconds[0], found.window_seconds) == (-2, 5)


def test_a_large_campaign_is_not_drawn_whole_and_says_so(make: Make) -> None:
    _, counted, _ = content(make(blocks=1, threads=tuple(range(1, 41))))
    plot = plots.latency("l", counted)
    assert plot and "The first 24 of 80 points" in plot.note
    assert sum(len(panel.svg) for panel in plot.panels) < 100_000


def test_a_ratio_without_an_interval_is_drawn_without_one() -> None:
    rows = [Interval("a", 0.9, None, None, "inconclusive"), Interval("b", 1.1, 1.05, 1.15, "higher")]
    plot = forest("f", {"requests/s": rows}, 0.03, "x / y")
    assert plot
    assert plot.rows[0] == ("requests/s", "a", "0.900", "–", "–", "inconclusive")
    assert "b: 1.100 (from 1.050 to 1.150), higher" in plot.panels[0].svg

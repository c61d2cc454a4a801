"""The simulation of quick runs keeps its promises, and would show it if the intervals were wrong."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.analysis.stats.paired import intervals
from toolkit.analysis.stats.procedure import Procedure
from toolkit.analysis.stats.signflip import Floats
from toolkit.selftest import simulate_quick
from toolkit.selftest.simulate_quick import KINDS, Kind, draw_blocks, numbers_of_blocks, quick_rows

CAMPAIGNS = 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_its_promises(kind: Kind) -> None:
    rows = quick_rows(kind, 1.0, CAMPAIGNS, np.random.default_rng(3))
    assert [row.broken for row in rows] == [()] * len(rows)


def test_intervals_that_are_too_narrow_break_the_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(data: Floats, procedure: Procedure) -> tuple[Floats, Floats, Floats]:
        low, high, p = intervals(data, procedure)
        middle, half = (low + high) / 2, (high - low) / 4
        return middle - half, middle + half, p / 20

    monkeypatch.setattr("toolkit.selftest.simulate_quick.intervals", narrow)
    rows = quick_rows("five rounds", 1.0, CAMPAIGNS, np.random.default_rng(3))
    assert all("coverage at least 93%" in row.broken for row in rows)
    assert all("false verdicts in at most 5.5%" in row.broken for row in rows)


def test_blocks_scatter_as_declared() -> None:
    noises = np.array(simulate_quick.BLOCK_NOISES)
    found = draw_blocks("five rounds", noises, 20_000, 5, np.random.default_rng(1))
    assert found.std(axis=(0, 2)) == pytest.approx(noises, rel=0.02)


def test_more_blocks_go_to_the_widest_points_alone() -> None:
    widths = np.empty((2, 3, 21))
    widths[:] = (np.array([0.01, 0.02, 0.10])[:, None] / np.sqrt(np.arange(1, 22)))[None]
    found = numbers_of_blocks("widest first", widths, np.random.default_rng(1))
    assert found.tolist() == [[5, 5, 14], [5, 5, 14]]


def test_the_same_seed_gives_the_same_rows() -> None:
    once, twice = (quick_rows("storms", 0.8, 20, np.random.default_rng(8)) for _ in range(2))
    assert once == twice

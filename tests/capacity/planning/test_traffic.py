"""Traffic: the peak that is planned for, and refusals by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.capacity.planning.traffic import constant, read_traffic
from toolkit.errors import GilfreeError


def written(tmp_path: Path, text: str) -> Path:
    """A CSV of this text."""
    file = tmp_path / "day.csv"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "lines",
    [
        "9:30,100\n10:00,700\n10:30,300",
        "2026-11-01T09:30:00,100\n2026-11-02 10:00:00,700",
        "1793525400,100\n1793527200,700",
    ],
)
def test_the_peak_is_planned_for_and_an_hour_is_its_highest_rate(tmp_path: Path, lines: str) -> None:
    found = read_traffic(written(tmp_path, f"time,rps\n{lines}\n"))
    assert found.peak_rps == 700
    assert len(found.hours) == 2
    assert max(rate for _, rate in found.hours) == 700


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("time\n1:00", "no column 'rps'"),
        ("time,rps,x\n", "unknown column 'x'"),
        ("time,rps\n", "no traffic in it"),
        ("time,rps\n1:00,0\n", "no traffic in it"),
        ("time,rps\n1:00,-5\n", r"day.csv:2: rps: '-5' is negative"),
        ("time,rps\n1:00,many\n", r":2: rps: 'many' is not a number"),
        ("time,rps\n1:00,nan\n", r":2: rps: 'nan' is not a finite number"),
        ("time,rps\n1:00,\n", r":2: rps: the cell is empty"),
        ("time,rps\n25:00,5\n", r":2: time: '25:00' is not a time"),
        ("time,rps\n1:00,5,6\n", r":2: 3 cells, but the header has 2 columns"),
    ],
)
def test_what_is_no_traffic_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        read_traffic(written(tmp_path, text))


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), 1e12])
def test_a_rate_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(GilfreeError, match="not a rate"):
        constant(rate)

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


EXPORTS = Path(__file__).parent / "exports"
"""Files as Grafana and Excel export them."""


@pytest.mark.parametrize(
    ("name", "peak", "hours"),
    [
        ("bom-crlf", 5210, (12,)),
        ("excel", 5210, (12,)),
        ("decimal-commas", 5210.5, (12,)),
        ("series-semicolons", 5210, (0, 12)),
        ("grafana-10", 5210, (0, 12, 18)),
        ("milliseconds", 5210, (0, 12)),
        ("two-zones", 900, (0, 1)),
    ],
)
def test_exports_of_grafana_and_excel_are_read(name: str, peak: float, hours: tuple[int, ...]) -> None:
    found = read_traffic(EXPORTS / f"{name}.csv")
    assert found.peak_rps == peak and tuple(hour for hour, _ in found.hours) == hours


def test_one_instant_is_one_hour_however_it_is_written_and_the_zone_is_named() -> None:
    found = read_traffic(EXPORTS / "two-zones.csv")
    assert (found.hours, found.zone) == (((0, 900.0), (1, 700.0)), "UTC")


def test_times_of_one_offset_are_counted_in_it(tmp_path: Path) -> None:
    found = read_traffic(written(tmp_path, "time,rps\n2026-10-02T14:30:00+0200,5\n2026-10-02 15:30:00+02:00,7\n"))
    assert (found.hours, found.zone) == (((14, 5.0), (15, 7.0)), "UTC+02:00")


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        ("02.10.2026 14:30", 14),
        ("10/2/2026 2:30 PM", 14),
        ("10/02/2026, 12:05:00 AM", 0),
        ("Oct 2, 2026, 14:30:00", 14),
        ("2 October 2026 14:30", 14),
        ("2026/10/02 14:30", 14),
        ("1790951400000000000", 14),
        ("2026-10-02T14:30:00.000Z", 14),
        ("2026-10-02 14:30:00 UTC", 14),
    ],
)
def test_a_time_has_the_hour_that_a_reader_sees(tmp_path: Path, time: str, hour: int) -> None:
    assert read_traffic(written(tmp_path, f'time,rps\n"{time}",5\n')).hours == ((hour, 5.0),)


@pytest.mark.parametrize(
    ("cell", "rate"),
    [
        ("5210,5", 5210.5),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567),
        ("5 210", 5210),
        ("5.21e3", 5210),
    ],
)
def test_a_number_with_one_possible_reading_is_read(tmp_path: Path, cell: str, rate: float) -> None:
    assert read_traffic(written(tmp_path, f'time,rps\n1:00,"{cell}"\n')).peak_rps == rate


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            (EXPORTS / "formatted.csv").read_text(),
            r":2: rps: '5.21 K req/s' is a formatted value with the unit 'K req/s'",
        ),
        ("time,rps\n1:00,undefined\n", r":2: rps: 'undefined' holds no value"),
        ('time,rps\n1:00,"5,210"\n', r":2: rps: '5,210' is 5.21 with a decimal comma or 5,210"),
        ("time;rps\n1:00;5210,5\n2:00;5.210\n", r":3: rps: '5.210' is 5.21 or 5,210: this file has decimal commas"),
        ("time,rps\n1:00,5210,5\n", r":2: 3 cells, but the header has 2 columns"),
        ("time,a,b\n1:00,1,2\n", "2 columns of values, a, b: it is not known which is the traffic"),
        ("Series;Time;Value\na;1:00;1\nb;1:00;2\n", "2 series, a, b: it is not known which"),
        ("time,requests per minute\n1:00,5\n", "does not seem to be requests a second"),
        ("time,rps\n2026-10-02T12:00:00Z,5\n13:00,6\n", "some times name their zone and others do not"),
        ("time,rps\n2026-10-02,5\n", r":2: time: '2026-10-02' has no time of day"),
        ("time,rps\n46297.5,5\n", r"is a date as Excel counts it"),
        ("zeit,rps\n1:00,5\n", r"no column 'time'; there are zeit, rps"),
        ("time,rps\n2026-13-40T12:00:00,5\n", "is not a time"),
        ("time,rps\n13:00 PM,5\n", "is not a time"),
        ("time,rps\n1:00,1e999\n", "is not a finite number"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_the_cause(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        read_traffic(written(tmp_path, text))


@pytest.mark.parametrize(
    "column", ["requests per second", "req/s", "rate(http_requests_total[5m])", "shop", "Value #A"]
)
def test_the_only_column_of_values_is_the_rate_whatever_it_is_called(tmp_path: Path, column: str) -> None:
    assert read_traffic(written(tmp_path, f'Time,"{column}"\n1:00,5\n')).peak_rps == 5


@pytest.mark.parametrize("column", ["rpm", "req/min", "requests/h", "CPU %", "krps", "k req/s", "p99 latency"])
def test_a_column_that_names_another_unit_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(GilfreeError, match="does not seem to be requests a second"):
        read_traffic(written(tmp_path, f'Time,"{column}"\n1:00,5\n'))


def test_a_file_that_excel_saved_as_unicode_text_is_read(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_bytes("time\trps\r\n1:00\t5210,5\r\n".encode("utf-16"))
    assert read_traffic(file).peak_rps == 5210.5

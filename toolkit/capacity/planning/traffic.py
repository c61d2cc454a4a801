"""The traffic that a capacity plan is for: a constant rate, or a CSV of time and rps. The plan is sized for the peak.

The file may be an export of Grafana or a spreadsheet. Several days become one: the rate of an hour is the highest rate of
that hour on any day, because the pods have to carry it. All hours are counted in one zone, which the plan names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.csv_rows import CsvRow, CsvTable, read_table
from toolkit.capacity.inputs.times import Instant, hours_of, time_of
from toolkit.errors import GilfreeError

TIME_COLUMNS = ("time", "timestamp", "date", "datetime", "date/time")
_OTHER_UNIT = re.compile(
    r"(/|\bper\s)\s*(ms|m|mins?|minutes?|h|hours?|d|days?)\b|\b(req)?(rpm|pm|rph|rpd)\b|%|\b[kmg]\s?(rps|req)\b|\blatency\b|\bp9\d"
)


@dataclass(frozen=True)
class Traffic:
    """The highest rate, and for each hour of the day (0 to 23) in the file the highest rate in it. Rates are requests/s.

    `zone`: the time zone of the hours, in words; empty without hours.
    """

    peak_rps: float
    hours: tuple[tuple[int, float], ...] = ()
    source: str = "constant"
    zone: str = ""


def constant(rps: float) -> Traffic:
    """The same rate all day. Raises GilfreeError unless it is above 0 and below 1e9 requests/s."""
    if not 0 < rps < 1e9:
        raise GilfreeError(f"--rps {rps:g} is not a rate of requests", "give requests a second, more than 0")
    return Traffic(rps)


def read_traffic(file: Path) -> Traffic:
    """Read a CSV file with a column of times and one column of rates (`rps`, or the only other one).

    Grafana's `Series;Time;Value` is read when there is one series. Raises GilfreeError with file, line and value for what
    is missing, wrong, or could be read in two ways.
    """
    table = read_table(file, ("time", "rps"))
    time, rate = _columns(table)
    times: list[Instant | int] = []
    rates: list[float] = []
    for row in table.rows:
        found = row.number(rate)
        if found is None:
            raise GilfreeError(f"{row.where(rate)}: the cell is empty", "write 0, or remove the line")
        rates.append(found)
        times.append(_time(row, time))
    if max(rates, default=0.0) <= 0:
        raise GilfreeError(f"{file}: no traffic in it", "give lines of time and rps, at least one rate above 0")
    try:
        hours, zone = hours_of(times)
    except ValueError as error:
        raise GilfreeError(f"{file}: {error}", "write all times in one zone, such as 2026-11-02T14:30:00Z") from None
    highest: dict[int, float] = {}
    for hour, value in zip(hours, rates, strict=True):
        highest[hour] = max(value, highest.get(hour, 0.0))
    peak = max(highest.values())
    constant(peak)
    return Traffic(peak, tuple(sorted(highest.items())), str(file), zone)


def _columns(table: CsvTable) -> tuple[str, str]:
    """The names of the columns of times and of rates."""
    where, there = f"{table.file}:1", f"there are {', '.join(table.columns)}"
    times = [name for name in table.columns if name in TIME_COLUMNS]
    if len(times) != 1:
        problem = "no column 'time'" if not times else f"several columns of times: {', '.join(times)}"
        raise GilfreeError(f"{where}: {problem}; {there}", "name the column of times `time`")
    others = [name for name in table.columns if name != times[0]]
    if sorted(others) == ["series", "value"]:
        series = sorted({row.text("series") for row in table.rows})
        if len(series) > 1:
            raise GilfreeError(
                f"{table.file}: {len(series)} series, {', '.join(series[:4])}: it is not known which is the traffic",
                "export one of them, or their sum",
            )
        others = ["value"]
    if "rps" in others and len(others) > 1:
        unknown = next(name for name in others if name != "rps")
        raise GilfreeError(f"{where}: unknown column {unknown!r}", f"keep {times[0]} and rps only")
    if not others:
        raise GilfreeError(f"{where}: no column 'rps'; {there}", "add 'rps'")
    if len(others) > 1:
        raise GilfreeError(
            f"{where}: {len(others)} columns of values, {', '.join(others)}: it is not known which is the traffic",
            "keep one of them, or their sum, and name it rps",
        )
    if _OTHER_UNIT.search(others[0]):
        raise GilfreeError(
            f"{where}: the column {others[0]!r} does not seem to be requests a second", "convert it and name it rps"
        )
    return times[0], others[0]


def _time(row: CsvRow, column: str) -> Instant | int:
    text = row.text(column)
    try:
        return time_of(text)
    except (ValueError, OverflowError, OSError) as error:
        why = str(error) if isinstance(error, ValueError) else "is not a time"
        raise GilfreeError(
            f"{row.where(column)}: {text!r} {why}", "write 14:30, 2026-11-02T14:30:00 or seconds since 1970"
        ) from None

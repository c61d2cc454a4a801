"""The traffic that a capacity plan is for: a constant rate, or a CSV of time and rps. The plan is sized for the peak.

Times are hours and minutes (`14:30`), ISO dates with times, or seconds since 1970 (UTC). Several days become one: the
rate of an hour is the highest rate of that hour on any day, because the pods have to carry it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.csv_rows import CsvRow, read_rows
from toolkit.errors import GilfreeError


@dataclass(frozen=True)
class Traffic:
    """The highest rate, and for each hour of the day (0 to 23) in the file the highest rate in it. Rates are requests/s."""

    peak_rps: float
    hours: tuple[tuple[int, float], ...] = ()
    source: str = "constant"


def constant(rps: float) -> Traffic:
    """The same rate all day. Raises GilfreeError unless it is above 0 and below 1e9 requests/s."""
    if not 0 < rps < 1e9:
        raise GilfreeError(f"--rps {rps:g} is not a rate of requests", "give requests a second, more than 0")
    return Traffic(rps)


def read_traffic(file: Path) -> Traffic:
    """Read a CSV file with the columns time and rps. Raises GilfreeError with file, line and value."""
    hours: dict[int, float] = {}
    for row in read_rows(file, ("time", "rps"), ("time", "rps")):
        rate = row.number("rps")
        if rate is None:
            raise GilfreeError(f"{row.where('rps')}: the cell is empty", "write 0, or remove the line")
        hour = _hour(row)
        hours[hour] = max(rate, hours.get(hour, 0.0))
    peak = max(hours.values(), default=0.0)
    if peak <= 0:
        raise GilfreeError(f"{file}: no traffic in it", "give lines of time and rps, at least one rate above 0")
    constant(peak)
    return Traffic(peak, tuple(sorted(hours.items())), str(file))


def _hour(row: CsvRow) -> int:
    text = row.text("time")
    clock = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?", text)
    if clock:
        return int(clock[1])
    try:
        if re.fullmatch(r"[0-9]{9,11}(\.[0-9]+)?", text):
            return dt.datetime.fromtimestamp(float(text), dt.UTC).hour
        if "T" in text or " " in text:
            return dt.datetime.fromisoformat(text).hour
    except (ValueError, OverflowError, OSError):
        pass
    raise GilfreeError(
        f"{row.where('time')}: {text!r} is not a time", "write 14:30, 2026-11-02T14:30:00 or seconds since 1970"
    )

"""Traffic to plan for: a constant rate, or a CSV of time and rps. Planned is for the peak; the day shows what it leaves.

Times are hours and minutes (`14:30`), ISO dates with times, or seconds since 1970 (UTC). Several days are laid over each
other: an hour's rate is the highest ever seen in it, since that is what has to be carried.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.csv import Row, read_rows
from toolkit.errors import GilfreeError


@dataclass(frozen=True)
class Traffic:
    """`peak_rps` is planned for; `hours`: the highest rate of each hour of the day that was seen, by hour."""

    peak_rps: float
    hours: tuple[tuple[int, float], ...] = ()
    source: str = "constant"


def constant(rps: float) -> Traffic:
    """The same rate all day. Raises GilfreeError unless it is more than nothing."""
    if not 0 < rps < 1e9:
        raise GilfreeError(f"--rps {rps:g} is not a rate of requests", "give requests a second, more than 0")
    return Traffic(rps)


def read_traffic(file: Path) -> Traffic:
    """Read a CSV with the columns time and rps. Raises GilfreeError naming line and value."""
    hours: dict[int, float] = {}
    for row in read_rows(file, ("time", "rps"), ("time", "rps")):
        rate = row.number("rps")
        if rate is None:
            raise GilfreeError(f"{row.where('rps')}: nothing there", "write 0, or leave the line away")
        hour = _hour(row)
        hours[hour] = max(rate, hours.get(hour, 0.0))
    peak = max(hours.values(), default=0.0)
    if peak <= 0:
        raise GilfreeError(f"{file}: no traffic in it", "give lines of time and rps, one above 0 at least")
    constant(peak)
    return Traffic(peak, tuple(sorted(hours.items())), str(file))


def _hour(row: Row) -> int:
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
        f"{row.where('time')}: {text!r} is no time", "write 14:30, 2026-11-02T14:30:00 or seconds since 1970"
    )

"""Times as dashboards and spreadsheets export them, and the one zone in which their hours are counted. Pure.

A time with an offset, and seconds or milliseconds since 1970, is an instant. Any other is a reading of a clock whose zone
the file does not name. The two cannot be mixed: nobody could say which of them is earlier.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

FROM_THE_FILE = "the zone of the file, which it does not name"
_EPOCH_DIGITS = ((9, 11, 1), (12, 14, 1_000), (15, 17, 1_000_000), (18, 20, 1_000_000_000))
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(:[0-5]\d([.,]\d+)?)?(\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"
    rf"|(?:[a-z]{{3,9}},?\s+)?(?:\d{{1,2}}\.?\s+{_MONTH},?\s+\d{{4}}|{_MONTH}\s+\d{{1,2}},?\s+\d{{4}}))"
)
_WRITTEN = re.compile(rf"(?:{_DATE}[ T,]+\s*)?{_CLOCK}", re.IGNORECASE)
_ZONE = re.compile(r"\s*(Z|UTC|GMT)$")
_LOOSE_OFFSET = re.compile(r"\s*([+-]\d{2}):?(\d{2})$")

Instant = dt.datetime
"""With its zone."""


def time_of(text: str) -> Instant | int:
    """The instant that a text names, or the hour (0 to 23) of a clock without a zone.

    Raises ValueError with the cause for anything else.
    """
    text = text.strip()
    if found := re.fullmatch(r"(\d+)(\.\d+)?", text):
        return _since_1970(text, len(found[1]))
    if _ZONE.search(text):
        return _dated(_ZONE.sub("+00:00", text))
    if ":" in text and _LOOSE_OFFSET.search(text):
        return _dated(_LOOSE_OFFSET.sub(r"\1:\2", text))
    written = _WRITTEN.fullmatch(text)
    if not written:
        if re.fullmatch(_DATE, text, re.IGNORECASE):
            raise ValueError("has no time of day")
        raise ValueError("is not a time")
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
        _dated(text, zone=False)
    return _hour(int(written["hour"]), (written["half"] or "").lower())


def _hour(hour: int, half: str) -> int:
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("is not a time")
        return hour % 12 + (12 if half == "p" else 0)
    if hour > 23:
        raise ValueError("is not a time")
    return hour


def _since_1970(text: str, digits: int) -> Instant:
    for least, most, unit in _EPOCH_DIGITS:
        if least <= digits <= most:
            return dt.datetime.fromtimestamp(float(text) / unit, dt.UTC)
    if digits == 5:
        raise ValueError("is a date as Excel counts it, in days")
    raise ValueError("is not a time")


def _dated(text: str, zone: bool = True) -> Instant:
    try:
        found = dt.datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        raise ValueError("is not a date with a time in ISO form" if zone else "is not a time") from None
    return found


def hours_of(times: Sequence[Instant | int]) -> tuple[list[int], str]:
    """The hour of each time, and the zone in which all of them are counted, in words.

    Instants that all have one offset are counted in it, instants of several offsets in UTC. Raises ValueError when some
    are instants and others are not.
    """
    instants = [one for one in times if isinstance(one, dt.datetime)]
    if not instants:
        return [one for one in times if isinstance(one, int)], FROM_THE_FILE
    if len(instants) < len(times):
        raise ValueError("some times name their zone and others do not")
    offsets = {one.utcoffset() for one in instants}
    zone = instants[0].tzinfo if len(offsets) == 1 else dt.UTC
    return [one.astimezone(zone).hour for one in instants], str(instants[0].astimezone(zone).tzname())

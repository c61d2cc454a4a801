"""Numbers as spreadsheets and dashboards write them: read where only one reading is possible, otherwise refused with the cause."""

from __future__ import annotations

import math
import re

_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SPACES = re.compile(r"[ \u00a0\u202f'’](?=\d{3}(\D|$))")
_GROUPS = {
    ",": re.compile(r"[+-]?\d{1,3}(,\d{3}){2,}(\.\d*)?|[+-]?\d{1,3}(,\d{3})+\.\d*"),
    ".": re.compile(r"[+-]?\d{1,3}(\.\d{3}){2,}(,\d*)?|[+-]?\d{1,3}(\.\d{3})+,\d*"),
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_ONE_GROUP = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}\{mark}\d{{3}}") for mark in ",."}
_WITH_UNIT = re.compile(r"[+-]?[\d.,  ]*\d[\d.,]*\s*([A-Za-zµ%/].*)")
_NO_VALUE = ("undefined", "null", "none", "n/a", "na", "-", "#n/a", "no data", "no value")
_NOT_FINITE = ("nan", "+nan", "-nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")


class NotANumber(ValueError):
    """The text is not a number, or could be two. `remedy`: what to write instead."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def has_decimal_comma(text: str) -> bool:
    """Whether the comma of this number can only be a decimal comma: `5210,5`, `1.234,5`, but not `5,210`."""
    compact = _SPACES.sub("", text.strip())
    if _GROUPS["."].fullmatch(compact) and "," in compact:
        return True
    return bool(_DECIMAL_COMMA.fullmatch(compact)) and not _ONE_GROUP[","].fullmatch(compact)


def number_of(text: str, decimal_commas: bool = False) -> float:
    """The number in a cell. `decimal_commas`: other cells of the file have decimal commas.

    Raises NotANumber, saying why, for a text without a value, with a unit, or with two possible readings.
    """
    compact = _SPACES.sub("", text.strip())
    if compact.lower() in _NOT_FINITE:
        raise NotANumber("is not a finite number", "leave the cell empty if the value is unknown")
    if compact.lower() in _NO_VALUE:
        raise NotANumber("holds no value", "remove the line, or write the rate of that time")
    if decimal_commas and _ONE_GROUP["."].fullmatch(compact):
        point, thousands = float(compact), int(compact.replace(".", ""))
        raise NotANumber(
            f"is {point:g} or {thousands:,}: this file has decimal commas", "export numbers without separators"
        )
    if _PLAIN.fullmatch(compact):
        if not math.isfinite(value := float(compact)):
            raise NotANumber("is not a finite number", "write a smaller number")
        return value
    if has_decimal_comma(compact) or (decimal_commas and _DECIMAL_COMMA.fullmatch(compact)):
        return float(compact.replace(".", "").replace(",", "."))
    if _ONE_GROUP[","].fullmatch(compact):
        decimal, thousands = float(compact.replace(",", ".")), int(compact.replace(",", ""))
        raise NotANumber(
            f"is {decimal:g} with a decimal comma or {thousands:,}", "export numbers without separators: 5210 or 5.21"
        )
    for mark, pattern in _GROUPS.items():
        if pattern.fullmatch(compact):
            return float(compact.replace(mark, "").replace(",", "."))
    if found := _WITH_UNIT.fullmatch(compact):
        raise NotANumber(
            f"is a formatted value with the unit {found[1].strip()!r}, not a number",
            "export raw values (Grafana: Inspect, Data, Data options, switch off `Formatted data`)",
        )
    raise NotANumber("is not a number", "write it as 1234.5")

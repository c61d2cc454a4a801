"""Which errors a trial would have shown: how many answers were checked under load, and whether sizes can be compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WITHOUT_LOAD = ("before", "after")
"""Answers validated before and after the load say nothing about errors under load."""


def answers_under_load(validated: Sequence[Mapping[str, Any]]) -> int:
    """How many answers were validated under load: in the windows, and at full load outside of them."""
    return sum(one["count"] for one in validated if one["when"] not in WITHOUT_LOAD)


def rule_of_three(answers: float) -> float | None:
    """The rate of errors that n answers without an error miss with 5% probability: 3/n (Hanley 1983); None without answers."""
    return min(1.0, 3 / answers) if answers else None


def size_of_answers(validated: Sequence[Mapping[str, Any]], *, any_body: bool) -> tuple[int | None, str]:
    """The size in bytes that every validated answer had, and ""; or None, and why sizes cannot be compared.

    validated: tallies with `sizes`, the smallest and the largest answer. any_body: an answer may have any size.
    """
    if any_body:
        return None, "any body is accepted, so sizes of answers were not compared"
    sizes = [one["sizes"] for one in validated if one.get("sizes") and not one["wrong"]]
    if not sizes:
        return None, "no answer was right, so sizes of answers were not compared"
    low, high = min(low for low, _ in sizes), max(high for _, high in sizes)
    if low != high:
        return None, f"right answers had {low:,} to {high:,} bytes, so sizes of answers were not compared"
    return low, ""

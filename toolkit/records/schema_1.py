"""Reads records of schema 1, which campaigns until November 2026 hold. Pure.

Schema 1 said only whether a trial was accepted. Its outcome follows from the reasons it was rejected for, by the same
table as today's; its arms ran one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.records.reasons import Rejection, outcome_of


def upgraded(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of today's record from those of schema 1. `record_schema` stays 1.

    Raises ValueError when it is not such a record.
    """
    try:
        fields, accepted = {name: value for name, value in data.items() if name != "accepted"}, data["accepted"]
        rejections = [Rejection(one["reason"], one["detail"]) for one in data["rejections"]]
        lengths = {name: seconds for name, seconds in data["load"].get("windows", {}).items() if name != "warmup"}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"a field of schema 1 is missing or of another type: {error}") from error
    # Of several windows (a search for knees) schema 1 has the figures of the first, and the rates in `load.rates`.
    first = [{"name": name, "seconds": seconds, "metrics": data["metrics"]} for name, seconds in lengths.items()][:1]
    return {
        **fields,
        "mode": "apart",
        "outcome": "counted" if accepted else outcome_of(rejections),
        "rejections": rejections,
        "windows": first,
    }

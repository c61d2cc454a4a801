"""What the parsers of all load generators share: their error, and the check of one number."""

from __future__ import annotations

import math
from typing import Any


class ParseError(ValueError):
    """A load generator's output holds no result."""


def nonnegative(value: Any, name: str) -> float:
    """`value` of a JSON result as a float. Raises ValueError that names it when it is no finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}")
    return float(value)

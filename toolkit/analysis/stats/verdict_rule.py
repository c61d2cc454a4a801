"""What a verdict can be and what it takes. The one place for these limits; free of numpy, so that a start stays quick."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["higher", "lower", "equivalent", "inconclusive"]
ClaimVerdict = Literal["reproduced", "direction holds", "direction holds, size differs", "contradicted", "inconclusive"]

MIN_BLOCKS = 8
"""Complete blocks below which the sign-flip test decides nothing: with 7 the smallest p is 0.016, and Holm over four
metrics then allows no verdict whatever was measured."""

MIN_QUICK_BLOCKS = 3
"""Complete blocks below which a quick run has no interval: Student's t over two blocks is nine of their standard
deviations to either side, and rests wholly on the assumption that they are normal."""

BAND = 0.03
"""Equivalent means that the whole interval lies within 1 ± this."""

SIGNIFICANCE = 0.05
"""The largest p, after Holm, of a verdict `higher` or `lower`; intervals are 95% intervals."""

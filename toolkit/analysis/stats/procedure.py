"""Which statistical procedure judges a campaign: the quick one or the full one. Free of numpy, so that a start stays quick.

- *quick*: planned with fewer than 8 blocks at a point. The 95% interval is Student's t over the blocks' log ratios, from
  3 blocks on; the family of a point is requests/s and memory; nothing is called equivalent, since so few blocks could
  seldom show it: the interval says how large a difference can be. A point that has 8 blocks or more, because there was
  time for more of them, is judged by the sign-flip test.
- *full*: planned with 8 blocks or more. Interval and p come from the sign-flip test, with the correction for interim
  analyses where the campaign stops early; below 8 blocks there is no verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS, MIN_QUICK_BLOCKS

Method = Literal["none", "t", "sign-flip", "permutation"]
"""Where an interval comes from; `permutation` for campaigns without shared blocks."""


@dataclass(frozen=True)
class InterimAnalyses:
    """The ratios are analysed after every block from `first` to `limit`. Raises ValueError unless 2 <= first <= limit."""

    first: int
    limit: int

    def __post_init__(self) -> None:
        if not 2 <= self.first <= self.limit:
            raise ValueError(f"interim analyses from block {self.first} to {self.limit}: need 2 <= first <= limit")


@dataclass(frozen=True)
class Procedure:
    """`interim`: the analyses for which the sign-flip intervals are corrected; None: a campaign is analysed once."""

    name: Literal["quick", "full"]
    interim: InterimAnalyses | None = None

    @property
    def quick(self) -> bool:
        """Whether this is the quick procedure."""
        return self.name == "quick"

    @property
    def min_blocks(self) -> int:
        """The least number of blocks that gives a verdict."""
        return MIN_QUICK_BLOCKS if self.quick else MIN_BLOCKS

    def method(self, blocks: int) -> Method:
        """What gives the interval of so many blocks."""
        if self.quick and blocks < MIN_BLOCKS:
            return "t" if blocks >= MIN_QUICK_BLOCKS else "none"
        return "sign-flip"


QUICK = Procedure("quick")
FULL = Procedure("full")


def quick_with_budget(most_blocks: int) -> Procedure:
    """The procedure of a quick run whose budget gives more blocks to the points with the widest intervals, up to
    `most_blocks`: from 8 blocks on its intervals are corrected, since each block is given by what the last analysis showed.
    """
    return Procedure("quick", InterimAnalyses(MIN_BLOCKS, max(most_blocks, MIN_BLOCKS)))

"""A plan with a time budget: the fixed matrix first, then, while there is time, a block more for the widest point.

How much time has passed is calculated from the records, so that a run that was interrupted has the rest of its budget. More
blocks are given only when all rounds of all points are done: a point that got them earlier would be measured at other times
than the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.campaign.plan import Block, FixedMatrix, concluded_blocks
from toolkit.records.store import Record

LONGEST_GAP = 3
"""In blocks: a longer time between two blocks is a pause of the run and not counted."""

Widths = Callable[[Sequence[Record]], Mapping[str, float]]
"""From records to the half-width of the deciding interval of each point, by key; points without one are missing."""


@dataclass(frozen=True)
class BudgetPlan:
    """`matrix` within `seconds`; a block takes about `block_seconds`. No point gets more than `most_blocks`."""

    matrix: FixedMatrix
    seconds: float
    block_seconds: float
    most_blocks: int
    widths: Widths

    def total(self) -> int:
        """As many blocks as fit into the budget, or are allowed."""
        return min(int(self.seconds // self.block_seconds), len(self.matrix.points) * self._most)

    def expected(self, records: Sequence[Record]) -> int:
        """The blocks that are concluded and those that still fit."""
        done = len(concluded_blocks(records, self.matrix.arms))
        used, block_seconds = time_used(records, self.block_seconds)
        return min(
            done + int(max(0.0, self.seconds - used) // block_seconds), max(done, len(self.matrix.points) * self._most)
        )

    def next(
        self, records: Sequence[Record], running: Collection[Block], without: Collection[str] = ()
    ) -> Block | None:
        """The next block of the matrix; when it has none left, one of the point whose interval is widest; None when the
        time would not suffice for another block.
        """
        used, block_seconds = time_used(records, self.block_seconds)
        if used + (len(running) + 1) * block_seconds > self.seconds:
            return None
        block = self.matrix.next(records, running, without)
        if block is not None or running:  # what is under way may have to be run again first
            return block
        done: dict[str, int] = {}
        for key, _ in concluded_blocks(records, self.matrix.arms):
            done[key] = done.get(key, 0) + 1
        widths = self.widths(records)
        open_points = [
            point
            for point in self.matrix.points
            if point.key in widths and point.key not in without and done.get(point.key, 0) < self._most
        ]
        for point in sorted(open_points, key=lambda one: -widths[one.key]):
            tried = max((one.block for one in records if one.point_key == point.key), default=-1)
            rounds = max(self.matrix.rounds, tried + 2)
            more = replace(self.matrix, points=(point,), rounds=rounds).next(records, (), without)
            if more is not None:
                return more
        return None

    @property
    def _most(self) -> int:
        return max(self.most_blocks, self.matrix.rounds)


def time_used(records: Sequence[Record], block_seconds: float) -> tuple[float, float]:
    """The seconds that the blocks of these records took, and those that a block takes on average.

    A block takes from its start to that of the next one; a pause of the run is not counted. The last block, and those
    without a time, count as the average of the others; where there is none, as `block_seconds`.
    """
    starts: dict[tuple[str, int, int], float | None] = {}
    for one in records:
        key = (one.point_key, one.block, one.attempt)
        known = [time for time in (starts.get(key), one.wall_time) if time is not None]
        starts[key] = min(known, default=None)
    times = sorted(time for time in starts.values() if time is not None)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    taken = [gap for gap in gaps if 0 < gap <= LONGEST_GAP * block_seconds]
    average = sum(taken) / len(taken) if taken else block_seconds
    return sum(taken) + average * (len(starts) - len(taken)), average

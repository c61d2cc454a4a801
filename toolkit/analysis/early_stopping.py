"""Early stopping, a second `Plan`: each point gets blocks until its intervals are narrow enough, or up to a limit.

The same rounds as the fixed matrix, less the points that have enough. That is asked of the records after every block;
intervals and p of such a campaign are corrected for the looking (`stats.Looks`), so campaign.json holds the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.analysis.families import log_rows
from toolkit.campaign.contrasts import Contrast
from toolkit.campaign.plan import Block, FixedMatrix, complete_blocks
from toolkit.records.store import Metrics, Record

if TYPE_CHECKING:
    from toolkit.analysis.stats import Decision, StoppingRule


@dataclass(frozen=True)
class UntilSure:
    """`matrix` with as many rounds as the rule's limit. A point has enough when all its `contrasts` have.

    A/A arms are measured along but stop nothing, unless there is nothing else.
    """

    matrix: FixedMatrix
    contrasts: tuple[Contrast, ...]
    rule: StoppingRule

    def total(self) -> int:
        """Blocks if no point stops before the limit."""
        return self.matrix.total()

    def next(self, records: Sequence[Record], running: Collection[Block]) -> Block | None:
        """The next block of the matrix at a point that has not enough yet."""
        decided = self.decisions(records)
        left = tuple(point for point in self.matrix.points if not _enough(decided[point.key]))
        return replace(self.matrix, points=left).next(records, running)

    def expected(self, records: Sequence[Record]) -> int:
        """How many blocks there will be in all, by the spread so far."""
        done: dict[str, int] = defaultdict(int)
        for key, _ in complete_blocks(records, self.matrix.arms):
            done[key] += 1
        return sum(
            done[key] if _enough(found) else max((one.expected_blocks for one in found), default=self.rule.limit)
            for key, found in self.decisions(records).items()
        )

    def decisions(self, records: Sequence[Record]) -> Mapping[str, list[Decision]]:
        """By point, the decision of each contrast; none where there is no complete block."""
        from toolkit.analysis import stats

        cells: dict[str, list[dict[str, Metrics]]] = defaultdict(list)
        for (key, _), found in sorted(complete_blocks(records, self.matrix.arms).items()):
            cells[key].append({record.arm: record.metrics for record in found})
        deciding = [one for one in self.contrasts if one.kind != "aa"] or list(self.contrasts)
        decided = {}
        for point in self.matrix.points:
            blocks = cells[point.key]
            rows = [log_rows([(one[c.baseline], one[c.candidate]) for one in blocks]) for c in deciding]
            decided[point.key] = [stats.decide(row, self.rule) for row in rows if row]
        return decided


def _enough(decided: Sequence[Decision]) -> bool:
    return bool(decided) and all(one.stop for one in decided)

"""Early stopping, a second `Plan`: each point gets blocks until its intervals are narrow enough, or up to a limit.

The rounds are those of the fixed matrix, without the points that have enough. The records decide that after every
block; intervals and p of such a campaign are corrected for these interim analyses (`stats.interim`), which is
why campaign.json holds the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolkit.analysis.families import log_ratios_by_metric
from toolkit.campaign.contrasts import Contrast
from toolkit.campaign.plan import Block, FixedMatrix, concluded_blocks, counted_blocks
from toolkit.records.store import Metrics, Record

if TYPE_CHECKING:
    from toolkit.analysis.stats.stopping import StoppingDecision, StoppingRule


def stopping_rule(description: Mapping[str, Any]) -> StoppingRule | None:
    """The rule under which a campaign stops early, from its campaign.json; None for a fixed number of blocks."""
    settings = description.get("stopping")
    if not settings:
        return None
    from toolkit.analysis.stats.stopping import StoppingRule

    return StoppingRule(**settings)


@dataclass(frozen=True)
class EarlyStoppingPlan:
    """`matrix` with as many rounds as the rule's limit. A point has enough blocks when all its `contrasts` have.

    A/A contrasts are measured as well but decide nothing, unless there is no other contrast.
    """

    matrix: FixedMatrix
    contrasts: tuple[Contrast, ...]
    rule: StoppingRule

    def total(self) -> int:
        """Blocks if no point stops before the limit."""
        return self.matrix.total()

    def next(
        self, records: Sequence[Record], running: Collection[Block], without: Collection[str] = ()
    ) -> Block | None:
        """The next block of the matrix at a point that does not have enough blocks yet; None when all have."""
        decisions = self.decisions(records)
        unfinished = tuple(point for point in self.matrix.points if not _enough(decisions[point.key]))
        return replace(self.matrix, points=unfinished).next(records, running, without)

    def expected(self, records: Sequence[Record]) -> int:
        """How many blocks there will be in all, by the spread so far."""
        complete: dict[str, int] = defaultdict(int)
        for key, _ in concluded_blocks(records, self.matrix.arms):
            complete[key] += 1
        return sum(
            complete[key]
            if _enough(decisions)
            else max((one.expected_blocks for one in decisions), default=self.rule.limit)
            for key, decisions in self.decisions(records).items()
        )

    def decisions(self, records: Sequence[Record]) -> Mapping[str, list[StoppingDecision]]:
        """By point key, the decision of each contrast; an empty list where there is no complete block."""
        from toolkit.analysis.stats.stopping import stopping_decision

        cells: dict[str, list[dict[str, Metrics]]] = defaultdict(list)
        for (key, _), attempt in sorted(counted_blocks(records, self.matrix.arms).items()):
            cells[key].append({record.arm: record.metrics for record in attempt})
        deciding = [one for one in self.contrasts if one.kind != "aa"] or list(self.contrasts)
        decisions = {}
        for point in self.matrix.points:
            blocks = cells[point.key]
            pairs = [
                [(one[c.baseline], one[c.candidate]) for one in blocks if {c.baseline, c.candidate} <= one.keys()]
                for c in deciding
            ]
            rows = [log_ratios_by_metric(found) for found in pairs]
            decisions[point.key] = [stopping_decision(row, self.rule) for row in rows if row]
        return decisions


def _enough(decisions: Sequence[StoppingDecision]) -> bool:
    return bool(decisions) and all(one.stop for one in decisions)

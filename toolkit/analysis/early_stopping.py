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

from toolkit.analysis.failures import FailureRate, failure_rates
from toolkit.analysis.families import PRIMARY, Pairs, log_ratios_by_metric
from toolkit.analysis.stats.procedure import FULL, QUICK, Procedure, quick_with_budget
from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS
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


def procedure_of(description: Mapping[str, Any], rounds: int) -> Procedure:
    """The statistical procedure that judges a campaign: by its campaign.json and the blocks planned at each point.

    Quick below 8 planned blocks; whoever asks for more, or for early stopping, has the full procedure.
    """
    rule = stopping_rule(description)
    if rule:
        return rule.procedure
    if rounds >= MIN_BLOCKS:
        return FULL
    budget = description.get("budget")
    return quick_with_budget(budget["most_blocks"]) if budget else QUICK


@dataclass(frozen=True)
class EarlyStoppingPlan:
    """`matrix` with as many rounds as the rule's limit. A point has enough blocks when all its `contrasts` have.

    A/A contrasts are measured as well but decide nothing, unless there is no other contrast. `primary`: the metrics that
    get verdicts. A point at which an arm fails often has enough blocks too, since its other trials get no verdict.
    """

    matrix: FixedMatrix
    contrasts: tuple[Contrast, ...]
    rule: StoppingRule
    primary: tuple[str, ...] = PRIMARY

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
        """By point key, the decision of each contrast; an empty list where there is nothing to decide by."""
        rates = failure_rates(records, self.matrix.arms)
        cells: dict[str, list[dict[str, Metrics]]] = defaultdict(list)
        for (key, _), attempt in sorted(counted_blocks(records, self.matrix.arms).items()):
            cells[key].append({record.arm: record.metrics for record in attempt})
        deciding = [one for one in self.contrasts if one.kind != "aa"] or list(self.contrasts)
        decisions = {}
        for point in self.matrix.points:
            blocks = cells[point.key]
            found = []
            for c in deciding:
                arms = (c.baseline, c.candidate)
                rows = [(one[c.baseline], one[c.candidate]) for one in blocks if set(arms) <= one.keys()]
                both = [rates[point.key, arm] for arm in arms if (point.key, arm) in rates]
                found.append(stopping_of(rows, both, self.rule, self.primary))
            decisions[point.key] = [one for one in found if one is not None]
        return decisions


def stopping_of(
    rows: Pairs, rates: Sequence[FailureRate], rule: StoppingRule, primary: Sequence[str]
) -> StoppingDecision | None:
    """Whether one contrast has enough blocks at a point, from its pairs and the failure rates of its two arms.

    None where there is nothing to decide by.
    """
    from toolkit.analysis.stats.stopping import StoppingDecision, stopping_decision

    concluded = max((one.concluded for one in rates), default=0)
    if concluded >= rule.first and any(one.often for one in rates):
        return StoppingDecision(True, "failing", None, concluded)
    log_ratios = log_ratios_by_metric(rows, primary)
    return stopping_decision(log_ratios, rule) if log_ratios else None


def _enough(decisions: Sequence[StoppingDecision]) -> bool:
    return bool(decisions) and all(one.stop for one in decisions)

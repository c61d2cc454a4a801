"""The page of a campaign before its layout: content, decision, grids and plots. HTML and Markdown use the same pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.analysis.compare import compare
from toolkit.analysis.comparison import Comparison
from toolkit.analysis.stats.verdict_rule import BAND
from toolkit.campaign.contrasts import Contrast
from toolkit.campaign.runner import Campaign
from toolkit.report import cells, plots, series
from toolkit.report import comparison as comparisons
from toolkit.report.comparison_json import comparison_data
from toolkit.report.content import MAX_LISTED, Content, UncountedTrial, content
from toolkit.report.decision import DecisionWords, comparison_caveats, decision_words
from toolkit.report.forest import Interval, forest
from toolkit.report.words import METRICS

DESCRIPTIVE_POINTS = 60
"""With more comparisons a page omits the descriptive figures (five lines each); `gilfree compare` and --json have them."""


FAILED = "The server failed by itself. That is a result of its arm: the trial is counted as a failure and not repeated."
REJECTED = "The environment spoiled the trial, which says nothing about the arm. Its block is run again."


@dataclass(frozen=True)
class UncountedTrials:
    """The trials of one outcome under their heading, with what the outcome means; `listed` are the first of them."""

    heading: str
    meaning: str
    trials: tuple[UncountedTrial, ...]

    @property
    def listed(self) -> tuple[UncountedTrial, ...]:
        """As many as a page shows."""
        return self.trials[:MAX_LISTED]

    @property
    def reasons(self) -> str:
        """`4 × stalled, 1 × wrong-answers`."""
        return ", ".join(f"{n} × {reason}" for reason, n in Counter(one.reason for one in self.trials).most_common())


@dataclass(frozen=True)
class Page:
    """Everything that the report of one campaign shows, formatted."""

    id: str
    content: Content
    comparison: Comparison
    decision: DecisionWords
    counted: str
    figures: cells.Grid
    claims: cells.Grid
    best: cells.Grid | None
    ratios: cells.Grid
    descriptive: cells.Grid | None
    noise: tuple[str, ...]
    caveats: tuple[str, ...]
    uncounted: tuple[UncountedTrials, ...]
    plots: tuple[plots.Plot, ...]

    @property
    def figures_heading(self) -> str:
        """The heading of the figures, by what they hold."""
        return "Published and measured" if cells.has_published(self.content.table) else "Measured"

    def data(self) -> dict[str, Any]:
        """As plain data for --json: the tables, the comparison and the decision; plots hold nothing more."""
        return {
            "campaign": self.content.table.campaign,
            "title": self.content.table.title,
            "created": self.content.created,
            "decision": self.decision.data(),
            "table": self.content.table.data(),
            "comparison": comparison_data(self.comparison),
            "environment": dict(self.content.environment),
            "packages": dict(self.content.packages),
            "commands": [{"what": one.what, "line": one.line} for one in self.content.commands],
            "failed": [vars(one) for one in self.content.failed],
            "rejected": [vars(one) for one in self.content.rejected],
        }


def page(campaign: Campaign, *, draw: bool = True) -> Page:
    """The page of a campaign; `draw=False`: without plots, for forms that show none."""
    collected, counted, records = content(campaign)
    found = compare(campaign, records)
    few = len(found.points) <= DESCRIPTIVE_POINTS
    return Page(
        id=f"c-{campaign.name}",
        content=collected,
        comparison=found,
        decision=decision_words(found, collected.table),
        counted=cells.counted(collected.table),
        figures=cells.figures(collected.table),
        claims=cells.claims(collected.table),
        best=comparisons.best(found) if any(one.choices > 1 for one in found.best) else None,
        ratios=comparisons.verdicts(found),
        descriptive=comparisons.descriptive(found) if few else None,
        noise=tuple(comparisons.noise(found.noise)),
        caveats=(*comparison_caveats(found), *collected.table.caveats, *collected.table.notes),
        uncounted=(
            UncountedTrials("Failed trials", FAILED, collected.failed),
            UncountedTrials("Rejected trials", REJECTED, collected.rejected),
        ),
        plots=tuple(_plots(campaign, counted, found)) if draw else (),
    )


def _plots(campaign: Campaign, counted: series.Counted, found: Comparison) -> Sequence[plots.Plot]:
    name = campaign.name
    curves = [
        *series.curves(counted, "threads", "requests_per_second"),
        *series.curves(counted, "workers", "requests_per_second"),
    ]
    traces = series.memory_traces(campaign, counted)
    drawn = [
        *(_forest(f"{name}-{one.kind}-{index}", found, one, counted) for index, one in enumerate(found.contrasts)),
        plots.throughput(f"{name}-throughput", counted, curves),
        plots.memory(f"{name}-memory", traces, counted.arms, len(counted.measured())),
        plots.latency(f"{name}-latency", counted),
        plots.cpu(f"{name}-cpu", counted),
    ]
    return [one for one in drawn if one is not None]


def _forest(name: str, found: Comparison, contrast: Contrast, counted: series.Counted) -> plots.Plot | None:
    metrics: dict[str, list[Interval]] = {}
    for point in found.points:
        if point.contrast == contrast:
            for one in point.family:
                if one.ratio is not None:
                    metrics.setdefault(METRICS[one.metric].heading, []).append(
                        Interval(point.point.label(), one.ratio, one.low, one.high, one.verdict)
                    )
    return forest(name, metrics, BAND, contrast.label)

"""The result of comparing one campaign's arms, as data: every contrast at every point, and best against best.

Nothing here is worded or formatted: `toolkit.analysis.decision` draws the conclusion, `toolkit.report` words it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.analysis.families import DescriptiveFigure, MetricComparison
from toolkit.analysis.noise import Noise
from toolkit.campaign.contrasts import Contrast
from toolkit.scenario.model import Point

if TYPE_CHECKING:
    from toolkit.analysis.stats.stopping import StoppingDecision, StoppingRule


@dataclass(frozen=True)
class PointComparison:
    """A contrast with identical settings on both sides, over `blocks` complete blocks.

    `stopping`: whether early stopping ended the point and why; None without early stopping or without a block.
    """

    contrast: Contrast
    point: Point
    key: str
    blocks: int
    family: tuple[MetricComparison, ...]
    descriptive: tuple[DescriptiveFigure, ...]
    stopping: StoppingDecision | None = None


@dataclass(frozen=True)
class BestComparison:
    """Each side at its own best workers, threads, loop and pool for one endpoint and number of connections.

    Both sides had the same CPUs and the same memory limit. `choices`: from how many settings each side's best was
    chosen, by median requests/s. Above 1 the figures lean upwards, since the same trials choose and are compared.
    """

    contrast: Contrast
    endpoint: str
    connections: int
    baseline: Point
    candidate: Point
    choices: int
    blocks: int
    family: tuple[MetricComparison, ...]
    descriptive: tuple[DescriptiveFigure, ...]


@dataclass(frozen=True)
class StoppedByRejections:
    """The campaign ended early because its environment had too many trials rejected; `reason` as the plan states it."""

    reason: str


@dataclass(frozen=True)
class SameArmDiffers:
    """An A/A contrast has a verdict on `metric` at the point `key`, beyond the band, although both sides are equal."""

    contrast: Contrast
    key: str
    metric: MetricComparison


@dataclass(frozen=True)
class EffectsHidden:
    """At `hidden` of `points` points a change of requests/s by `effect` (0.1: 10 %) would not stand out from the noise."""

    hidden: int
    points: int
    effect: float


TooNoisy = StoppedByRejections | SameArmDiffers | EffectsHidden
"""Why no verdict of a campaign can be trusted."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of a campaign. `too_noisy`: why no verdict can be trusted, None when verdicts can.

    `stopping_rule`: given when the campaign stops early, so that intervals and p are corrected for interim analyses.
    `blocks`: the complete blocks at the point that has most.
    """

    campaign: str
    title: str
    contrasts: tuple[Contrast, ...]
    best: tuple[BestComparison, ...]
    points: tuple[PointComparison, ...]
    noise: Noise
    too_noisy: TooNoisy | None
    stopping_rule: StoppingRule | None
    blocks: int

    def of(self, kind: str) -> list[PointComparison]:
        """The points of one kind of contrast."""
        return [one for one in self.points if one.contrast.kind == kind]


def finite(value: Any) -> Any:
    """The same data with None for infinities and NaN, which JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value

"""The result of comparing one campaign's arms, as data: every contrast at every point, and best against best.

Nothing here is worded or formatted: `toolkit.analysis.decision` draws the conclusion, `toolkit.report` words it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.analysis.attribution.twins import TwinComparison
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import DescriptiveFigure, MetricComparison
from toolkit.analysis.noise import Noise
from toolkit.analysis.stats.procedure import FULL, Procedure
from toolkit.campaign.contrasts import Contrast
from toolkit.scenario.model import Point

if TYPE_CHECKING:
    from toolkit.analysis.stats.stopping import StoppingDecision, StoppingRule


@dataclass(frozen=True)
class PointComparison:
    """A contrast with identical settings on both sides, over `blocks` complete blocks.

    `stopping`: whether early stopping ended the point and why; None without early stopping or without a block.
    `failures`: the failure rates of both arms. Where one fails often no metric has a verdict.
    """

    contrast: Contrast
    point: Point
    key: str
    blocks: int
    family: tuple[MetricComparison, ...]
    descriptive: tuple[DescriptiveFigure, ...]
    stopping: StoppingDecision | None = None
    failures: tuple[FailureRate, ...] = ()


@dataclass(frozen=True)
class BestComparison:
    """Each side at its own best workers, threads, loop and pool for one endpoint and number of connections.

    Both sides had the same CPUs and the same memory limit. `choices`: from how many settings each side's best was
    chosen, by the first primary metric (requests/s; CPU per request at a constant rate). `baseline` and `candidate` are
    the choices of all rounds. `crossed`: each half of the rounds was compared at the settings that the other half chose
    (`baseline_chosen`, `candidate_chosen`: one setting, or two where the halves chose differently). Without it, with more
    than one choice, the figures lean upwards, since the same trials choose and are compared. `separated`: rounds that are
    not used, since different machines ran the two settings. `failures`: the failure rates of both arms at the chosen
    settings; where one fails often no metric has a verdict.
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
    crossed: bool = False
    baseline_chosen: tuple[Point, ...] = ()
    candidate_chosen: tuple[Point, ...] = ()
    separated: int = 0
    failures: tuple[FailureRate, ...] = ()


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
    """At `hidden` of `points` points a change of `metric` by `effect` (0.1: 10%) would not stand out from the noise."""

    hidden: int
    points: int
    effect: float
    metric: str = "requests_per_second"


TooNoisy = StoppedByRejections | SameArmDiffers | EffectsHidden
"""Why no verdict of a campaign can be trusted."""


@dataclass(frozen=True)
class Comparison:
    """The comparison of a campaign. `too_noisy`: why no verdict can be trusted, None when verdicts can.

    `stopping_rule`: given when the campaign stops early, so that intervals and p are corrected for interim analyses.
    `blocks`: the blocks in which both arms counted, and `concluded`: the trials of one arm that counted or failed, each
    at the point that has most. `failures`: of every arm at every point, those without any failed trial included.
    `procedure`: what judged the campaign. `twins`: what part of a difference is not the interpreter's. `shared_cpus`: the
    load generator ran on the server's CPUs, so that ratios show a direction and no size.
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
    concluded: int = 0
    failures: tuple[FailureRate, ...] = ()
    procedure: Procedure = FULL
    twins: tuple[TwinComparison, ...] = ()
    shared_cpus: bool = False

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

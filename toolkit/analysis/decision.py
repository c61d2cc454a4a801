"""What a comparison decides, as data: whether its verdicts can be trusted, and the choice at each best against best.

`toolkit.report.decision` puts it into words. What has no verdict is never a gain or a loss here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toolkit.analysis.comparison import (
    BestComparison,
    Comparison,
    EffectsHidden,
    SameArmDiffers,
    StoppedByRejections,
    TooNoisy,
)
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.verdict_rule import BAND, MIN_BLOCKS

HIDDEN_EFFECT = 0.10
"""A campaign is too noisy if at most of its points a change of requests/s by 10 % would not have been seen."""

HIGHER_IS_BETTER = frozenset({"requests_per_second"})

State = Literal["too noisy", "one arm", "no complete block", "too few blocks", "same arm twice", "compared"]
Side = Literal["candidate", "baseline", "trade", "neither", "none"]
Reason = Literal[
    "not measured",
    "undecided",
    "no difference",
    "gain without loss",
    "throughput for memory",
    "memory for throughput",
]


@dataclass(frozen=True)
class Choice:
    """The choice that requests/s and memory, which are what is paid for, allow between two arms. Which `side`:

    - `candidate` or `baseline`: better in at least one of the two metrics and worse in neither (`gain without loss`);
    - `trade`: better in one and worse in the other; `reason` says what the candidate gives for what;
    - `neither`: equivalent in both (`no difference`);
    - `none`: one of the two is `not measured` or `undecided`.
    """

    side: Side
    reason: Reason


@dataclass(frozen=True)
class Outcome:
    """One best-against-best comparison: its primary metrics sorted by their verdicts for the candidate, and the choice."""

    best: BestComparison
    better: tuple[MetricComparison, ...]
    worse: tuple[MetricComparison, ...]
    equivalent: tuple[MetricComparison, ...]
    undecided: tuple[MetricComparison, ...]
    choice: Choice


@dataclass(frozen=True)
class SameArmCoverage:
    """The A/A contrasts: how many of their `intervals` cover 1, and how many verdicts call equal arms different."""

    intervals: int
    covering: int
    false_verdicts: int


@dataclass(frozen=True)
class Decision:
    """What a comparison decides.

    `outcomes` are those of the campaign's first contrast. `same_arm`: None where no arm was measured twice.
    `without_verdict`: comparisons with too few blocks in a campaign that has enough at other points.
    """

    state: State
    outcomes: tuple[Outcome, ...]
    same_arm: SameArmCoverage | None
    without_verdict: int

    @property
    def firm(self) -> bool:
        """Whether there are enough complete blocks for verdicts that can be trusted."""
        return self.state in ("same arm twice", "compared")


def decide(comparison: Comparison) -> Decision:
    """The decision of a comparison; pure."""
    main = comparison.contrasts[:1]
    few = sum(one.blocks < MIN_BLOCKS for one in comparison.points)
    return Decision(
        state=_state(comparison),
        outcomes=tuple(outcome(one) for one in comparison.best if (one.contrast,) == main),
        same_arm=_same_arm(comparison),
        without_verdict=few if comparison.blocks >= MIN_BLOCKS else 0,
    )


def outcome(best: BestComparison) -> Outcome:
    """The metrics of one comparison, sorted by verdict, and the choice between its arms."""
    advantages = [(one, advantage(one)) for one in best.family]
    return Outcome(
        best,
        better=tuple(one for one, sign in advantages if sign > 0),
        worse=tuple(one for one, sign in advantages if sign < 0),
        equivalent=tuple(one for one in best.family if one.verdict == "equivalent"),
        undecided=tuple(one for one in best.family if one.verdict == "inconclusive"),
        choice=choose(best.family),
    )


def choose(family: tuple[MetricComparison, ...]) -> Choice:
    """The choice that the verdicts on requests/s and memory allow."""
    by_metric = {one.metric: one for one in family}
    throughput, memory = by_metric.get("requests_per_second"), by_metric.get("memory_mb")
    if throughput is None or memory is None:
        return Choice("none", "not measured")
    if "inconclusive" in (throughput.verdict, memory.verdict):
        return Choice("none", "undecided")
    signs = advantage(throughput), advantage(memory)
    if signs == (0, 0):
        return Choice("neither", "no difference")
    if min(signs) >= 0:
        return Choice("candidate", "gain without loss")
    if max(signs) <= 0:
        return Choice("baseline", "gain without loss")
    return Choice("trade", "throughput for memory" if signs[0] > 0 else "memory for throughput")


def advantage(one: MetricComparison) -> Literal[-1, 0, 1]:
    """1 where the verdict is in the candidate's favour, -1 where it is against it, 0 where it is neither."""
    if one.verdict not in ("higher", "lower"):
        return 0
    return 1 if (one.verdict == "higher") == (one.metric in HIGHER_IS_BETTER) else -1


def too_noisy(comparison: Comparison, stop_reason: str | None) -> TooNoisy | None:
    """Why no verdict of this campaign can be trusted, None when they can. Reads neither `too_noisy` nor `best`.

    `stop_reason`: why the campaign ended before all its blocks were measured, if it did.
    """
    if stop_reason and any(one.environmental for one in comparison.noise.rejected[:1]):
        return StoppedByRejections(stop_reason)
    for point in comparison.of("aa"):
        for one in point.family:
            if one.verdict in ("higher", "lower") and not _reaches_band(one):
                return SameArmDiffers(point.contrast, point.key, one)
    effects = [
        one.smallest_effect
        for point in comparison.points
        if point.contrast.kind != "aa"
        for one in point.family
        if one.metric == "requests_per_second" and one.n >= MIN_BLOCKS
    ]
    hidden = sum(effect is None or effect > HIDDEN_EFFECT for effect in effects)
    return EffectsHidden(hidden, len(effects), HIDDEN_EFFECT) if 2 * hidden > len(effects) else None


def _state(comparison: Comparison) -> State:
    if comparison.too_noisy is not None:
        return "too noisy"
    if not comparison.contrasts:
        return "one arm"
    if not comparison.blocks:
        return "no complete block"
    if comparison.blocks < MIN_BLOCKS:
        return "too few blocks"
    return "same arm twice" if comparison.contrasts[0].kind == "aa" else "compared"


def _same_arm(comparison: Comparison) -> SameArmCoverage | None:
    points = comparison.of("aa")
    if not points:
        return None
    metrics = [one for point in points for one in point.family]
    intervals = [(one.low, one.high) for one in metrics if one.low is not None and one.high is not None]
    return SameArmCoverage(
        len(intervals),
        sum(low <= 1 <= high for low, high in intervals),
        sum(one.verdict in ("higher", "lower") for one in metrics),
    )


def _reaches_band(one: MetricComparison) -> bool:
    return one.low is not None and one.high is not None and one.low <= 1 + BAND and one.high >= 1 - BAND

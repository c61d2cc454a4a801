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
from toolkit.analysis.failures import FailureRate, differ
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.noise import LoosenedLimit
from toolkit.analysis.stats.verdict_rule import BAND

HIDDEN_EFFECT = 0.10
"""A campaign is too noisy if at most of its points a change by 10% would not have been seen, in requests/s or, at a
constant rate, in CPU per request."""

HIGHER_IS_BETTER = frozenset({"requests_per_second"})

State = Literal["too noisy", "one arm", "no complete block", "too few blocks", "same arm twice", "compared"]
Side = Literal["candidate", "baseline", "trade", "neither", "none"]
Reason = Literal[
    "not measured",
    "undecided",
    "no difference",
    "gain without loss",
    "gains and losses",
    "failed",
    "fails often",
    "fails less",
]


@dataclass(frozen=True)
class Choice:
    """The choice that the failures of two arms and the verdicts on all primary metrics allow between them. Which `side`:

    - `candidate` or `baseline`: better in at least one metric and worse in none (`gain without loss`), or the only one
      without a failure, while the other failed significantly more (`fails less`);
    - `trade`: better in some metrics and worse in others (`gains and losses`), here `gained` and `lost` by the candidate;
    - `neither`: equivalent in all (`no difference`);
    - `none`: something is `not measured` or `undecided`, an arm `fails often` so that the rest gives no verdict, or the
      arm that would be chosen `failed`.
    """

    side: Side
    reason: Reason
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


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
    `without_verdict`: comparisons with too few blocks in a campaign that has enough at other points. `failures`: the
    arms and points that had failed trials. `loosened`: the limits that let trials count which gilfree's own reject.
    """

    state: State
    outcomes: tuple[Outcome, ...]
    same_arm: SameArmCoverage | None
    without_verdict: int
    failures: tuple[FailureRate, ...] = ()
    loosened: tuple[LoosenedLimit, ...] = ()

    @property
    def firm(self) -> bool:
        """Whether there are enough complete blocks for verdicts that can be trusted."""
        return self.state in ("same arm twice", "compared")


def decide(comparison: Comparison) -> Decision:
    """The decision of a comparison; pure."""
    main = comparison.contrasts[:1]
    least = comparison.procedure.min_blocks
    few = sum(one.blocks < least for one in comparison.points)
    return Decision(
        state=_state(comparison),
        outcomes=tuple(outcome(one) for one in comparison.best if (one.contrast,) == main),
        same_arm=_same_arm(comparison),
        without_verdict=few if comparison.blocks >= least else 0,
        failures=tuple(one for one in comparison.failures if one.failed),
        loosened=comparison.noise.loosened,
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
        choice=choose(best.family, *_sides(best)),
    )


def choose(
    family: tuple[MetricComparison, ...], baseline: FailureRate | None = None, candidate: FailureRate | None = None
) -> Choice:
    """The choice that the failure rates of both arms (None: unknown) and the verdicts of a family allow.

    What an arm fails to answer comes before how fast it answers the rest. A loss in any metric is never passed over, and
    a metric without a verdict could be one.
    """
    if baseline and candidate and differ(baseline, candidate):
        if not candidate.failed:
            return Choice("candidate", "fails less")
        if not baseline.failed:
            return Choice("baseline", "fails less")
    if any(one and one.often for one in (baseline, candidate)):
        return Choice("none", "fails often")
    by_verdict = _choose_by_verdicts(family)
    chosen = {"candidate": candidate, "baseline": baseline}.get(by_verdict.side)
    return Choice("none", "failed") if chosen and chosen.failed else by_verdict


def _choose_by_verdicts(family: tuple[MetricComparison, ...]) -> Choice:
    measured = {one.metric for one in family}
    if "memory_mb" not in measured or not measured & {"requests_per_second", "cpu_seconds_per_1000_requests"}:
        return Choice("none", "not measured")
    gained = tuple(one.metric for one in family if advantage(one) > 0)
    lost = tuple(one.metric for one in family if advantage(one) < 0)
    if gained and lost:
        return Choice("trade", "gains and losses", gained, lost)
    if any(one.verdict == "inconclusive" for one in family):
        return Choice("none", "undecided")
    if not gained and not lost:
        return Choice("neither", "no difference")
    return Choice("candidate" if gained else "baseline", "gain without loss")


def _sides(best: BestComparison) -> tuple[FailureRate | None, FailureRate | None]:
    """The failure rates of baseline and candidate."""
    by_arm = {one.arm: one for one in best.failures}
    return by_arm.get(best.contrast.baseline), by_arm.get(best.contrast.candidate)


def advantage(one: MetricComparison) -> Literal[-1, 0, 1]:
    """1 where the verdict is in the candidate's favour, -1 where it is against it, 0 where it is neither."""
    if one.verdict not in ("higher", "lower"):
        return 0
    return 1 if (one.verdict == "higher") == (one.metric in HIGHER_IS_BETTER) else -1


def too_noisy(comparison: Comparison, stop_reason: str | None, metric: str = "requests_per_second") -> TooNoisy | None:
    """Why no verdict of this campaign can be trusted, None when they can. Reads neither `too_noisy` nor `best`.

    `stop_reason`: why its environment ended the campaign before all its blocks were measured, if it did. `metric`: the
    first primary metric, by whose spread the noise is judged. Where a quick run shows no direction, its intervals say how
    large a difference can be: noise alone hides nothing there.
    """
    if stop_reason:
        return StoppedByRejections(stop_reason)
    for point in comparison.of("aa"):
        for one in point.family:
            if one.verdict in ("higher", "lower") and not _reaches_band(one):
                return SameArmDiffers(point.contrast, point.key, one)
    judged = [
        one
        for point in comparison.points
        if point.contrast.kind != "aa"
        for one in point.family
        if one.metric == metric and one.method == "sign-flip" and one.n >= comparison.procedure.min_blocks
    ]
    # What has a verdict was seen: with so few blocks that no direction could be, a narrow interval still shows equivalence.
    undecided = [one.smallest_effect for one in judged if one.verdict == "inconclusive"]
    hidden = sum(effect is None or effect > HIDDEN_EFFECT for effect in undecided)
    return EffectsHidden(hidden, len(judged), HIDDEN_EFFECT, metric) if 2 * hidden > len(judged) else None


def _state(comparison: Comparison) -> State:
    if comparison.too_noisy is not None:
        return "too noisy"
    if not comparison.contrasts:
        return "one arm"
    decided_by_failures = any(outcome(one).choice.reason in ("fails less", "fails often") for one in comparison.best)
    if not decided_by_failures and not comparison.blocks:
        return "no complete block"
    if not decided_by_failures and comparison.blocks < comparison.procedure.min_blocks:
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

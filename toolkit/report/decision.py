"""The decision in words: what a reader who reads nothing else should take away. Pure.

The first line states the verdicts of the campaign. Below it each best-against-best comparison has a line with what was
gained and what was lost; what has no verdict is never called a gain or a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.analysis.comparison import (
    BestComparison,
    Comparison,
    EffectsHidden,
    SameArmDiffers,
    StoppedByRejections,
)
from toolkit.analysis.decision import Choice, Decision, Outcome, SameArmCoverage, decide
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.verdict_rule import BAND, MIN_BLOCKS
from toolkit.campaign.ending import Ending
from toolkit.report.tables import Table
from toolkit.report.verdicts import best_caveat, failure_words, interim_words, not_excluded, often_failing
from toolkit.report.words import METRICS, change, count, loosened, names

MAX_LINES = 12
HEADLINE_METRICS = ("requests_per_second", "memory_mb")
HEADLINE_AT_CONSTANT_RATE = ("cpu_seconds_per_1000_requests", "latency_p99_ms", "memory_mb")


@dataclass(frozen=True)
class DecisionWords:
    """The first line, the lines below it, and whether there are verdicts that can be trusted (`firm`)."""

    first: str
    lines: tuple[str, ...]
    firm: bool


def decision_words(comparison: Comparison, table: Table) -> DecisionWords:
    """The decision of a campaign in sentences, with the states of its published claims."""
    decision = decide(comparison)
    shown = decision.outcomes[:MAX_LINES]
    lines = [_outcome(one) if decision.firm else _direction(one.best) for one in shown]
    lines = [line for line in lines if line]
    if len(decision.outcomes) > len(shown):
        rest = len(decision.outcomes) - len(shown)
        lines.append(f"{rest} further endpoints and numbers of connections are in the tables")
    ended = {one.point for one in table.stopped}
    said = [rate for one in shown if decision.firm for rate in one.best.failures if rate.often]
    failing = [
        one
        for one in decision.failures
        if one.key not in ended and one not in said and decision.state != "no complete block"
    ]
    lines += [_failed_at(one) for one in failing[:MAX_LINES]]
    if len(failing) > MAX_LINES:
        lines.append(f"{len(failing) - MAX_LINES} further arms and points with failed trials are in the tables")
    lines += [_stopped(one) for one in table.stopped]
    lines += [line for line in [_claims(table.claims)] if line]
    return DecisionWords(_sentence(first_line(comparison)), tuple(map(_sentence, lines)), decision.firm)


def first_line(comparison: Comparison) -> str:
    """The one line to read if only one is read; loosened limits are part of it."""
    decision = decide(comparison)
    loose = ", ".join(loosened(one) for one in decision.loosened)
    return _first_line(comparison, decision) + (f" (loosened limits: {loose})" if loose else "")


def _first_line(comparison: Comparison, decision: Decision) -> str:
    if decision.state == "too noisy":
        return f"too noisy for a verdict: {too_noisy_words(comparison)}"
    if decision.state == "one arm":
        return "one arm only: there is nothing to compare"
    if decision.state == "no complete block":
        failed = "; ".join(_failed_at(one) for one in decision.failures[:MAX_LINES])
        return f"no complete block: {failed or 'there is nothing to compare yet'}"
    if decision.state == "too few blocks":
        return f"no verdict: it takes {MIN_BLOCKS} complete blocks at a point, here are at most {comparison.blocks}"
    if decision.state == "same arm twice" and decision.same_arm:
        return _same_arm(decision.same_arm)
    bests = "; ".join(_best(one.best) for one in decision.outcomes)
    return f"{comparison.contrasts[0].label}, each at its best: {bests}"


def too_noisy_words(comparison: Comparison) -> str:
    """Why no verdict of a campaign can be trusted; "" when verdicts can."""
    reason = comparison.too_noisy
    if isinstance(reason, StoppedByRejections):
        return reason.reason
    if isinstance(reason, SameArmDiffers):
        return f"{reason.contrast.label}, the same thing twice, differs at {reason.key}: {_verdict(reason.metric)}"
    if isinstance(reason, EffectsHidden):
        return (
            f"at {reason.hidden} of {reason.points} points a change of {METRICS[reason.metric].name} by {reason.effect:.0%} could not have"
            " been distinguished from noise"
        )
    return ""


def comparison_caveats(comparison: Comparison) -> tuple[str, ...]:
    """What to know before believing the comparison; the caveats of machine and builds are the table's."""
    decision = decide(comparison)
    caveats = []
    if decision.same_arm and comparison.contrasts[0].kind != "aa":
        caveats.append(_same_arm(decision.same_arm))
    if comparison.stopping_rule:
        caveats.append(interim_words(comparison.stopping_rule))
    caveats += [best_caveat(one) for one in comparison.best if one.choices > 1][:1]
    clean = [rate for one in comparison.points for rate in one.failures if not rate.failed]
    if clean:
        least = max(clean, key=lambda rate: rate.high)
        caveats.append(f"an arm of which no trial failed may still fail: {not_excluded(least)} at a point")
    if decision.without_verdict:
        caveats.append(
            f"{decision.without_verdict} of {len(comparison.points)} comparisons have fewer than {MIN_BLOCKS} blocks:"
            " no verdict there"
        )
    return tuple(caveats)


def _outcome(one: Outcome) -> str:
    """Gains and losses at one endpoint, from verdicts alone."""
    candidate = one.best.contrast.candidate
    parts = [
        f"better in {_changes(one.better)}" if one.better else "",
        f"worse in {_changes(one.worse)}" if one.worse else "",
        f"the same within ±{100 * BAND:.0f}% in {names(one.equivalent)}" if one.equivalent else "",
        f"undecided in {names(one.undecided)}" if one.undecided else "",
    ]
    if often_failing(one.best.failures):
        parts = [f"without a verdict, since {often_failing(one.best.failures)}"]
    verdicts = "; ".join(part for part in parts if part) or "not measured"
    return f"{_where(one.best)}: {candidate} is {verdicts}. {_choice(one.choice, one.best)}".strip()


def _choice(choice: Choice, best: BestComparison) -> str:
    """The choice as a sentence, with the failure rate that its trials do not exclude; "" where there is none."""
    contrast = best.contrast
    if choice.side in ("candidate", "baseline"):
        chosen = contrast.candidate if choice.side == "candidate" else contrast.baseline
        why = ": the other one fails significantly more often" if choice.reason == "fails less" else ""
        unknown = [not_excluded(one) for one in best.failures if one.arm == chosen and not one.failed]
        return f"{chosen} is the better choice here{why}" + (f" ({unknown[0]})" if unknown else "")
    if choice.side == "neither":
        return f"Nothing that was measured speaks for or against {contrast.candidate} here"
    if choice.side == "trade":
        gained, lost = (" and ".join(METRICS[name].name for name in names) for names in (choice.gained, choice.lost))
        return f"A trade: {contrast.candidate} is better in {gained} and worse in {lost}"
    return "No better choice: the one that the figures speak for failed" if choice.reason == "failed" else ""


def _failed_at(one: FailureRate) -> str:
    return f"at {one.key} {failure_words(one)}"


def _stopped(one: Ending) -> str:
    """Why a point or the campaign was ended at once, and what to do about it."""
    what = f"the point {one.point} was given up after its first block" if one.point else "the campaign was stopped"
    return f"{what}: {one.reason.strip()}" + (f". To go on, {one.remedy}" if one.remedy else "")


def _direction(best: BestComparison) -> str:
    """The direction of the medians, where nothing is decided; "" where no block has both arms."""
    if not best.blocks:
        return ""
    figures = [f"{METRICS[one.metric].name} {one.ratio - 1:+.0%}" for one in best.family if one.ratio is not None]
    medians = f"medians of {count(best.blocks, 'block')}, not a verdict"
    return f"{_where(best)}: {medians}: {', '.join(figures) or 'nothing measured'}"


def _where(best: BestComparison) -> str:
    choices = "" if best.choices < 2 else f" (best of {best.choices} settings on each side)"
    return f"{best.baseline.shown_endpoint} with {best.connections} connections{choices}"


def _best(best: BestComparison) -> str:
    if often_failing(best.failures):
        return f"{best.baseline.shown_endpoint} with {best.connections} connections no verdict: {often_failing(best.failures)}"
    closed_loop = any(one.metric == "requests_per_second" for one in best.family)
    wanted = HEADLINE_METRICS if closed_loop else HEADLINE_AT_CONSTANT_RATE
    shown = [one for one in best.family if one.metric in wanted]
    figures = ", ".join(f"{METRICS[one.metric].name} {_verdict(one)}" for one in shown)
    return f"{best.baseline.shown_endpoint} with {best.connections} connections {figures or 'not measured'}"


def _same_arm(coverage: SameArmCoverage) -> str:
    if not coverage.intervals:
        return "A/A: too few blocks for an interval"
    false = f"; {count(coverage.false_verdicts, 'false verdict')}" if coverage.false_verdicts else ""
    return f"A/A: {coverage.covering} of {coverage.intervals} intervals cover 1 (95% should){false}"


def _verdict(one: MetricComparison) -> str:
    return f"{one.verdict} {change(one)}".rstrip()


def _changes(family: Sequence[MetricComparison]) -> str:
    return ", ".join(f"{METRICS[one.metric].name} {change(one)}".rstrip() for one in family)


def _claims(claims: Sequence[Mapping[str, object]]) -> str:
    counts: dict[str, int] = {}
    for claim in claims:
        counts[str(claim["state"])] = counts.get(str(claim["state"]), 0) + 1
    return "published claims: " + ", ".join(f"{number} {state}" for state, number in counts.items()) if counts else ""


def _sentence(words: str) -> str:
    """With a capital and a full stop; a leading `/` of an endpoint stays."""
    return (words[:1].upper() + words[1:]).rstrip(".") + "."

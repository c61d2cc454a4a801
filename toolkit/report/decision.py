"""The decision in words: what a reader who reads nothing else should take away. Pure.

The first line states the verdicts of the campaign. Below it each best-against-best comparison has a line with what was
gained and what was lost; what has no verdict is never called a gain or a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.analysis.comparison import (
    BestComparison,
    Comparison,
    EffectsHidden,
    SameArmDiffers,
    StoppedByRejections,
)
from toolkit.analysis.decision import Decision, SameArmCoverage, decide
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import MetricComparison
from toolkit.campaign.ending import Ending
from toolkit.report.endpoint_line import endpoint_line, where
from toolkit.report.tables import Table
from toolkit.report.twins import twin_words
from toolkit.report.verdicts import best_caveat, failure_words, interim_words, not_excluded, procedure_words
from toolkit.report.words import METRICS, change, count, loosened

MAX_LINES = 12
REACH = "intervals cover restarts of these binaries on this machine now, not other builds, machines or days"
QUICK_MEANING = (
    "quick run: where it shows no direction, the interval says how large a difference can be; that two arms are equivalent"
    " takes 8 blocks or more (FULL=1 or --blocks)"
)


@dataclass(frozen=True)
class DecisionWords:
    """The first line, the lines below it, and whether there are verdicts that can be trusted (`firm`)."""

    first: str
    lines: tuple[str, ...]
    firm: bool

    def data(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return {"first": self.first, "lines": list(self.lines), "firm": self.firm}


def decision_words(comparison: Comparison, table: Table) -> DecisionWords:
    """The decision of a campaign in sentences, with the states of its published claims."""
    decision = decide(comparison)
    shown = decision.outcomes[:MAX_LINES]
    loose = _loose(decision)
    lines = [endpoint_line(one, loose) if decision.firm else _direction(one.best) for one in shown]
    lines = [line + _shared(comparison) for line in lines if line]
    lines += [twin_words(one) for one in comparison.twins if decision.firm and not comparison.shared_cpus]
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
    first = _headline(comparison) if decision.state == "compared" else first_line(comparison)
    return DecisionWords(_sentence(first), tuple(map(_sentence, lines)), decision.firm)


def first_line(comparison: Comparison) -> str:
    """The one line to read if only one is read: of several endpoints it holds all; loosened limits are part of it."""
    decision = decide(comparison)
    loose = _loose(decision)
    if decision.state == "compared":  # each endpoint has its own line, with the limits
        return "; ".join(endpoint_line(one, loose) + _shared(comparison) for one in decision.outcomes)
    limits = f" (loosened limits: {loose})" if loose else ""
    return _first_line(comparison, decision) + limits + _shared(comparison)


def _shared(comparison: Comparison) -> str:
    return " (server and load generator share CPUs: directions only, no sizes)" if comparison.shared_cpus else ""


def _loose(decision: Decision) -> str:
    return ", ".join(loosened(one) for one in decision.loosened)


def _first_line(comparison: Comparison, decision: Decision) -> str:
    if decision.state == "too noisy":
        return f"too noisy for a verdict: {too_noisy_words(comparison)}"
    if decision.state == "one arm":
        return "one arm only: there is nothing to compare"
    if decision.state == "no complete block":
        failed = "; ".join(_failed_at(one) for one in decision.failures[:MAX_LINES])
        return f"no complete block: {failed or 'there is nothing to compare yet'}"
    if decision.state == "too few blocks":
        least = comparison.procedure.min_blocks
        return f"no verdict: it takes {least} complete blocks at a point, here are at most {comparison.blocks}"
    return _same_arm(decision.same_arm) if decision.same_arm else "nothing to compare"


def _headline(comparison: Comparison) -> str:
    """What is compared and by which procedure; each endpoint has a line of its own below it."""
    best = ", each at its best setting" if any(one.choices > 1 for one in comparison.best) else ""
    return f"{comparison.contrasts[0].label}{best}; {procedure_words(comparison)}, for this machine now"


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
    if any(one.low is not None for point in comparison.points for one in point.family):
        caveats.append(REACH)
    if comparison.procedure.quick and comparison.blocks >= comparison.procedure.min_blocks:
        caveats.append(QUICK_MEANING)
    if comparison.stopping_rule:
        caveats.append(interim_words(comparison.stopping_rule))
    caveats += [best_caveat(one) for one in comparison.best if one.choices > 1][:1]
    clean = [rate for one in comparison.points for rate in one.failures if not rate.failed]
    if clean:
        least = max(clean, key=lambda rate: rate.high)
        caveats.append(f"an arm of which no trial failed may still fail: {not_excluded(least)} at a point")
    if decision.without_verdict:
        caveats.append(
            f"{decision.without_verdict} of {len(comparison.points)} comparisons have fewer than {comparison.procedure.min_blocks} blocks:"
            " no verdict there"
        )
    return tuple(caveats)


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
    return f"{where(best)}: {medians}: {', '.join(figures) or 'nothing measured'}"


def _same_arm(coverage: SameArmCoverage) -> str:
    if not coverage.intervals:
        return "A/A: too few blocks for an interval"
    false = f"; {count(coverage.false_verdicts, 'false verdict')}" if coverage.false_verdicts else ""
    return f"A/A: {coverage.covering} of {coverage.intervals} intervals cover 1 (95% should){false}"


def _verdict(one: MetricComparison) -> str:
    return f"{one.verdict} {change(one)}".rstrip()


def _claims(claims: Sequence[Mapping[str, object]]) -> str:
    counts: dict[str, int] = {}
    for claim in claims:
        counts[str(claim["state"])] = counts.get(str(claim["state"]), 0) + 1
    quick = " (quick)" if any(claim.get("quick") for claim in claims) else ""
    return (
        f"published claims{quick}: " + ", ".join(f"{number} {state}" for state, number in counts.items())
        if counts
        else ""
    )


def _sentence(words: str) -> str:
    """With a capital and a full stop; a leading `/` of an endpoint stays."""
    return (words[:1].upper() + words[1:]).rstrip(".") + "."

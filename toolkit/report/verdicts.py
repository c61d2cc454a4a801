"""Verdicts, claims, limits and early stopping in words, with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.analysis.attribution.direction import MAX_LOADER_SHARE, Doubt
from toolkit.analysis.claims import ClaimResult, UnmetPrecondition
from toolkit.analysis.comparison import BestComparison, Comparison, PointComparison
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.gate import LimitResult
from toolkit.analysis.stats.procedure import FULL, Method, Procedure
from toolkit.analysis.stats.verdict_rule import BAND
from toolkit.records.reasons import reason_of
from toolkit.report.words import count, interval, share

if TYPE_CHECKING:
    from toolkit.analysis.stats.stopping import StoppingRule

CLAIM_REASONS = {
    "reproduced": "the whole interval lies inside the claimed band",
    "direction holds": "the interval shows the claimed direction; server and load generator share CPUs, so no size is judged",
    "direction holds, size differs": "the whole interval lies beyond the claimed band, away from no difference",
    "contradicted": "the whole interval lies outside the claimed band",
    "inconclusive": "the interval lies partly inside the claimed band",
    "not measured": "no block holds both cells",
}


METHODS: dict[Method, str] = {
    "none": "no interval",
    "t": "Student's t",
    "sign-flip": "the sign-flip test",
    "permutation": "the permutation test",
}

DOUBTS: dict[Doubt, str] = {
    "": "",
    "interval": "the interval shows no direction",
    "cpu": "CPU per request does not show the same direction",
    "loader": f"the load generator took {MAX_LOADER_SHARE:.0%} or more of the CPUs that it shares with the server, or it is unknown",
}

BUILD_CAVEATS = {
    "": "",
    "fast": "these builds are without PGO and LTO",
    "unknown": "how these builds were optimised is unknown",
}


def failure_words(one: FailureRate) -> str:
    """How often an arm failed by itself: `3.14t failed in 4 of 10 blocks (12 to 74%): stalled`."""
    rate = f"{one.arm} failed in {one.failed} of {count(one.concluded, 'block')}"
    reason = f": {reason_of(one.main_reason).text}" if one.main_reason else ""
    return f"{rate} ({100 * one.low:.0f} to {100 * one.high:.0f}%){reason}"


def not_excluded(one: FailureRate) -> str:
    """What is not known of an arm of which no trial failed: `0 of 10 failed: up to 31% is not excluded (95%)`."""
    return f"0 of {one.concluded} failed: up to {100 * one.high:.0f}% is not excluded (95%)"


def often_failing(rates: Sequence[FailureRate]) -> str:
    """Which arms fail so often that their other trials give no verdict, in words; "" where none does."""
    return " and ".join(failure_words(one) for one in rates if one.often)


def verdict_reason(
    one: MetricComparison, family_size: int, failures: Sequence[FailureRate] = (), procedure: Procedure = FULL
) -> str:
    """Why a metric has its verdict.

    family_size: how many metrics share its Holm correction. failures: the failure rates of both arms. procedure: that of
    the campaign.
    """
    if often_failing(failures):
        return f"no verdict: {often_failing(failures)}"
    if one.n < procedure.min_blocks:
        return f"{count(one.n, 'block')}: no verdict below {procedure.min_blocks}"
    after_holm = f"p = {one.holm_p:.3g} after Holm over {family_size}"
    if one.verdict in ("higher", "lower"):
        small = f", though it is within ±{BAND:.0%}" if _within_band(one) else ""
        return f"the interval excludes 1 and {after_holm}{small}"
    if one.verdict == "equivalent":
        return f"the whole interval is within ±{BAND:.0%}"
    if one.low is not None and one.high is not None and not one.low <= 1 <= one.high:
        return f"the interval excludes 1, but {after_holm}"
    if one.at_most is not None:
        return f"the interval holds 1: the difference is at most {share(one.at_most)} (quick: {METHODS[one.method]})"
    if one.smallest_effect is None:
        return f"the interval holds 1 and reaches beyond ±{BAND:.0%}; {one.n} blocks cannot decide this family"
    return (
        f"the interval holds 1 and reaches beyond ±{BAND:.0%}; "
        f"{one.n} blocks with this spread see changes from {one.smallest_effect:.1%}"
    )


def claim_reason(result: ClaimResult) -> str:
    """Why a claim is in its state; "" below the blocks that a verdict takes."""
    if result.state == "not testable here":
        return "; ".join(_unmet(one) for one in result.unmet)
    if result.failing:
        return failure_words(result.failing)
    if result.doubt:
        return DOUBTS[result.doubt]
    if result.directed and result.state == "contradicted":
        return "the interval shows the other direction; server and load generator share CPUs, so no size is judged"
    if result.state == "not measured" and result.separated:
        return f"different machines ran the two cells in all {count(result.separated, 'round')}: such rounds are not paired"
    return "" if result.too_few else CLAIM_REASONS[result.state]


def claim_words(result: ClaimResult) -> str:
    """The state of a claim with its reason."""
    if result.too_few:
        return f"inconclusive ({count(result.blocks, 'block')})"
    judged = result.state not in ("not testable here", "not measured")
    caveat = f" ({BUILD_CAVEATS[result.caveat]})" if judged and result.caveat else ""
    quick = ", quick" if judged and result.quick else ""
    return f"{result.state}{quick}: {claim_reason(result)}{caveat}"


def limit_words(result: LimitResult) -> str:
    """A limit of --fail-on at one point: its state and the interval or the failures that decide it."""
    metric = result.metric
    measured = interval(metric.low, metric.high) if metric else ""
    where = f"{result.point.key}, {result.point.contrast.label}"
    decided = failure_words(result.failing) if result.failing else measured or "no interval"
    return f"{result.limit}: {result.state} at {where}: {decided}"


def best_caveat(best: BestComparison) -> str:
    """What choosing the best settings does to the figures of a best-against-best comparison."""
    if best.choices == 1:
        return "only one setting was measured, so nothing was chosen"
    if not best.crossed:
        return (
            f"each side's best of {best.choices} settings was chosen by the same trials that are compared here:"
            " what was lucky is chosen more easily, so both figures lean upwards"
        )
    words = f"each half of the rounds is compared at the best of {best.choices} settings that the other half chose"
    for arm, chosen in (
        (best.contrast.baseline, best.baseline_chosen),
        (best.contrast.candidate, best.candidate_chosen),
    ):
        if len(chosen) > 1:
            words += f"; for {arm} the halves chose differently: {' and '.join(one.key for one in chosen)}"
    if best.separated:
        words += f"; {count(best.separated, 'round')} not paired: different machines ran the two settings"
    return words


def stopping_words(point: PointComparison, rule: StoppingRule | None) -> str:
    """Why early stopping ended a point, or that it has not; "" for a fixed number of blocks."""
    if rule is None:
        return ""
    if point.stopping is None:
        return "no complete block yet"
    stopping = point.stopping
    if stopping.reason == "precise":
        return f"stopped after {point.blocks} blocks: every interval is within ±{rule.half_width:.0%}"
    if stopping.reason == "limit":
        return f"stopped at the limit of {rule.limit} blocks, the widest interval is that of {stopping.metric}"
    if stopping.reason == "failing":
        return f"stopped after {stopping.expected_blocks} blocks: {often_failing(point.failures)}"
    return f"not enough after {point.blocks} blocks ({stopping.reason}), about {stopping.expected_blocks} are expected"


def procedure_words(comparison: Comparison) -> str:
    """The procedure that judged a campaign, in words: `quick, 95% intervals by Student's t over 5 blocks`."""
    found = sorted({(one.n, one.method) for point in comparison.points for one in point.family})
    by_method: dict[Method, list[int]] = {}
    for blocks, method in found:
        by_method.setdefault(method, []).append(blocks)
    shown = [
        f"{METHODS[method]} over {blocks[0]}{f' to {blocks[-1]}' if len(blocks) > 1 else ''} blocks"
        for method, blocks in by_method.items()
        if method != "none"
    ]
    if not shown:
        return f"{comparison.procedure.name}, no intervals"
    return f"{comparison.procedure.name}, 95% intervals by {' or '.join(shown)}"


def interim_words(rule: StoppingRule | None) -> str:
    """How intervals and p are corrected under early stopping; "" for a fixed number of blocks."""
    if rule is None:
        return ""
    from toolkit.analysis.stats.stopping import CORRECTION

    return f"looked at after every block from {rule.first} to {rule.limit}; intervals and p are corrected for it: {CORRECTION}"


def _within_band(one: MetricComparison) -> bool:
    return one.low is not None and one.high is not None and one.low >= 1 - BAND and one.high <= 1 + BAND


def _unmet(one: UnmetPrecondition) -> str:
    if one.kind == "series":
        return f"it is about {' and '.join(one.needs if isinstance(one.needs, tuple) else ())}, this is {one.has}"
    if one.kind == "server_cpus":
        return f"it needs {one.needs} server CPUs, there is {one.has}"
    if one.kind == "no_direction":
        return "server and load generator share CPUs, which shows directions only, and a band that holds 1 has none"
    return f"requests/s are set here: the load kept a constant rate of {one.has} requests/s"

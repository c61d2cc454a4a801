"""A comparison in words: its first line, whether it is too noisy to decide by, and what to know before believing it."""

from __future__ import annotations

from toolkit.analysis.comparison import Best, Comparison
from toolkit.analysis.families import Judged

MIN_BLOCKS = 8
"""As `stats.MIN_BLOCKS`, which would load numpy; a test keeps them equal."""

BAND = 0.03
TOO_NOISY_EFFECT = 0.10
"""A campaign that could not have seen a change of requests/s by 10 % at half of its points is too noisy to decide by."""

WORDS = {
    "requests_per_second": "requests/s",
    "cpu_seconds_per_1000_requests": "CPU time per request",
    "memory_mb": "memory",
    "latency_p99_ms": "p99",
}


def too_noisy(found: Comparison, stopped: str | None) -> str:
    """Why no verdict of this campaign can be trusted, or "". `stopped`: why it ended before its time, if it did."""
    environmental = {one.reason for one in found.noise.rejected[:1] if one.environmental}
    if stopped and environmental:
        return stopped
    for point in found.of("aa"):
        for one in point.family:
            if one.verdict in ("higher", "lower") and not _touches_band(one):
                return f"{point.contrast.words}, the same thing twice, differs at {point.key}: {_figure(one)}"
    seen = [
        one.smallest_effect
        for point in found.points
        if point.contrast.kind != "aa"
        for one in point.family
        if one.metric == "requests_per_second" and one.n >= MIN_BLOCKS
    ]
    blind = [effect for effect in seen if effect is None or effect > TOO_NOISY_EFFECT]
    if seen and 2 * len(blind) > len(seen):
        return (
            f"at {len(blind)} of {len(seen)} points a change of requests/s by {TOO_NOISY_EFFECT:.0%} could not have been"
            " told from noise"
        )
    return ""


def first_line(found: Comparison) -> str:
    """The one line to read if only one is read."""
    if found.too_noisy:
        return f"too noisy for a verdict: {found.too_noisy}"
    if not found.contrasts:
        return "one arm only: there is nothing to compare"
    if not found.blocks:
        return "no complete block: there is nothing to compare yet"
    if found.blocks < MIN_BLOCKS:
        return f"no verdict: it takes {MIN_BLOCKS} complete blocks at a point, here are at most {found.blocks}"
    kind = found.contrasts[0].kind
    if kind == "aa":
        return _aa(found)
    lines = [_best(one) for one in found.best if one.contrast == found.contrasts[0]]
    return f"{found.contrasts[0].words}, each at its best: " + "; ".join(lines)


def caveats(found: Comparison) -> tuple[str, ...]:
    """What to know of the comparison itself; those of machine and builds are the table's."""
    lines = []
    if found.of("aa") and found.contrasts[0].kind != "aa":
        lines.append(_aa(found))
    if found.looks:
        lines.append(found.looks)
    if any(one.choices > 1 for one in found.best):
        lines.append(next(one.caveat for one in found.best if one.choices > 1))
    few = [one for one in found.points if one.blocks < MIN_BLOCKS]
    if few and found.blocks >= MIN_BLOCKS:
        lines.append(
            f"{len(few)} of {len(found.points)} comparisons have fewer than {MIN_BLOCKS} blocks: no verdict there"
        )
    return tuple(lines)


def _aa(found: Comparison) -> str:
    all_of = [one for point in found.of("aa") for one in point.family if one.low is not None]
    beside = [one for one in all_of if not _covers_1(one)]
    if not all_of:
        return "A/A: too few blocks for an interval"
    words = f"A/A: {len(all_of) - len(beside)} of {len(all_of)} intervals cover 1 (95 % should)"
    verdicts = [one for point in found.of("aa") for one in point.family if one.verdict in ("higher", "lower")]
    return words + (f"; {len(verdicts)} false verdict{'s' if len(verdicts) > 1 else ''}" if verdicts else "")


def _best(best: Best) -> str:
    shown = [one for one in best.family if one.metric in ("requests_per_second", "memory_mb")]
    figures = ", ".join(f"{WORDS[one.metric]} {_figure(one)}" for one in shown)
    return f"/{best.endpoint} with {best.connections} connections {figures or 'not measured'}"


def _figure(one: Judged) -> str:
    if one.ratio is None or one.low is None or one.high is None:
        return one.verdict
    return f"{one.verdict} ({one.ratio - 1:+.1%}, {one.low - 1:+.1%} to {one.high - 1:+.1%})"


def _covers_1(one: Judged) -> bool:
    return one.low is not None and one.high is not None and one.low <= 1 <= one.high


def _touches_band(one: Judged) -> bool:
    return one.low is not None and one.high is not None and one.low <= 1 + BAND and one.high >= 1 - BAND

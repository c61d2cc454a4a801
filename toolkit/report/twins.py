"""What part of a difference is not the interpreter's, in words: an endpoint and its twin."""

from __future__ import annotations

from toolkit.analysis.attribution.twins import Rate, TwinComparison
from toolkit.report.words import interval


def twin_words(one: TwinComparison) -> str:
    """`of the 45% by which 3.14t serves less at /json, most is AnyIO's thread pool's: /json-async …`, as one sentence."""
    arm, plain, twin = one.contrast.candidate, one.plain.shown_endpoint, one.twin.shown_endpoint
    share = {
        "most": f"{one.without} accounts for most",
        "some": f"{one.without} accounts for a part",
        "not shown": f"it is not shown that {one.without} accounts for any",
    }[one.part]
    ratio = one.plain_rate.ratio or 1
    beginning = (
        f"of the {abs(ratio - 1):.0%} by which {arm} serves {'less' if ratio < 1 else 'more'} at {plain}, {share}"
    )
    return f"{beginning}: without it, at {twin}, {arm} serves {_rate(one.twin_rate)}{_absolute(one)}"


def _rate(one: Rate) -> str:
    if one.verdict in ("higher", "lower") and one.ratio is not None:
        return f"{abs(one.ratio - 1):.0%} {'less' if one.ratio < 1 else 'more'} ({interval(one.low, one.high)})"
    measured = interval(one.low, one.high)
    return f"a number that may be the same ({measured})" if measured else "a number without an interval"


def _absolute(one: TwinComparison) -> str:
    """How many times the requests/s of the plain endpoint its twin serves, on both arms, from medians."""
    pairs = (
        (one.contrast.baseline, one.twin_rate.baseline, one.plain_rate.baseline),
        (one.contrast.candidate, one.twin_rate.candidate, one.plain_rate.candidate),
    )
    times = [f"{twin / plain:.1f} times on {arm}" for arm, twin, plain in pairs if twin and plain]
    return f"; the medians there are {' and '.join(times)} those of {one.plain.shown_endpoint}" if times else ""

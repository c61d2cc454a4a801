"""The search for a knee: the highest constant rate at which one server meets its SLO. Pure.

A ladder of rates, each one window on the same server, brackets the knee. Windows in between narrow the bracket to
`RATE_STEP`. Its two ends are then confirmed, each on a fresh server, because a server that was overloaded or warmed by
other rates is not the server that will be deployed. A result on a fresh server outranks a result of the ladder. The knee
is the lower end: a rate that was measured, never a point on a fitted curve.

A rate that was met counts as met even if other processes took CPU time. A rate that was missed while they did is unknown
and is measured again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RATE_STEP = 1.04
"""Ratio of adjacent rates at the end of a search, so a knee is known to 4%."""
FIRST_LADDER = (0.3, 0.45, 0.6, 0.7, 0.78, 0.86, 0.94, 1.02)
"""Shares of the closed-loop rate of the server: the ladder of the first block."""
NEXT_LADDER = (0.5, 0.7, *(RATE_STEP**steps for steps in (-4, -2, -1, 0, 1, 2)))
"""Shares of the knee of an earlier block: the ladder of later blocks. Each block finds its own knee; this is only where its
search begins. The low rates are measured so that a stricter SLO can be planned for later."""
LOWER, HIGHER = (0.25, 0.4, 0.55, 0.7, 0.85), (1.1, 1.25, 1.5, 1.8, 2.2)
"""Shares of the lowest rate when every rate was missed, and of the highest when every rate was met."""
LOWEST_SHARE = 0.02
"""Share of the closed-loop rate. A server that misses its SLO at a fiftieth of it does not meet the SLO at all."""
MOST_REFINEMENTS = 6
"""Rates in one step that narrows the bracket."""
MOST_CONFIRMATIONS, MOST_UNKNOWN = 8, 4
"""Fresh servers in one search, and unknown results of one rate, after which the search ends."""
SPARE_REQUESTS = 1.05
"""Windows are planned for this many times `min_requests`, because some requests miss the end of a window."""


@dataclass(frozen=True)
class KneeRules:
    """When a rate counts as met, and how long windows last.

    `p99_ms`: the SLO. `min_requests`: answers that a p99 needs. `achieved`: the least share of the rate that was answered.
    `loader_saturation`: the share of its CPUs from which on the loader, not the server, is the bottleneck.
    """

    p99_ms: float
    min_requests: int = 2000
    achieved: float = 0.99
    loader_saturation: float = 0.8
    ladder_seconds: int = 3
    confirm_seconds: int = 6

    def seconds(self, rate_rps: float, at_least: int) -> int:
        """Length of a window: `at_least`, or longer when the rate needs longer for `min_requests`."""
        return max(at_least, math.ceil(self.min_requests * SPARE_REQUESTS / rate_rps))


@dataclass(frozen=True)
class RateResult:
    """What one rate on one server came to.

    `passed` None: unknown. `fresh`: on a server that was loaded with nothing else. `loader`: the loader was at its limit.
    """

    rate_rps: int
    passed: bool | None
    why: str
    fresh: bool = False
    loader: bool = False


@dataclass(frozen=True)
class Step:
    """What to measure next on one fresh server: rates in this order. The step `probe` has none: it is a closed-loop trial."""

    name: str
    rates: tuple[int, ...]


@dataclass(frozen=True)
class SearchResult:
    """How a search ended: the knee and the lowest rate above it that was missed.

    `finished` False: the search was given up; `note` says why. `knee_rps` None although finished: no rate met the SLO.
    """

    knee_rps: int | None
    above_rps: int | None
    finished: bool
    loader_saturated: bool = False
    note: str = ""


def evaluate_rate(entry: Mapping[str, Any], rules: KneeRules, *, fresh: bool) -> RateResult:
    """The result of one entry of a record's `load.rates` under these rules. Pure."""
    rate = int(entry["rate_rps"])
    if entry["achieved_rps"] is None or entry["p99_ms"] is None:
        return RateResult(rate, None, f"no result: {entry['problem']}", fresh)
    if entry["loader_saturation"] is None or entry["loader_saturation"] >= rules.loader_saturation:
        used = entry["loader_saturation"]
        words = (
            "is not known"
            if used is None
            else f"was {used:.0%} of its CPUs, the limit is {rules.loader_saturation:.0%}"
        )
        return RateResult(rate, False, f"CPU use of the loader {words}", fresh, loader=True)
    missed = _missed(entry, rules)
    if missed and entry["disturbed"]:
        return RateResult(rate, None, f"{missed}, but {'; '.join(entry['disturbed'])}", fresh)
    if missed:
        return RateResult(rate, False, missed, fresh)
    if entry["requests"] < rules.min_requests:
        return RateResult(rate, None, f"{entry['requests']:,} requests, p99 needs {rules.min_requests:,}", fresh)
    return RateResult(rate, True, f"p99 {entry['p99_ms']:.1f} ms", fresh)


def _missed(entry: Mapping[str, Any], rules: KneeRules) -> str:
    achieved = entry["achieved_rps"] / entry["rate_rps"]
    if entry["errors"]:
        return f"{entry['errors']:,} errors: {entry['first_error']}"
    if achieved < rules.achieved:
        return f"{achieved:.1%} of the rate was answered"
    if entry["p99_ms"] > rules.p99_ms:
        return f"p99 {entry['p99_ms']:.1f} ms"
    return ""


def search(
    results: Sequence[RateResult], scale_rps: float | None, earlier_rps: float | None = None
) -> Step | SearchResult:
    """The next step of the search of one block, or its end. Pure.

    `results`: everything that this search has measured, in order. `scale_rps`: the closed-loop rate of the server; None
    when it was not measured yet. `earlier_rps`: the knee that an earlier block found.
    """
    around = earlier_rps or scale_rps
    if around is None:
        return Step("probe", ())
    stuck = _stuck(results)
    if stuck:
        return stuck
    known = _latest_by_rate(results)
    if not known:
        return Step("ladder", _rates(around, NEXT_LADDER if earlier_rps else FIRST_LADDER))
    low = max((rate for rate, one in known.items() if one.passed), default=None)
    high = min((rate for rate, one in known.items() if not one.passed and rate > (low or 0)), default=None)
    if low is None:
        assert high is not None
        if high <= max(1, LOWEST_SHARE * around):
            return SearchResult(
                None,
                high,
                True,
                known[high].loader,
                f"{high:,} requests/s, the lowest rate measured: {known[high].why}",
            )
        return Step("lower", _rates(high, LOWER))
    if high is None:
        return Step("higher", _rates(low, HIGHER))
    between = _between(low, high)
    if between:
        return Step("refine", between)
    for rate in (low, high):
        if not known[rate].fresh:
            return Step("confirm", (rate,))
    return SearchResult(low, high, True, known[high].loader, f"{high:,} requests/s: {known[high].why}")


def _stuck(results: Sequence[RateResult]) -> SearchResult | None:
    """The end of a search that does not settle: a knee that was confirmed is the result, otherwise the search is given up."""
    known = _latest_by_rate(results)
    confirmed = [one for one in results if one.fresh]
    unknown = [one for one in results if one.passed is None]
    often = [one for one in unknown if sum(one.rate_rps == other.rate_rps for other in unknown) >= MOST_UNKNOWN]
    if len(confirmed) < MOST_CONFIRMATIONS and not often:
        return None
    met = max((rate for rate, one in known.items() if one.passed and one.fresh), default=None)
    above = min((rate for rate, one in known.items() if not one.passed and rate > (met or 0)), default=None)
    if often:
        return SearchResult(
            met, above, False, note=f"{often[-1].rate_rps:,} requests/s stayed unknown: {often[-1].why}"
        )
    if met is None:
        return SearchResult(None, above, False, note=f"no rate was met on a fresh server in {len(confirmed)} trials")
    return SearchResult(
        met, above, True, bool(above and known[above].loader), f"not settled after {len(confirmed)} fresh servers"
    )


def _latest_by_rate(results: Sequence[RateResult]) -> dict[int, RateResult]:
    """By rate the result that counts: fresh over not fresh, then later over earlier; unknown results are omitted."""
    found: dict[int, RateResult] = {}
    for one in results:
        if one.passed is not None and (one.fresh or one.rate_rps not in found or not found[one.rate_rps].fresh):
            found[one.rate_rps] = one
    return found


def _rates(around: float, factors: Sequence[float]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(max(1, round(around * factor)) for factor in factors))


def _between(low: int, high: int) -> tuple[int, ...]:
    """Rates that divide a bracket into steps of at most RATE_STEP, or into MOST_REFINEMENTS + 1 parts; empty when it is narrow."""
    steps = math.ceil(math.log(high / low) / math.log(RATE_STEP) - 0.01)
    parts = min(steps, MOST_REFINEMENTS + 1)
    rates = (round(low * (high / low) ** (part / parts)) for part in range(1, parts))
    return tuple(dict.fromkeys(rate for rate in rates if low < rate < high))

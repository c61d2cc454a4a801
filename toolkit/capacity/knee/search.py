"""Where is the knee: the highest constant rate at which a server meets its SLO. Pure decisions, one server's search.

A ladder of rates, each one window on the same server, brackets the knee; windows in between narrow the bracket to
`STEP`; its two ends are then confirmed, each on a fresh server, for a server that has been overloaded or warmed by
other rates is not the one that will be deployed. What a fresh server showed outranks what the ladder did. The knee is
the lower end, a rate that was measured, never a point on a curve.

A rate that was met although others took CPU time was met; one that was missed then is unknown, and tried again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEP = 1.04
"""Neighbouring rates differ by this much, so a knee is known to 4 %."""
FIRST_LADDER = (0.3, 0.45, 0.6, 0.7, 0.78, 0.86, 0.94, 1.02)
"""Of what the server does with a load that waits for its answers."""
NEXT_LADDER = (0.5, 0.7, *(STEP**steps for steps in (-4, -2, -1, 0, 1, 2)))
"""Of what an earlier block found; each block finds its own, this only says where it begins to look. The low rates are for
whoever asks later what a stricter SLO would cost."""
LOWER, HIGHER = (0.25, 0.4, 0.55, 0.7, 0.85), (1.1, 1.25, 1.5, 1.8, 2.2)
LOWEST_SHARE = 0.02
"""Of the scale: a server that cannot meet its SLO at a fiftieth of what it can do does not meet it at all."""
MOST_BETWEEN = 6
MOST_CONFIRMATIONS, MOST_UNKNOWN = 8, 4
SPARE_REQUESTS = 1.05


@dataclass(frozen=True)
class Rules:
    """When a rate counts as met. `loader_saturation` and `achieved` are shares of 1."""

    p99_ms: float
    min_requests: int = 2000
    achieved: float = 0.99
    loader_saturation: float = 0.8
    ladder_seconds: int = 3
    confirm_seconds: int = 6

    def seconds(self, rate_rps: float, at_least: int) -> int:
        """How long a window lasts: long enough for the requests that a p99 needs."""
        return max(at_least, math.ceil(self.min_requests * SPARE_REQUESTS / rate_rps))


@dataclass(frozen=True)
class Tried:
    """One rate on one server. `passed` None: it cannot be told. `loader`: the loader was at its limit, not the server."""

    rate_rps: int
    passed: bool | None
    why: str
    fresh: bool = False
    loader: bool = False


@dataclass(frozen=True)
class Step:
    """What to measure next, on one fresh server: rates in this order. `probe`: first what it does at all, closed-loop."""

    name: str
    rates: tuple[int, ...]


@dataclass(frozen=True)
class Knee:
    """How a search ended. `finished` False: given up, `note` says why; `knee_rps` None and finished: no rate met the SLO."""

    knee_rps: int | None
    above_rps: int | None
    finished: bool
    loader_saturated: bool = False
    note: str = ""


def judged(entry: Mapping[str, Any], rules: Rules, *, fresh: bool) -> Tried:
    """One entry of a record's `load.rates` under the rules."""
    rate = int(entry["rate_rps"])
    if entry["achieved_rps"] is None or entry["p99_ms"] is None:
        return Tried(rate, None, f"no result: {entry['problem']}", fresh)
    if entry["loader_saturation"] is None or entry["loader_saturation"] >= rules.loader_saturation:
        used = entry["loader_saturation"]
        words = (
            "is not known"
            if used is None
            else f"was {used:.0%} of its CPUs, {rules.loader_saturation:.0%} is the limit"
        )
        return Tried(rate, False, f"what the loader used {words}", fresh, loader=True)
    missed = _missed(entry, rules)
    if missed and entry["disturbed"]:
        return Tried(rate, None, f"{missed}, but {'; '.join(entry['disturbed'])}", fresh)
    if missed:
        return Tried(rate, False, missed, fresh)
    if entry["requests"] < rules.min_requests:
        return Tried(rate, None, f"{entry['requests']:,} requests, p99 needs {rules.min_requests:,}", fresh)
    return Tried(rate, True, f"p99 {entry['p99_ms']:.1f} ms", fresh)


def _missed(entry: Mapping[str, Any], rules: Rules) -> str:
    achieved = entry["achieved_rps"] / entry["rate_rps"]
    if entry["errors"]:
        return f"{entry['errors']:,} errors: {entry['first_error']}"
    if achieved < rules.achieved:
        return f"{achieved:.1%} of the rate was answered"
    if entry["p99_ms"] > rules.p99_ms:
        return f"p99 {entry['p99_ms']:.1f} ms"
    return ""


def search(tried: Sequence[Tried], scale_rps: float | None, earlier_rps: float | None = None) -> Step | Knee:
    """The next step of one block's search, or its end. `tried`: all it has measured so far, in order.

    `scale_rps`: what the server does closed-loop, None: not known yet; `earlier_rps`: a knee that another block found.
    """
    around = earlier_rps or scale_rps
    if around is None:
        return Step("probe", ())
    stuck = _stuck(tried)
    if stuck:
        return stuck
    known = _known(tried)
    if not known:
        return Step("ladder", _rates(around, NEXT_LADDER if earlier_rps else FIRST_LADDER))
    low = max((rate for rate, one in known.items() if one.passed), default=None)
    high = min((rate for rate, one in known.items() if not one.passed and rate > (low or 0)), default=None)
    if low is None:
        assert high is not None
        if high <= max(1, LOWEST_SHARE * around):
            return Knee(
                None, high, True, known[high].loader, f"{high:,} requests/s, the lowest tried: {known[high].why}"
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
    return Knee(low, high, True, known[high].loader, f"{high:,} requests/s: {known[high].why}")


def _stuck(tried: Sequence[Tried]) -> Knee | None:
    """The end of a search that does not come to one: what was confirmed stands, else it is given up."""
    known = _known(tried)
    confirmed = [one for one in tried if one.fresh]
    unknown = [one for one in tried if one.passed is None]
    often = [one for one in unknown if sum(one.rate_rps == other.rate_rps for other in unknown) >= MOST_UNKNOWN]
    if len(confirmed) < MOST_CONFIRMATIONS and not often:
        return None
    met = max((rate for rate, one in known.items() if one.passed and one.fresh), default=None)
    above = min((rate for rate, one in known.items() if not one.passed and rate > (met or 0)), default=None)
    if often:
        return Knee(met, above, False, note=f"{often[-1].rate_rps:,} requests/s stayed unknown: {often[-1].why}")
    if met is None:
        return Knee(None, above, False, note=f"no rate was met on a fresh server in {len(confirmed)} tries")
    return Knee(
        met, above, True, bool(above and known[above].loader), f"not settled after {len(confirmed)} fresh servers"
    )


def _known(tried: Sequence[Tried]) -> dict[int, Tried]:
    """By rate what is held of it: a fresh server's word over the ladder's, later over earlier; unknown is left out."""
    found: dict[int, Tried] = {}
    for one in tried:
        if one.passed is not None and (one.fresh or one.rate_rps not in found or not found[one.rate_rps].fresh):
            found[one.rate_rps] = one
    return found


def _rates(around: float, factors: Sequence[float]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(max(1, round(around * factor)) for factor in factors))


def _between(low: int, high: int) -> tuple[int, ...]:
    """Rates that part a bracket into steps of at most STEP, or into MOST_BETWEEN + 1 parts; empty when it is narrow enough."""
    steps = math.ceil(math.log(high / low) / math.log(STEP) - 0.01)
    parts = min(steps, MOST_BETWEEN + 1)
    rates = (round(low * (high / low) ** (part / parts)) for part in range(1, parts))
    return tuple(dict.fromkeys(rate for rate in rates if low < rate < high))

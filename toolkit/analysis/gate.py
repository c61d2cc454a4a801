"""`--fail-on 'requests_per_second<-5%'`: a limit on how much worse new may be than old, and whether it is broken.

A limit is broken when the whole 95% interval lies beyond it, so that noise alone fails no build. Where the interval
lies on both sides the state is `not sure`, and the gate passes. Failures come first: every limit is broken where new
fails significantly more often than old, and none is kept where either fails so often that its other trials say little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.analysis.comparison import Comparison, PointComparison
from toolkit.analysis.failures import FailureRate, differ
from toolkit.analysis.families import PRIMARY, MetricComparison, primary_metrics
from toolkit.errors import GilfreeError
from toolkit.scenario.model import Scenario

FORM = "METRIC<-5% or METRIC>+5%"
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<side>[<>])|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<percent>%))"
)
_EXPECTED: tuple[tuple[Literal["name", "side", "number", "percent"], str], ...] = (
    ("name", f"the name of a metric ({', '.join(PRIMARY)})"),
    ("side", "< or >"),
    ("number", "a number such as -5"),
    ("percent", "%"),
)


State = Literal["broken", "kept", "not sure"]


@dataclass(frozen=True)
class Limit:
    """Fail when the whole interval of the change of `metric` is below (`<`) or above (`>`) `change` (0.05: +5%)."""

    metric: str
    side: Literal["<", ">"]
    change: float

    def __str__(self) -> str:
        return f"{self.metric}{self.side}{100 * self.change:+g}%"

    def broken_by(self, one: MetricComparison) -> bool:
        """Whether the whole interval lies beyond the limit."""
        if one.low is None or one.high is None:
            return False
        return one.high < 1 + self.change if self.side == "<" else one.low > 1 + self.change

    def kept_by(self, one: MetricComparison) -> bool:
        """Whether the whole interval lies on the good side of the limit."""
        if one.low is None or one.high is None:
            return False
        return one.low >= 1 + self.change if self.side == "<" else one.high <= 1 + self.change


@dataclass(frozen=True)
class LimitResult:
    """One limit at one point of one contrast. `metric`: None where the limit's metric was not measured.

    `failing`: the failure rate that decided the state, None where the interval did.
    """

    limit: Limit
    point: PointComparison
    state: State
    metric: MetricComparison | None
    failing: FailureRate | None = None


def parse_limit(text: str) -> Limit:
    """The limit that an expression such as `memory_mb>+5%` states. Raises GilfreeError showing the place of the error."""
    found: dict[str, str] = {}
    at = 0
    for kind, expected in _EXPECTED:
        token = _TOKEN.match(text, at)
        start = token.end() - len(token.group().lstrip()) if token else at + len(text[at:]) - len(text[at:].lstrip())
        if token is None or token.lastgroup != kind:
            raise _syntax_error(text, start, f"expected {expected}")
        found[kind] = token.group().strip()
        if kind == "name" and found["name"] not in PRIMARY:
            raise _syntax_error(text, start, f"there is no metric {found['name']!r}; there are {', '.join(PRIMARY)}")
        at = token.end()
    if text[at:].strip():
        raise _syntax_error(text, at + len(text[at:]) - len(text[at:].lstrip()), "nothing may follow the %")
    change = float(found["number"]) / 100
    if change <= -1:
        raise _syntax_error(text, text.index(found["number"]), "a figure cannot fall by 100% or more")
    return Limit(found["name"], "<" if found["side"] == "<" else ">", change)


def refuse_unmeasured(limits: Sequence[Limit], scenario: Scenario) -> None:
    """Raise GilfreeError for a limit on a metric that this scenario cannot break: requests/s at a constant rate, which the
    load sets, and p99 in a closed loop, where it is not measured. Such a gate would pass whatever was measured.
    """
    for limit in limits:
        if limit.metric not in primary_metrics(scenario):
            raise GilfreeError(
                f"--fail-on {limit}: the load of {scenario.name} keeps a constant rate of {scenario.load.rate_rps} requests/s,"
                " so requests/s cannot fall",
                "limit cpu_seconds_per_1000_requests or latency_p99_ms instead",
            )
        if limit.metric == "latency_p99_ms" and scenario.load.rate_rps is None:
            raise GilfreeError(
                f"--fail-on {limit}: {scenario.name} has a closed loop, in which no p99 is measured",
                "set `generator: oha` and `rate` under `load`, or limit another metric",
            )


def check_limits(limits: Sequence[Limit], comparison: Comparison) -> Iterator[LimitResult]:
    """Each limit at every point of the contrasts with the baseline (`--against`)."""
    for limit in limits:
        for point in comparison.of("against"):
            one = next((one for one in point.family if one.metric == limit.metric), None)
            old, new = (_rate(point, arm) for arm in (point.contrast.baseline, point.contrast.candidate))
            often = next((rate for rate in (new, old) if rate and rate.often), None)
            if old and new and differ(old, new) and new.failed * old.concluded > old.failed * new.concluded:
                yield LimitResult(limit, point, "broken", one, new)
            elif often:
                yield LimitResult(limit, point, "not sure", one, often)
            else:
                yield LimitResult(limit, point, _state(limit, one), one)


def _rate(point: PointComparison, arm: str) -> FailureRate | None:
    return next((rate for rate in point.failures if rate.arm == arm), None)


def _state(limit: Limit, one: MetricComparison | None) -> State:
    if one is None:
        return "not sure"
    return "broken" if limit.broken_by(one) else "kept" if limit.kept_by(one) else "not sure"


def _syntax_error(text: str, at: int, message: str) -> GilfreeError:
    return GilfreeError(
        f"--fail-on, column {at + 1}: {message}\n  {text}\n  {' ' * at}^", f"write it as {FORM}, in quotes"
    )

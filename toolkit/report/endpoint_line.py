"""The decision at one endpoint as one line: what changes, by how much with its interval, and what to do.

`/json with 128 connections: 3.14t serves 45% less (42 to 48%), with 18% more memory (17 to 19%): stay on 3.14`. Only
verdicts are worded as changes; of what has none the line states how large it can be.
"""

from __future__ import annotations

from toolkit.analysis.comparison import BestComparison
from toolkit.analysis.decision import Choice, Outcome
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.verdict_rule import BAND
from toolkit.campaign.contrasts import Contrast
from toolkit.report.verdicts import often_failing
from toolkit.report.words import METRICS, amount, interval, share

LEAD = ("requests_per_second", "cpu_seconds_per_1000_requests", "memory_mb")
"""The first of these that was measured begins the line."""


def endpoint_line(one: Outcome, loose: str = "") -> str:
    """The line of one best-against-best comparison. loose: the loosened limits in words, if any."""
    contrast, family = one.best.contrast, one.best.family
    if often_failing(one.best.failures):
        found = f"no verdict: {often_failing(one.best.failures)}"
    elif not family:
        found = "not measured"
    else:
        lead = next((metric for name in LEAD for metric in family if metric.metric == name), family[0])
        rest = [_rest(metric) for metric in family if metric is not lead]
        found = ", ".join([f"{contrast.candidate} {_lead(lead)}", *rest])
    advice = _advice(one, contrast)
    words = f"{where(one.best)}: {found}" + (f": {advice}" if advice else "")
    return words + (f" (loosened limits: {loose})" if loose else "")


def where(best: BestComparison) -> str:
    """The endpoint by its path, with its connections and how many settings the best was chosen of."""
    choices = "" if best.choices < 2 else f" (best of {best.choices} settings on each side)"
    return f"{best.baseline.shown_endpoint} with {best.connections} connections{choices}"


def _lead(one: MetricComparison) -> str:
    name = METRICS[one.metric].name
    if one.verdict in ("higher", "lower"):
        return f"serves {amount(one)}" if one.metric == "requests_per_second" else f"takes {amount(one, name)}"
    if one.verdict == "equivalent":
        return f"is the same within ±{BAND:.0%} in {name}"
    if one.at_most is not None:
        return f"differs by at most {share(one.at_most)} in {name}"
    return f"is undecided in {name}{_open(one)}"


def _rest(one: MetricComparison) -> str:
    name = METRICS[one.metric].name
    if one.verdict in ("higher", "lower"):
        return f"with {amount(one, name)}"
    return f"with {name} that {_differs(one)}"


def _differs(one: MetricComparison) -> str:
    if one.verdict == "equivalent":
        return f"is the same within ±{BAND:.0%}"
    return f"differs by at most {share(one.at_most)}" if one.at_most is not None else f"is undecided{_open(one)}"


def _open(one: MetricComparison) -> str:
    measured = interval(one.low, one.high)
    return f" ({measured})" if measured else ""


def _advice(one: Outcome, contrast: Contrast) -> str:
    """What to do; "" where nothing follows."""
    choice: Choice = one.choice
    why = ", since the other one fails significantly more often" if choice.reason == "fails less" else ""
    if choice.side == "candidate":
        return f"{contrast.candidate} is the better choice here{why}"
    if choice.side == "baseline":
        return f"stay on {contrast.baseline}{why}"
    if choice.side == "neither":
        return f"nothing that was measured speaks for or against {contrast.candidate}"
    if choice.side == "trade":
        gained, lost = (" and ".join(METRICS[name].name for name in names) for names in (choice.gained, choice.lost))
        return f"a trade, {contrast.candidate} is better in {gained} and worse in {lost}"
    if choice.reason == "failed":
        return "no better choice, since the one that the figures speak for failed"
    if choice.reason != "undecided":
        return ""
    if one.worse:
        return f"stay on {contrast.baseline}, since nothing that was measured speaks for {contrast.candidate}"
    if one.better:
        return f"{contrast.candidate} is better in {' and '.join(METRICS[two.metric].name for two in one.better)}, the rest is open"
    return "no difference shown"

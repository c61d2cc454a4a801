"""The words and number formats that all forms of a report share: metrics by name, changes and intervals as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.analysis.families import MetricComparison
from toolkit.analysis.noise import LoosenedLimit


@dataclass(frozen=True)
class MetricWords:
    """A metric in a sentence, as the heading of a figure with its unit, and the format of its figures."""

    name: str
    heading: str
    form: str


METRICS = {
    "requests_per_second": MetricWords("requests/s", "requests/s", "{:,.0f}"),
    "cpu_seconds_per_1000_requests": MetricWords("CPU time per request", "CPU s / 1,000 requests", "{:.3f}"),
    "memory_mb": MetricWords("memory", "memory MB", "{:,.0f}"),
    "latency_p99_ms": MetricWords("p99 latency", "p99 ms", "{:,.1f}"),
    "latency_mean_ms": MetricWords("mean latency", "mean latency ms", "{:,.1f}"),
    "requests_per_second_per_cpu_used": MetricWords("requests/s per CPU used", "requests/s per CPU used", "{:,.0f}"),
    "requests_per_second_per_gb": MetricWords("requests/s per GB", "requests/s per GB", "{:,.0f}"),
    "rss_mb": MetricWords("RSS", "RSS MB", "{:,.0f}"),
    "uss_mb": MetricWords("USS", "USS MB", "{:,.0f}"),
    "working_set_mb": MetricWords("working set", "working set MB", "{:,.0f}"),
}


def number(value: float | None, form: str) -> str:
    """A figure as text; "" where there is none."""
    return "" if value is None else form.format(value)


def percent(ratio: float | None) -> str:
    """A ratio as a change: 0.95 is `-5.0%`; "" where there is none."""
    return "" if ratio is None else f"{ratio - 1:+.1%}"


def interval(low: float | None, high: float | None) -> str:
    """The interval of a ratio as changes, `-5.0% to +1.0%`; "" where there is none."""
    return "" if low is None or high is None else f"{percent(low)} to {percent(high)}"


def change(one: MetricComparison) -> str:
    """The change of a metric with its interval; "" where there is none."""
    if one.ratio is None or one.low is None or one.high is None:
        return ""
    return f"({percent(one.ratio)}, {interval(one.low, one.high)})"


def share(value: float) -> str:
    """A share as a percentage, with a decimal below 10%: `4.2%`, `18%`."""
    return f"{value:.0%}" if value >= 0.0995 else f"{value:.1%}"


def amount(one: MetricComparison, what: str = "") -> str:
    """How much more or less of something: `45% less (42 to 48%)`, `18% more memory (17 to 19%)`, from 2 on `2.4 times as
    much (2.2 to 2.6)`. For a metric whose interval excludes 1.
    """
    thing = f" {what}" if what else ""
    if one.ratio is None or one.low is None or one.high is None:
        return ""
    if one.ratio >= 2:
        return f"{one.ratio:.1f} times as much{thing} ({one.low:.1f} to {one.high:.1f})"
    ends = sorted((abs(one.low - 1), abs(one.high - 1)))
    digits = 0 if ends[0] >= 0.0995 and round(100 * ends[0]) != round(100 * ends[1]) else 1
    least, most = (f"{100 * end:.{digits}f}" for end in ends)
    word = "more" if one.ratio > 1 else "less"
    return f"{100 * abs(one.ratio - 1):.{digits}f}% {word}{thing} ({least} to {most}%)"


def verdict(one: MetricComparison) -> str:
    """The verdict; where a quick run shows no direction, how large the difference can be: `differs by at most 4.2%`."""
    return one.verdict if one.at_most is None else f"differs by at most {share(one.at_most)}"


def names(family: Sequence[MetricComparison]) -> str:
    """Metrics by name."""
    return ", ".join(METRICS[one.metric].name for one in family)


def count(value: int, unit: str) -> str:
    """`1 block`, `2 blocks`."""
    return f"{value:,} {unit}" + ("" if value == 1 else "s")


def loosened(one: LoosenedLimit) -> str:
    """A loosened limit with its own value and gilfree's: `steal 0.1 instead of 0.02`."""
    return f"{one.name} {one.value:g} instead of {one.default:g}"

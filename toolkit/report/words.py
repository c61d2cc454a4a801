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


def names(family: Sequence[MetricComparison]) -> str:
    """Metrics by name."""
    return ", ".join(METRICS[one.metric].name for one in family)


def count(value: int, unit: str) -> str:
    """`1 block`, `2 blocks`."""
    return f"{value:,} {unit}" + ("" if value == 1 else "s")


def loosened(one: LoosenedLimit) -> str:
    """A loosened limit with its own value and gilfree's: `steal 0.1 instead of 0.02`."""
    return f"{one.name} {one.value:g} instead of {one.default:g}"

"""A soak as text: the growth of memory, the drift of latency, and the answers."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.analysis.soak import Slope, Soak


def text(one: Soak) -> str:
    """The soak of one variant, a line for each question."""
    return "\n".join(_lines(one))


def _lines(one: Soak) -> Iterator[str]:
    yield f"{one.arm} {one.point}, {one.seconds / 60:.1f} min under load"
    yield f"  memory   {_slope(one.memory)}"
    yield f"  latency  {_slope(one.latency)}"
    rate = f"{one.requests_per_second:,.0f} requests/s; " if one.requests_per_second else ""
    yield f"  answers  {rate}{one.wrong} wrong and {one.errors} missing of {one.validated:,} validated"
    for words in one.rejections:
        yield f"  failed   {words}"


def _slope(slope: Slope | None) -> str:
    if slope is None:
        return "not sampled"
    unit = f"{slope.unit} an hour"
    interval = f" ({slope.low:+.2f} to {slope.high:+.2f})" if slope.low is not None else ""
    return f"{slope.state}: {slope.an_hour:+.2f} {unit}{interval}, level {slope.level:.1f} {slope.unit}"

"""A soak as text: the growth of memory, the drift of latency, and the answers."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.analysis.soak import Collector, Slope, Soak


def text(one: Soak) -> str:
    """The soak of one variant, a line for each question."""
    return "\n".join(_lines(one))


def _lines(one: Soak) -> Iterator[str]:
    yield f"{one.arm} {one.point}, {one.seconds / 60:.1f} min under load"
    yield f"  memory   {_slope(one.memory)}"
    yield f"  latency  {_slope(one.latency)}"
    asked = f" of {one.asked_rps:,} asked for" if one.asked_rps else ""
    rate = f"{one.requests_per_second:,.0f} requests/s{asked}; " if one.requests_per_second else ""
    yield f"  answers  {rate}{one.wrong} wrong and {one.errors} missing of {one.validated:,} validated"
    if one.load_errors:
        yield f"  load     {one.load_errors:,} of the load's own requests got no right answer"
    yield f"  gc       {_collector(one.collector)}"
    for words in one.rejections:
        yield f"  failed   {words}"


def _collector(collector: Collector) -> str:
    if not collector.samples:
        return "not reported: the app's runtime answer has no `gc_enabled`"
    for flip in collector.flips[:1]:
        state = "on" if flip.enabled else "off"
        times = f", {len(collector.flips)} changes in all" if len(collector.flips) > 1 else ""
        return (
            f"switched {state} under load, seen after window {flip.when} in process {flip.pid}{times};"
            f" at the end off in {collector.off} of {collector.processes} processes. Where it is off, cycles stay in memory"
        )
    if collector.off:
        return f"off in {collector.off} of {collector.processes} processes from the start: the app or a library did it"
    return f"on in every worker, {collector.samples} times asked"


def _slope(slope: Slope | None) -> str:
    if slope is None:
        return "not sampled"
    unit = f"{slope.unit} an hour"
    interval = f" ({slope.low:+.2f} to {slope.high:+.2f})" if slope.low is not None else ""
    return f"{slope.state}: {slope.an_hour:+.2f} {unit}{interval}, level {slope.level:.1f} {slope.unit}"

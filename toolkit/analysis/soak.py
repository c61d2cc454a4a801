"""Does memory grow, does latency drift, are answers wrong after a while? One long load on one server, each variant.

The load is divided into windows of equal length, because rewrk reports one mean latency when it ends. Slopes have
intervals (stats.trend), since a straight line through memory that wanders looks like a leak. The first tenth is
omitted: an allocator fills up before it is level, and that is no leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from toolkit.agent.frames import Frame
from toolkit.analysis.comparison import finite
from toolkit.loadgen import oha, rewrk
from toolkit.loadgen.output import ParseError
from toolkit.records.metrics import server_pss_kb, window_result
from toolkit.records.store import Record
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Window

if TYPE_CHECKING:
    from toolkit.analysis.stats.trend import Trend

SCHEMA = 1
MOST_WINDOWS, SHORTEST_WINDOW_SECONDS, LONGEST_WINDOW_SECONDS = 60, 2, 60
SETTLING_SHARE = 0.1
SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Slope:
    """Growth an hour in `unit` with its 95% interval, None where the samples are too few; `level` is the median."""

    unit: str
    level: float
    an_hour: float
    low: float | None
    high: float | None
    samples: int

    @property
    def state(self) -> Literal["grows", "falls", "no growth seen", "too short to tell"]:
        """Whether the whole interval lies above or below 0."""
        if self.low is None or self.high is None:
            return "too short to tell"
        return "grows" if self.low > 0 else "falls" if self.high < 0 else "no growth seen"


@dataclass(frozen=True)
class Flip:
    """A worker process whose collector was seen switched on or off, first after (or `when`: "after" all) this window."""

    when: str
    pid: int
    enabled: bool


@dataclass(frozen=True)
class Collector:
    """The cyclic garbage collector of the workers: `samples` answers about it, `off` of `processes` have it off at last.

    Where it is off, cycles stay in memory for ever. Some apps switch it off themselves, at their start; `flips` are
    changes under load, which a library's race is known to cause on free-threaded builds: two threads that both switch
    it off for a moment and restore what they found.
    """

    samples: int
    off: int
    processes: int
    flips: tuple[Flip, ...]


@dataclass(frozen=True)
class Soak:
    """One variant's soak. Of `validated` answers `wrong` were wrong and `errors` missing; `rejections`: other failures.

    asked_rps: the scenario's constant rate; None: as fast as answers arrive. load_errors: the load's own requests that got
    no right answer, which only a generator at a constant rate reports.
    """

    arm: str
    point: str
    seconds: float
    memory: Slope | None
    latency: Slope | None
    requests_per_second: float | None
    asked_rps: int | None
    load_errors: int
    collector: Collector
    validated: int
    wrong: int
    errors: int
    rejections: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether answers were wrong or missing, or the server failed."""
        return bool(self.wrong or self.errors or self.load_errors or self.rejections)

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        found: dict[str, Any] = finite(asdict(self))
        for name in ("memory", "latency"):
            slope: Slope | None = getattr(self, name)
            if slope is not None:
                found[name]["words"] = slope.state
        return {"soak_schema": SCHEMA, **found}


def window_count(seconds: int) -> tuple[int, int]:
    """How many windows of how many seconds a soak of `seconds` is divided into. Pure."""
    length = min(LONGEST_WINDOW_SECONDS, max(SHORTEST_WINDOW_SECONDS, round(seconds / MOST_WINDOWS)))
    return max(1, seconds // length), length


def soak_windows(count: int, seconds: int, rate_rps: int | None = None) -> tuple[Window, ...]:
    """The windows of a soak, at the scenario's constant rate where it has one; only the last is measured, so that the
    record holds the server's state at the end."""
    names = [(f"soak-{index}", False) for index in range(count - 1)]
    return tuple(
        Window(name, seconds, rate_rps, measured=last, sought=False) for name, last in (*names, ("measure", True))
    )


def soak_of(scenario: Scenario, one: Record, frames: Sequence[Frame]) -> Soak:
    """The soak of one trial, from its record and its frames, under the scenario that it ran. Pure."""
    ends = [frame for frame in frames if frame["kind"] == "window_end"]
    starts = {frame["name"]: frame["t_ns"] for frame in frames if frame["kind"] == "window_start"}
    loads = [(starts[end["name"]], end["end_ns"], end) for end in ends if end["name"] != "warmup"]
    begin, end = (loads[0][0], loads[-1][1]) if loads else (0, 0)
    settled = begin + SETTLING_SHARE * (end - begin)
    memory = [
        ((frame["t_ns"] - begin) / 1e9, server_pss_kb(frame) * 1024 / 1e6)
        for frame in frames
        if frame["kind"] == "memory" and settled <= frame["t_ns"] <= end
    ]
    parsed = [
        (start, stop, found) for start, stop, frame in loads if (found := _result(scenario, one, frame)) is not None
    ]
    results = [(((start + stop) / 2 - begin) / 1e9, found) for start, stop, found in parsed if start >= settled]
    validated = [frame["validated"] for frame in ends] + [frame for frame in frames if frame["kind"] == "validated"]
    rates = sorted(found.requests_per_second for _, found in results)
    return Soak(
        arm=one.arm,
        point=one.point_key,
        seconds=(end - begin) / 1e9,
        memory=_slope("MB", memory),
        latency=_slope("ms", [(at, found.latency_mean_ms) for at, found in results]),
        requests_per_second=rates[len(rates) // 2] if rates else None,
        asked_rps=scenario.load.rate_rps,
        load_errors=sum(found.errors for _, _, found in parsed if isinstance(found, oha.Result)),
        collector=collector_of(frames),
        validated=sum(tally["count"] for tally in validated),
        wrong=sum(tally["wrong"] for tally in validated),
        errors=sum(tally["errors"] for tally in validated),
        rejections=tuple(f"{found.reason}: {found.detail}" for found in one.rejections if not found.environmental),
    )


def collector_of(frames: Sequence[Frame]) -> Collector:
    """The state of the garbage collector over a trial, from what the workers reported before, between and after the
    windows. Pure."""
    states: dict[int, bool] = {}
    flips, samples = [], 0
    for frame in frames:
        if frame["kind"] not in ("runtime", "workers"):
            continue
        for worker in frame["workers"]:
            if "gc_enabled" in worker:
                samples += 1
                enabled, pid = bool(worker["gc_enabled"]), int(worker["pid"])
                if states.get(pid, enabled) != enabled:
                    flips.append(Flip(frame["when"], pid, enabled))
                states[pid] = enabled
    return Collector(samples, sum(not enabled for enabled in states.values()), len(states), tuple(flips))


def _result(scenario: Scenario, one: Record, end: Frame) -> rewrk.Result | oha.Result | None:
    try:
        return window_result(scenario, one.point["endpoint"], scenario.load.rate_rps, end)
    except ParseError:
        return None


def _slope(unit: str, samples: Sequence[tuple[float, float]]) -> Slope | None:
    if len(samples) < 2:
        return None
    import numpy as np

    from toolkit.analysis.stats.trend import trend

    at, values = np.array([when for when, _ in samples]), np.array([value for _, value in samples])
    found: Trend = trend(at, values)
    known = bool(np.isfinite(found.low))
    return Slope(
        unit,
        float(np.median(values)),
        found.slope * SECONDS_AN_HOUR,
        found.low * SECONDS_AN_HOUR if known else None,
        found.high * SECONDS_AN_HOUR if known else None,
        len(samples),
    )

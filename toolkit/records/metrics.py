"""Frames of one trial -> the figures of its measured window. Pure.

The load's frames mark the window; the server's counters, which run on the same clock, are cut by these marks: counters
that only grow are read between samples by straight lines, memory is the mean of the samples inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.loadgen import oha, rewrk
from toolkit.trial.model import Trial

HOST_TICKS_PER_SECOND = 100
"""USER_HZ, in which /proc/stat counts on every Linux there is."""


@dataclass
class Measured:
    """What the frames say. Any figure is None when its frames are not there; nothing is guessed."""

    result: rewrk.Result | oha.Result | None = None
    load_problem: str = ""
    window_name: str = ""
    load_cpus: list[int] = field(default_factory=list)
    wall_time: float | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    asked_seconds: int | None = None
    seconds: int | None = None
    warm_gap_seconds: float | None = None
    wire_bytes: int | None = None
    validated: list[dict[str, Any]] = field(default_factory=list)
    server_closed: int = 0
    pids: set[int] = field(default_factory=set)
    runtimes: list[dict[str, Any]] = field(default_factory=list)
    cpu_seconds: float | None = None
    memory_mb: float | None = None
    uss_mb: float | None = None
    rss_mb: float | None = None
    working_set_mb: float | None = None
    memory_high_mb: float | None = None
    working_set_high_mb: float | None = None
    frequency_mhz: float | None = None
    ready_seconds: float | None = None
    steal: float | None = None
    foreign_cpu: float | None = None
    throttled_periods: float | None = None
    throttled_seconds: float | None = None
    loader_throttled_periods: float | None = None
    loader_saturation: float | None = None
    load: dict[str, Any] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)

    @property
    def window_seconds(self) -> float | None:
        """Length of the window as it was, by the clock."""
        return None if self.start_ns is None or self.end_ns is None else (self.end_ns - self.start_ns) / 1e9

    @property
    def validated_count(self) -> int:
        """How many answers were looked at in all."""
        return sum(one["count"] for one in self.validated)

    def metrics(self) -> dict[str, float | None]:
        """The figures under the names of `records.Metrics`."""
        result, window = self.result, self.window_seconds
        per_1000 = used = None
        if self.cpu_seconds is not None and window:
            used = self.cpu_seconds / window
            if result is not None and result.requests_total:
                per_1000 = 1000 * self.cpu_seconds / result.requests_total
        return {
            "requests_per_second": result.requests_per_second if result else None,
            "latency_mean_ms": result.latency_mean_ms if result else None,
            "latency_max_ms": result.latency_max_ms if result else None,
            "latency_std_ms": result.latency_std_ms if isinstance(result, rewrk.Result) else None,
            "latency_p99_ms": result.latency_p99_ms if isinstance(result, oha.Result) else None,
            "memory_mb": self.memory_mb,
            "uss_mb": self.uss_mb,
            "rss_mb": self.rss_mb,
            "working_set_mb": self.working_set_mb,
            "memory_high_mb": self.memory_high_mb,
            "working_set_high_mb": self.working_set_high_mb,
            "cpu_seconds_per_1000_requests": per_1000,
            "server_cpus_used": used,
            "loader_saturation": self.loader_saturation,
            "steal": self.steal,
            "foreign_cpu": self.foreign_cpu,
            "throttled_periods": self.throttled_periods,
            "loader_throttled_periods": self.loader_throttled_periods,
            "ready_seconds": self.ready_seconds,
            "frequency_mhz": self.frequency_mhz,
            # Rule of three: with no error among n, rates up to 3/n are missed with 5 % probability (Hanley 1983).
            "undetected_error_rate": 3 / self.validated_count if self.validated_count else None,
        }


def measure(trial: Trial, frames: Sequence[Frame], window: str | None = None) -> Measured:
    """All figures of a trial; see `Measured`. `window`: of that one instead of the first measured one."""
    # By number: frames that came out of a container's log only when it was read again stand behind later ones.
    server, load = (
        sorted((frame for frame in frames if frame["side"] == side), key=lambda frame: frame["seq"])
        for side in ("server", "load")
    )
    seen = Measured()
    _read_load(seen, trial, load, window)
    _read_server(seen, server)
    if seen.start_ns is not None and seen.end_ns is not None:
        _cut_memory(seen, _of(server, "memory"))
        _cut_cpu(seen, _of(server, "tick"), hello=_of(server, "hello"))
    return seen


def _of(frames: Sequence[Frame], kind: str) -> list[Frame]:
    return [frame for frame in frames if frame["kind"] == kind]


def _read_load(seen: Measured, trial: Trial, load: Sequence[Frame], window: str | None) -> None:
    seen.validated = [frame for frame in load if frame["kind"] == "validated"]
    seen.runtimes = [worker for frame in _of(load, "runtime") for worker in frame["workers"]]
    seen.wall_time = next((frame["wall_time"] for frame in _of(load, "hello")), None)
    seen.load_cpus = next((frame["cpus"] for frame in _of(load, "hello")), [])
    seen.wire_bytes = next((frame["bytes"] for frame in _of(load, "wire")), None)
    seen.server_closed = sum(frame["count"] for frame in _of(load, "server_closed"))
    ends = {frame["name"]: frame for frame in _of(load, "window_end")}
    seen.validated = seen.validated + [{**frame["validated"], "when": name} for name, frame in ends.items()]
    starts = [frame for frame in _of(load, "window_start") if frame["measured"]]
    start = next((frame for frame in starts if window in (None, frame["name"])), None)
    end = ends.get(start["name"]) if start else None
    if start is None or end is None:
        return
    seen.window_name = end["name"]
    seen.start_ns, seen.end_ns = start["t_ns"], end["end_ns"]
    warm = [frame["end_ns"] for frame in ends.values() if not frame["measured"]]
    seen.warm_gap_seconds = (seen.start_ns - max(warm)) / 1e9 if warm else None
    seen.asked_seconds, seen.seconds = end["asked_seconds"], end["seconds"]
    seen.load = {key: end[key] for key in ("argv", "stdout", "stderr", "code", "signal", "cpu_seconds", "throttling")}
    seen.load["windows"] = {name: frame["seconds"] for name, frame in ends.items()}
    seen.load["validated"] = [
        {key: value for key, value in one.items() if key not in ("seq", "side", "kind", "t_ns")}
        for one in seen.validated
    ]
    seen.load["wire_bytes"] = seen.wire_bytes
    try:
        seen.result = _result(trial, end)
        seen.load["result"] = asdict(seen.result)
    except rewrk.ParseError as error:
        seen.load_problem = str(error)
    elapsed = (seen.end_ns - seen.start_ns) / 1e9
    limit = trial.scenario.resources.load.cpus
    seen.loader_saturation = end["cpu_seconds"] / (
        elapsed * (max(1, len(seen.load_cpus)) if limit == "auto" else limit)
    )
    seen.loader_throttled_periods = _share(end["throttling"]["throttled"], end["throttling"]["periods"])


def _result(trial: Trial, end: Frame) -> rewrk.Result | oha.Result:
    """What the generator of that window said."""
    rate_rps = next((window.rate_rps for window in trial.load_windows if window.name == end["name"]), None)
    if rate_rps is None:
        return rewrk.parse(end["stdout"])
    return oha.parse(
        end["stdout"], seconds=end["seconds"], status=trial.scenario.endpoints[trial.point.endpoint].status
    )


def _read_server(seen: Measured, server: Sequence[Frame]) -> None:
    seen.ready_seconds = next((frame["seconds"] for frame in _of(server, "ready")), None)
    seen.pids = {pid for frame in _of(server, "memory") for pid in frame["pids"]}
    seen.server["workers"] = seen.runtimes
    seen.server["threads"] = _split(_of(server, "threads"))
    log = [f"{frame['stream']}: {frame['text']}" for frame in _of(server, "log")]
    seen.server["log"] = log if len(log) <= 40 else [*log[:20], "...", *log[-20:]]
    for frame in _of(server, "server_started"):
        seen.server.update({key: frame[key] for key in ("argv", "env")})
    for frame in _of(server, "hello"):
        seen.server.update({key: frame[key] for key in ("boot_id", "agent", "python", "cpus", "cgroup_version")})


def _split(looks: Sequence[Frame]) -> dict[str, float]:
    """CPU seconds each of the busiest threads used between the first look and the last: the split over workers."""
    if len(looks) < 2:
        return {}
    before = {thread["tid"]: thread["cpu_seconds"] for thread in looks[0]["threads"]}
    found = {
        f"{thread['pid']}/{thread['tid']} {thread['name']}": round(
            thread["cpu_seconds"] - before.get(thread["tid"], 0), 2
        )
        for thread in looks[-1]["threads"]
    }
    return dict(sorted(found.items(), key=lambda item: -item[1])[:16])


def _cut_memory(seen: Measured, samples: Sequence[Frame]) -> None:
    """Means over the window; a window too short to hold a sample takes the nearest one."""
    assert seen.start_ns is not None and seen.end_ns is not None
    inside = [frame for frame in samples if seen.start_ns <= frame["t_ns"] <= seen.end_ns]
    if not inside and samples:
        middle = (seen.start_ns + seen.end_ns) / 2
        inside = [min(samples, key=lambda frame: abs(frame["t_ns"] - middle))]
    if not inside:
        return
    seen.memory_mb = _mean([server_pss_kb(f) for f in inside]) * 1024 / 1e6
    seen.memory_high_mb = max(server_pss_kb(f) for f in samples) * 1024 / 1e6
    seen.uss_mb = _mean([f["uss_kb"] for f in inside]) * 1024 / 1e6
    seen.rss_mb = _mean([f["rss_kb"] for f in inside]) * 1024 / 1e6
    sets = [frame["working_set"] for frame in inside if "working_set" in frame]
    seen.working_set_mb = _mean(sets) / 1e6 if sets else None
    seen.working_set_high_mb = max(frame.get("working_set", 0) for frame in samples) / 1e6 if sets else None
    frequencies = [frame["frequency_mhz"] for frame in inside if frame["frequency_mhz"]]
    seen.frequency_mhz = _mean(frequencies) if frequencies else None
    seen.server["memory_samples"] = len(inside)


def server_pss_kb(frame: Frame) -> float:
    """The server's PSS in KiB, from a `memory` frame.

    The agent runs under the same interpreter, so the kernel charges it a part of the pages that both map. That part is
    the agent's PSS less its USS; without the agent the server would carry it, so it is added.
    """
    return float(frame["pss_kb"] + frame["agent_pss_kb"] - frame["agent_uss_kb"])


def _cut_cpu(seen: Measured, ticks: Sequence[Frame], hello: Sequence[Frame]) -> None:
    assert seen.start_ns is not None and seen.end_ns is not None
    if len(ticks) < 2 or not hello:
        return
    span = (seen.start_ns, seen.end_ns)
    elapsed = (seen.end_ns - seen.start_ns) / 1e9
    seen.cpu_seconds = _grown(ticks, span, lambda frame: frame["cpu_seconds"])
    agent = _grown(ticks, span, lambda frame: frame["agent_cpu_seconds"])
    total = _grown(ticks, span, lambda frame: frame["host"]["total"])
    if total:
        seen.steal = _grown(ticks, span, lambda frame: frame["host"]["steal"]) / total
        busy = _grown(ticks, span, lambda frame: frame["host"]["busy"]) / HOST_TICKS_PER_SECOND
        ours = seen.cpu_seconds + agent
        if set(seen.load_cpus) & set(hello[0]["cpus"]):
            ours += seen.load["cpu_seconds"]  # both sides share CPUs, so the loader is no stranger there
        seen.foreign_cpu = max(0.0, busy - ours) / (elapsed * len(hello[0]["cpus"]))
    periods = _grown(ticks, span, lambda frame: frame["throttling"]["periods"])
    throttled = _grown(ticks, span, lambda frame: frame["throttling"]["throttled"])
    seen.throttled_periods = _share(throttled, periods)
    seen.throttled_seconds = _grown(ticks, span, lambda frame: frame["throttling"]["throttled_us"]) / 1e6
    seen.server["cpu_seconds"] = seen.cpu_seconds
    seen.server["agent_cpu_seconds"] = agent
    seen.server["throttled_seconds"] = seen.throttled_seconds


def _grown(frames: Sequence[Frame], span: tuple[int, int], value: Any) -> float:
    """How much a growing counter grew within `span`, read between samples by straight lines."""
    return _at(frames, span[1], value) - _at(frames, span[0], value)


def _at(frames: Sequence[Frame], t_ns: int, value: Any) -> float:
    before = frames[0]
    for after in frames:
        if after["t_ns"] >= t_ns:
            if after is before or after["t_ns"] == before["t_ns"]:
                return float(value(after))
            share = (t_ns - before["t_ns"]) / (after["t_ns"] - before["t_ns"])
            return float(value(before) + share * (value(after) - value(before)))
        before = after
    return float(value(before))


def _share(part: float, whole: float) -> float:
    """A share that is 0 where there is nothing to share: without a quota there are no periods to be throttled in."""
    return part / whole if whole > 0 else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

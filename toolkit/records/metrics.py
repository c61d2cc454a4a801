"""Calculates the figures of a trial's measured window from its frames. Pure.

The load's frames give begin and end of the window, on the same clock as the server's samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.loadgen import oha, rewrk
from toolkit.loadgen.output import ParseError
from toolkit.records.counters import increase, used_by_others
from toolkit.records.detection import answers_under_load, rule_of_three, size_of_answers
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Trial

HOST_TICKS_PER_SECOND = 100
"""USER_HZ, the unit of /proc/stat; 100 on every Linux."""


IDLE = "idle"
"""The side of the other servers' ticks among the frames of a trial whose block was loaded in turns; see turns.py."""


@dataclass
class Measurement:
    """The data of one window and of the whole trial. A figure is None when its frames are missing; nothing is guessed."""

    result: rewrk.Result | oha.Result | None = None
    load_problem: str = ""
    window_name: str = ""
    load_cpus: list[int] = field(default_factory=list)
    wall_time: float | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    requested_seconds: int | None = None
    seconds: int | None = None
    warm_gap_seconds: float | None = None
    wire_bytes: int | None = None
    sizes_note: str = ""
    workers: int = 1
    validated: list[dict[str, Any]] = field(default_factory=list)
    server_closed: int = 0
    pids: set[int] = field(default_factory=set)
    worker_states: list[dict[str, Any]] = field(default_factory=list)
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
        """The actual length of the window, by the clock."""
        return None if self.start_ns is None or self.end_ns is None else (self.end_ns - self.start_ns) / 1e9

    @property
    def observed(self) -> dict[str, Any]:
        """The tally of the requests that the agent sent in the measured window; empty when there is none."""
        return next((one for one in self.validated if one["when"] == self.window_name), {})

    @property
    def all_requests(self) -> int:
        """All requests answered in the window: the generator's, and those that the agent sent."""
        return (self.result.requests_total if self.result else 0) + int(self.observed.get("count", 0))

    def metrics(self) -> dict[str, float | None]:
        """The figures by the field names of `store.Metrics`."""
        result, window = self.result, self.window_seconds
        per_1000 = used = None
        if self.cpu_seconds is not None and window:
            used = self.cpu_seconds / window
            if result is not None and result.requests_total:
                per_1000 = 1000 * self.cpu_seconds / self.all_requests
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
            "loader_cpus_used": self.load["cpu_seconds"] / window if self.load and window else None,
            "steal": self.steal,
            "foreign_cpu": self.foreign_cpu,
            "throttled_periods": self.throttled_periods,
            "loader_throttled_periods": self.loader_throttled_periods,
            "ready_seconds": self.ready_seconds,
            "frequency_mhz": self.frequency_mhz,
            "undetected_error_rate": rule_of_three(answers_under_load(self.validated)),
            "undetected_error_rate_per_worker": rule_of_three(answers_under_load(self.validated) / self.workers),
        }


def measure(trial: Trial, frames: Sequence[Frame], window: str | None = None) -> Measurement:
    """The measurement of a trial's first measured window, or of the one named `window`."""
    # By number: a second reading of a container's log brings frames after later ones.
    server, load = (
        sorted((frame for frame in frames if frame["side"] == side), key=lambda frame: frame["seq"])
        for side in ("server", "load")
    )
    measurement = Measurement()
    _add_load(measurement, trial, load, window)
    _add_server(measurement, server)
    if measurement.start_ns is not None and measurement.end_ns is not None:
        _add_memory(measurement, of_kind(server, "memory"))
        idle = [frame for frame in frames if frame["side"] == IDLE]
        _add_cpu(measurement, of_kind(server, "tick"), idle, hello=of_kind(server, "hello"))
    return measurement


def of_kind(frames: Sequence[Frame], kind: str) -> list[Frame]:
    """All frames of a kind, in their order."""
    return [frame for frame in frames if frame["kind"] == kind]


def first_of_kind(frames: Sequence[Frame], kind: str) -> Frame | None:
    """The first frame of a kind; None when there is none."""
    return next((frame for frame in frames if frame["kind"] == kind), None)


def _add_load(measurement: Measurement, trial: Trial, load: Sequence[Frame], window: str | None) -> None:
    measurement.validated = of_kind(load, "validated")
    measurement.worker_states = [worker for frame in of_kind(load, "runtime") for worker in frame["workers"]]
    measurement.wall_time = next((frame["wall_time"] for frame in of_kind(load, "hello")), None)
    measurement.load_cpus = next((frame["cpus"] for frame in of_kind(load, "hello")), [])
    measurement.workers = trial.served[1].workers
    measurement.server_closed = sum(frame["count"] for frame in of_kind(load, "server_closed"))
    ends = {frame["name"]: frame for frame in of_kind(load, "window_end")}
    measurement.validated = measurement.validated + [
        {**frame["validated"], "when": name} for name, frame in ends.items()
    ]
    any_body = trial.scenario.endpoints[trial.point.endpoint].any_body
    measurement.wire_bytes, measurement.sizes_note = size_of_answers(measurement.validated, any_body=any_body)
    starts = [frame for frame in of_kind(load, "window_start") if frame["measured"]]
    start = next((frame for frame in starts if window in (None, frame["name"])), None)
    end = ends.get(start["name"]) if start else None
    if start is None or end is None:
        return
    measurement.window_name = end["name"]
    measurement.start_ns, measurement.end_ns = start["t_ns"], end["end_ns"]
    warm = [frame["end_ns"] for frame in ends.values() if frame["end_ns"] <= measurement.start_ns]
    measurement.warm_gap_seconds = (measurement.start_ns - max(warm)) / 1e9 if warm else None
    measurement.requested_seconds, measurement.seconds = end["asked_seconds"], end["seconds"]
    measurement.load = {
        key: end[key]
        for key in ("argv", "stdout", "stderr", "code", "signal", "cpu_seconds", "agent_cpu_seconds", "throttling")
    }
    measurement.load["windows"] = {name: frame["seconds"] for name, frame in ends.items()}
    measurement.load["validated"] = [
        {key: value for key, value in one.items() if key not in ("seq", "side", "kind", "t_ns")}
        for one in measurement.validated
    ]
    measurement.load["wire_bytes"] = measurement.wire_bytes
    rates = {window.name: window.rate_rps for window in trial.load_windows}
    rate_rps = rates.get(end["name"], trial.scenario.load.rate_rps)  # in turns: the scenario's own
    try:
        measurement.result = window_result(trial.scenario, trial.point.endpoint, rate_rps, end)
        measurement.load["result"] = asdict(measurement.result)
    except ParseError as error:
        measurement.load_problem = str(error)
    own = trial.scenario.resources.load.cpus
    limit = min(max(1, len(measurement.load_cpus)) if own == "auto" else own, end["threads"])
    measurement.loader_saturation = end["cpu_seconds"] / ((measurement.window_seconds or 1) * limit)
    measurement.loader_throttled_periods = _fraction(end["throttling"]["throttled"], end["throttling"]["periods"])


def window_result(scenario: Scenario, endpoint: str, rate_rps: int | None, end: Frame) -> rewrk.Result | oha.Result:
    """The parsed output of a window's generator, from its `window_end` frame; rate_rps: as of a Window. Raises ParseError."""
    if rate_rps is None:
        return rewrk.parse(end["stdout"])
    return oha.parse(end["stdout"], seconds=end["seconds"], status=scenario.endpoints[endpoint].status)


def _add_server(measurement: Measurement, server: Sequence[Frame]) -> None:
    measurement.ready_seconds = next((frame["seconds"] for frame in of_kind(server, "ready")), None)
    measurement.pids = {pid for one in server if one["kind"] in ("memory", "processes") for pid in one["pids"]}
    measurement.server["workers"] = measurement.worker_states
    measurement.server["threads"] = _busiest_threads(of_kind(server, "threads"))
    log = [f"{frame['stream']}: {frame['text']}" for frame in of_kind(server, "log")]
    measurement.server["log"] = log if len(log) <= 40 else [*log[:20], "...", *log[-20:]]
    for frame in of_kind(server, "server_started"):
        measurement.server.update({key: frame[key] for key in ("argv", "env")})
    for frame in of_kind(server, "hello"):
        measurement.server.update({key: frame[key] for key in ("boot_id", "agent", "python", "cpus", "cgroup_version")})
        measurement.server |= {"irq_apart": frame.get("irq_apart", False), "machine": frame.get("machine")}


def _busiest_threads(samples: Sequence[Frame]) -> dict[str, float]:
    """CPU seconds of the 16 busiest threads between the first sample and the last: how the work fell to workers."""
    if len(samples) < 2:
        return {}
    before = {thread["tid"]: thread["cpu_seconds"] for thread in samples[0]["threads"]}
    found = {
        f"{thread['pid']}/{thread['tid']} {thread['name']}": round(
            thread["cpu_seconds"] - before.get(thread["tid"], 0), 2
        )
        for thread in samples[-1]["threads"]
    }
    return dict(sorted(found.items(), key=lambda item: -item[1])[:16])


def _add_memory(measurement: Measurement, samples: Sequence[Frame]) -> None:
    """Means over the window, or what was read for it right afterwards; a window without a sample takes the nearest one."""
    assert measurement.start_ns is not None and measurement.end_ns is not None
    inside = [frame for frame in samples if measurement.start_ns <= frame["t_ns"] <= measurement.end_ns]
    inside = [frame for frame in samples if frame.get("window") == measurement.window_name] or inside
    if not inside and samples:
        middle = (measurement.start_ns + measurement.end_ns) / 2
        inside = [min(samples, key=lambda frame: abs(frame["t_ns"] - middle))]
    if not inside:
        return
    measurement.memory_mb = _mean([server_pss_kb(f) for f in inside]) * 1024 / 1e6
    measurement.memory_high_mb = max(server_pss_kb(f) for f in samples) * 1024 / 1e6
    measurement.uss_mb = _mean([f["uss_kb"] for f in inside]) * 1024 / 1e6
    measurement.rss_mb = _mean([f["rss_kb"] for f in inside]) * 1024 / 1e6
    sets = [frame["working_set"] for frame in inside if "working_set" in frame]
    measurement.working_set_mb = _mean(sets) / 1e6 if sets else None
    measurement.working_set_high_mb = max(frame.get("working_set", 0) for frame in samples) / 1e6 if sets else None
    frequencies = [frame["frequency_mhz"] for frame in inside if frame["frequency_mhz"]]
    measurement.frequency_mhz = _mean(frequencies) if frequencies else None
    measurement.server["memory_samples"] = len(inside)
    measurement.server["strangers_mb"] = _mean([f.get("strangers_kb", 0) for f in inside]) * 1024 / 1e6


def server_pss_kb(frame: Frame) -> float:
    """The server's PSS in KiB, from a `memory` frame.

    The agent runs under the same interpreter, so the kernel charges it a part of the pages that both map. That part is
    the agent's PSS less its USS; without the agent the server would carry it, so it is added. So is what other processes
    carry of its files (`strangers_kb`; frames of older agents have none).
    """
    return float(frame["pss_kb"] + frame["agent_pss_kb"] - frame["agent_uss_kb"] + frame.get("strangers_kb", 0))


def _add_cpu(measurement: Measurement, ticks: Sequence[Frame], idle: Sequence[Frame], hello: Sequence[Frame]) -> None:
    """Shares and CPU time of the window. Ticks that were asked for in it lie inside the generator's own time: its figures
    are then their slope, as nothing is known of its edges, where connections open and close.

    idle: ticks of the other servers, which share the CPUs.
    """
    assert measurement.start_ns is not None and measurement.end_ns is not None
    asked = any("window" in tick for tick in ticks)
    if asked:
        ticks = [tick for tick in ticks if tick.get("window") == measurement.window_name]
    if len(ticks) < 2 or not hello:
        return
    span = (ticks[0]["t_ns"], ticks[-1]["t_ns"]) if asked else (measurement.start_ns, measurement.end_ns)
    elapsed = (span[1] - span[0]) / 1e9
    whole = (measurement.end_ns - measurement.start_ns) / 1e9 / elapsed
    used = increase(ticks, span, lambda frame: frame["cpu_seconds"])
    measurement.cpu_seconds = used * whole
    agent = increase(ticks, span, lambda frame: frame["agent_cpu_seconds"])
    others = sum(used_by_others(idle, measurement.window_name))
    total = increase(ticks, span, lambda frame: frame["host"]["total"])
    if total:
        measurement.steal = increase(ticks, span, lambda frame: frame["host"]["steal"]) / total
        busy = increase(ticks, span, lambda frame: frame["host"]["busy"]) / HOST_TICKS_PER_SECOND
        ours = used + agent + others
        if set(measurement.load_cpus) & set(hello[0]["cpus"]):
            ours += (measurement.load["cpu_seconds"] + measurement.load["agent_cpu_seconds"]) / whole  # not foreign
        measurement.foreign_cpu = max(0.0, busy - ours) / (elapsed * len(hello[0]["cpus"]))
    periods = increase(ticks, span, lambda frame: frame["throttling"]["periods"])
    throttled = increase(ticks, span, lambda frame: frame["throttling"]["throttled"])
    measurement.throttled_periods = _fraction(throttled, periods)
    measurement.throttled_seconds = increase(ticks, span, lambda frame: frame["throttling"]["throttled_us"]) / 1e6
    measurement.server["cpu_seconds"] = measurement.cpu_seconds
    measurement.server["agent_cpu_seconds"] = agent
    measurement.server["throttled_seconds"] = measurement.throttled_seconds


def _fraction(part: float, whole: float) -> float:
    """part / whole; 0 when whole is 0, since without a quota there are no periods in which to be throttled."""
    return part / whole if whole > 0 else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

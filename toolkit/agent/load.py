"""The agent of the load generator: validates the server's answers and runs the load in windows.

The generator's raw output is sent in the frame of its window; the agent does not parse it.
"""

from __future__ import annotations

import math
import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

from . import child, system
from .frames import Emitter
from .validate import Observer, get_json, validate_burst, wire_bytes

OUTPUT_CHARACTERS = 4000
OBSERVER_INTERVAL_SECONDS = 0.025
WORKERS_LISTED = 16


def run(argument: Mapping[str, Any], emitter: Emitter, stopping: threading.Event) -> int:
    """Load one server through all windows, with validated requests before, during and after. Returns the exit code.

    argument: trial, cpus (or null), env, host, port, probe (path, status, json | text | any_body), runtime_path,
    runtime_samples, validate (requests, seconds, connections), windows: each name, argv (with `{seconds}`), seconds,
    measured, max_seconds, latency_multiples.
    """
    cpus = child.bind_cpus(argument["cpus"])
    child.adopt_orphans()
    child.emit_hello(emitter, argument, cpus)
    _inspect_server(argument, emitter, "before")
    latency_ms: float | None = None
    for window in argument["windows"]:
        if stopping.is_set():
            break
        latency_ms = _window(argument, window, latency_ms, emitter, stopping)
    if not stopping.is_set():
        emitter.emit("server_closed", count=system.server_closed_connections(argument["port"]))
        _inspect_server(argument, emitter, "after")
    emitter.end(stopped=stopping.is_set())
    return 0


def _inspect_server(argument: Mapping[str, Any], emitter: Emitter, when: str) -> None:
    """Validate answers and ask the workers for their state, `when`: "before" or "after" the load."""
    host, port, probe, validate = argument["host"], argument["port"], argument["probe"], argument["validate"]
    tally = validate_burst(host, port, probe, validate["requests"], validate["seconds"], validate["connections"])
    emitter.emit("validated", when=when, **tally.summary())
    if when == "before":
        sizes = []
        for _ in range(3):
            try:
                sizes.append(wire_bytes(host, port, probe["path"]))
            except OSError:
                sizes.append(None)
        emitter.emit("wire", bytes=sizes[0] if len(set(sizes)) == 1 else None)
    seen: dict[tuple[Any, Any], Any] = {}
    unanswered = 0
    for _ in range(argument["runtime_samples"]):
        answer = get_json(host, port, argument["runtime_path"])
        if isinstance(answer, dict):
            seen[(answer.get("pid"), answer.get("thread_id"))] = answer
        else:
            unanswered += 1
    emitter.emit("runtime", when=when, workers=list(seen.values())[:WORKERS_LISTED], unanswered=unanswered)


def _window(
    argument: Mapping[str, Any],
    window: Mapping[str, Any],
    latency_ms: float | None,
    emitter: Emitter,
    stopping: threading.Event,
) -> float | None:
    """Run one load window. Returns the largest latency that the observer saw, by which the next may be extended."""
    seconds = extended_seconds(window, latency_ms)
    argv = [part.replace("{seconds}", str(seconds)) for part in window["argv"]]
    cgroup = system.Cgroup()
    throttling, cpu_before = cgroup.cpu(), _cpu_seconds()
    observer = Observer(argument["host"], argument["port"], argument["probe"], OBSERVER_INTERVAL_SECONDS)
    emitter.emit("window_start", name=window["name"], measured=window["measured"], seconds=seconds)
    try:
        load = child.keep_exit_status(child.start(argv, argument["env"], None))
    except OSError as error:
        observer.stop()
        emitter.emit("load_failed", name=window["name"], text=str(error))
        return latency_ms
    outputs = _communicate(load, seconds + 30, stopping)
    end_ns, after = time.monotonic_ns(), _cpu_seconds()
    tally = observer.stop()
    emitter.emit(
        "window_end",
        name=window["name"],
        measured=window["measured"],
        asked_seconds=window["seconds"],
        seconds=seconds,
        end_ns=end_ns,
        argv=argv,
        stdout=outputs[0][:OUTPUT_CHARACTERS],
        stderr=outputs[1][-500:],
        cpu_seconds=round(after - cpu_before, 3),
        throttling={name: value - throttling[name] for name, value in cgroup.cpu().items()},
        validated=tally.summary(),
        **child.exit_state(load.returncode),
    )
    # The largest, not the median: in a short warm-up with slow answers only one or two meet the full queue.
    return max(tally.latency_ms, default=None)


def extended_seconds(window: Mapping[str, Any], latency_ms: float | None) -> int:
    """The window's length in whole seconds: at least `latency_multiples` of the latency so far, at most `max_seconds`.

    A closed-loop generator drops the requests in flight at its deadline, which biases a window of few latencies.
    """
    seconds = int(window["seconds"])
    if latency_ms is None or not window["measured"]:
        return seconds
    needed: int = math.ceil(window["latency_multiples"] * latency_ms / 1000 * 1.02)
    longest = int(window["max_seconds"])
    return max(seconds, min(needed, longest))


def _communicate(load: subprocess.Popen[str], timeout_seconds: float, stopping: threading.Event) -> tuple[str, str]:
    """Both outputs of the generator when it ends. When stopped or past its time it is killed; its output is kept."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return load.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            if stopping.is_set() or time.monotonic() > deadline:
                load.kill()


def _cpu_seconds() -> float:
    """CPU time of this agent and the generators that have ended: what counts against the load's CPU limit."""
    children, own = resource.getrusage(resource.RUSAGE_CHILDREN), os.times()
    return children.ru_utime + children.ru_stime + own.user + own.system

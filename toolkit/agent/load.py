"""The agent beside the load generator: validates the server's answers, runs the load in windows, marks them.

The generator's raw output goes back in the frame of its window; nothing of it is understood here.
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
from .validate import Watch, burst, get_json, wire_bytes

OUTPUT_CHARACTERS = 4000
WATCH_INTERVAL_SECONDS = 0.025
RUNTIMES_LISTED = 16


def run(argument: Mapping[str, Any], emitter: Emitter, stopping: threading.Event) -> int:
    """Load one server through all windows, with validated requests before, during and after.

    argument: trial, cpus (or null), env, host, port, probe (path, status, json | text | any_body), runtime_path,
    runtime_samples, validate (requests, seconds, connections), windows: each name, argv (with `{seconds}`), seconds,
    measured, max_seconds, latency_multiples.
    """
    cpus = child.bind_cpus(argument["cpus"])
    child.adopt_orphans()
    child.hello(emitter, argument, cpus)
    _look(argument, emitter, "before")
    latency_ms: float | None = None
    for window in argument["windows"]:
        if stopping.is_set():
            break
        latency_ms = _window(argument, window, latency_ms, emitter, stopping)
    if not stopping.is_set():
        emitter.emit("server_closed", count=system.server_closed_connections(argument["port"]))
        _look(argument, emitter, "after")
    emitter.end(stopped=stopping.is_set())
    return 0


def _look(argument: Mapping[str, Any], emitter: Emitter, when: str) -> None:
    """Validate answers and ask the workers about themselves, before or after the load."""
    host, port, probe, validate = argument["host"], argument["port"], argument["probe"], argument["validate"]
    tally = burst(host, port, probe, validate["requests"], validate["seconds"], validate["connections"])
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
    emitter.emit("runtime", when=when, workers=list(seen.values())[:RUNTIMES_LISTED], unanswered=unanswered)


def _window(
    argument: Mapping[str, Any],
    window: Mapping[str, Any],
    latency_ms: float | None,
    emitter: Emitter,
    stopping: threading.Event,
) -> float | None:
    """Run one load window; the largest latency that the watching connection saw is returned for the next one."""
    seconds = extended_seconds(window, latency_ms)
    argv = [part.replace("{seconds}", str(seconds)) for part in window["argv"]]
    cgroup = system.Cgroup()
    throttling, spent = cgroup.cpu(), _cpu_seconds()
    watch = Watch(argument["host"], argument["port"], argument["probe"], WATCH_INTERVAL_SECONDS)
    emitter.emit("window_start", name=window["name"], measured=window["measured"], seconds=seconds)
    try:
        load = child.waited(child.start(argv, argument["env"], None))
    except OSError as error:
        watch.stop()
        emitter.emit("load_failed", name=window["name"], text=str(error))
        return latency_ms
    outputs = _communicate(load, seconds + 30, stopping)
    end_ns, after = time.monotonic_ns(), _cpu_seconds()
    tally = watch.stop()
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
        cpu_seconds=round(after - spent, 3),
        throttling={name: value - throttling[name] for name, value in cgroup.cpu().items()},
        validated=tally.summary(),
        **child.exit_state(load.returncode),
    )
    # The largest, not the median: a short warm-up with slow answers sees only one or two at full queue length.
    return max(tally.latency_ms, default=None)


def extended_seconds(window: Mapping[str, Any], latency_ms: float | None) -> int:
    """A window at least `latency_multiples` of the latency seen so far, within `max_seconds`, in whole seconds.

    A closed-loop generator drops what is under way at its deadline, so a window of few latencies is biased.
    """
    seconds = int(window["seconds"])
    if latency_ms is None or not window["measured"]:
        return seconds
    needed: int = math.ceil(window["latency_multiples"] * latency_ms / 1000 * 1.02)
    longest = int(window["max_seconds"])
    return max(seconds, min(needed, longest))


def _communicate(load: subprocess.Popen[str], timeout_seconds: float, stopping: threading.Event) -> tuple[str, str]:
    """Both outputs of the generator once it ends; stopped or past its time it is killed and what it said is kept."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return load.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            if stopping.is_set() or time.monotonic() > deadline:
                load.kill()


def _cpu_seconds() -> float:
    """CPU time of this agent and the generators it has waited for: what the loader's limit has to carry."""
    children, own = resource.getrusage(resource.RUSAGE_CHILDREN), os.times()
    return children.ru_utime + children.ru_stime + own.user + own.system

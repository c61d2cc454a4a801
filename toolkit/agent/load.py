"""The agent of the load generator: validates the server's answers and runs the load in windows.

The generator's raw output is sent in the frame of its window; the agent does not parse it.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import child, system
from .frames import Emits, Emitter
from .validate import Observer, get_json, validate_burst

OUTPUT_CHARACTERS = 16_000
WORKERS_LISTED = 256
WORKER_KEYS = frozenset(("pid", "thread_id", "abi", "gil_disabled_build", "gil_enabled"))
"""What an answer to the runtime question holds at least (runtime.py); without them it is a page of the app itself."""


def run(argument: Mapping[str, Any], emitter: Emitter, stopping: threading.Event) -> int:
    """Load one server through all windows, with validated requests before, during and after. Returns the exit code.

    argument: trial, cpus (or null), env, host, port, probe (path, status, json | text | any_body), connections (of the
    load), runtime_path, runtime_samples, validate (requests, seconds, connections), full_load_seconds (0: no such burst),
    watch_workers (whether the workers are asked for their state after each window too), windows: each name, argv (with `{seconds}`), threads (of the generator), rate_rps (or null), seconds,
    measured, max_seconds, latency_multiples.
    """
    cpus = child.bind_cpus(argument["cpus"])
    child.adopt_orphans()
    child.emit_hello(emitter, argument, cpus)
    inspect_server(argument, emitter, "before")
    latency_ms: float | None = None
    for window in argument["windows"]:
        if stopping.is_set():
            break
        latency_ms = max(run_window(argument, window, latency_ms, emitter, stopping), default=latency_ms)
        if argument["watch_workers"] and not stopping.is_set():
            emitter.emit("workers", when=window["name"], **_ask_workers(argument))
    if not stopping.is_set() and argument["full_load_seconds"]:
        validate_at_full_load(argument, emitter)
    if not stopping.is_set():
        emitter.emit("server_closed", count=system.server_closed_connections(argument["port"]))
        inspect_server(argument, emitter, "after")
    emitter.end(stopped=stopping.is_set())
    return 0


def inspect_server(argument: Mapping[str, Any], emitter: Emits, when: str) -> None:
    """Validate answers and ask the workers for their state, `when`: "before" or "after" the load."""
    host, port, probe, validate = argument["host"], argument["port"], argument["probe"], argument["validate"]
    tally = validate_burst(host, port, probe, validate["requests"], validate["seconds"], validate["connections"])
    emitter.emit("validated", when=when, **tally.summary())
    emitter.emit("runtime", when=when, **_ask_workers(argument))


def _ask_workers(argument: Mapping[str, Any]) -> dict[str, Any]:
    """What the workers answer to the runtime question, each once, and the requests that none of them answered."""
    host, port = argument["host"], argument["port"]
    seen: dict[tuple[Any, Any], Any] = {}
    unanswered = not_ours = 0
    other = ""
    for _ in range(argument["runtime_samples"]):
        answer = get_json(host, port, argument["runtime_path"])
        if isinstance(answer, dict) and answer.keys() >= WORKER_KEYS:
            seen[(answer["pid"], answer["thread_id"])] = answer
        elif answer is None:
            unanswered += 1
        else:
            not_ours, other = not_ours + 1, other or json.dumps(answer)[:200]
    workers = list(seen.values())[:WORKERS_LISTED]
    return {"workers": workers, "unanswered": unanswered, "not_ours": not_ours, "other_answer": other}


def validate_at_full_load(argument: Mapping[str, Any], emitter: Emits) -> None:
    """Validate every answer for a while at the load's full number of connections, outside of all windows.

    The agent does it itself: unlike a generator's, each of its answers is checked whole, and it needs no other program.
    """
    connections, seconds = argument["connections"], argument["full_load_seconds"]
    tally = validate_burst(argument["host"], argument["port"], argument["probe"], None, seconds, connections)
    emitter.emit("validated", when="full load", connections=connections, seconds=seconds, **tally.summary())


def run_window(
    argument: Mapping[str, Any],
    window: Mapping[str, Any],
    latency_ms: float | None,
    emitter: Emits,
    stopping: threading.Event,
    started: Callable[[int], None] | None = None,
) -> list[float]:
    """Run one load window. Returns the latencies that the observer saw, by the largest of which the next may be extended:
    in a short warm-up with slow answers only one or two meet the full queue. None were seen where the load did not start.

    started: called with the window's seconds when the generator has started.
    """
    seconds = extended_seconds(window, latency_ms)
    argv = [part.replace("{seconds}", str(seconds)) for part in window["argv"]]
    cgroup = system.Cgroup()
    throttling, cpu_before, agent_before = cgroup.cpu(), _generator_cpu_seconds(), _agent_cpu_seconds()
    # The warm-up is not measured: there the observer asks more often, to see how slow answers are at a full queue.
    connections = argument["connections"] if window["measured"] else None
    server = (argument["host"], argument["port"], argument["probe"])
    observer = Observer(*server, connections, window["rate_rps"], latency_ms)
    emitter.emit("window_start", name=window["name"], measured=window["measured"], seconds=seconds)
    try:
        load = child.keep_exit_status(child.start(argv, argument["env"], None))
    except OSError as error:
        observer.stop()
        emitter.emit("load_failed", name=window["name"], text=str(error))
        return []
    if started is not None:
        started(seconds)
    outputs = _communicate(load, seconds + 30, stopping)
    end_ns, cpu_after, agent_after = time.monotonic_ns(), _generator_cpu_seconds(), _agent_cpu_seconds()
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
        threads=window["threads"],
        cpu_seconds=round(cpu_after - cpu_before, 3),
        agent_cpu_seconds=round(agent_after - agent_before, 3),
        throttling={name: value - throttling[name] for name, value in cgroup.cpu().items()},
        validated=tally.summary(),
        **child.exit_state(load.returncode),
    )
    return tally.latency_ms


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


def _generator_cpu_seconds() -> float:
    """CPU time of the generators that have ended: what counts against their own limit."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _agent_cpu_seconds() -> float:
    """CPU time of this agent. It is no work of the generator, but work on the same CPUs."""
    own = os.times()
    return own.user + own.system

"""The JSON argument with which the agent of the load generator is started: for one server, or for several in turns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from toolkit.loadgen import oha, rewrk
from toolkit.trial.block import BlockTrials
from toolkit.trial.contract import TRIAL_VARIABLE
from toolkit.trial.model import FULL_LOAD_SECONDS, Placement, Trial, Window

VALIDATION_CONNECTIONS = 8
RUNTIME_SAMPLES_PER_WORKER = 8
"""Each is a new connection, which the kernel assigns to a worker's socket by hash: with two workers and 16 connections
one worker is missed once in 32,768 times."""

TURN_WARMUP_SECONDS = 1
TURN_VALIDATE_SECONDS = 0.5
"""At the most, before and after the load: a block in turns is short, and errors show at full load rather than here."""

MIN_RATE_SECONDS, MIN_RATE_REQUESTS, MIN_RATE_REQUESTS_PER_CONNECTION = 10, 2_000, 200
"""What the one window of an arm at a constant rate holds at least, so that its percentiles are known."""


def generator_threads(trial: Trial, placement: Placement) -> int:
    """Threads of the load generator: the scenario's number, or one for each of its CPUs."""
    cpus = trial.scenario.resources.load.cpus
    own = len(placement.load_cpus or ()) or (1 if cpus == "auto" else int(cpus))
    return trial.scenario.load.threads or max(1, own)


def load_argument(trial: Trial, placement: Placement) -> dict[str, Any]:
    """The argument of `gilfree_agent load`, as `toolkit.agent.load.run` documents it."""
    scenario, point = trial.scenario, trial.point
    load, endpoint = scenario.load, scenario.endpoints[point.endpoint]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", TRIAL_VARIABLE: trial.id}
    if any(window.rate_rps for window in trial.load_windows):
        environment.update(oha.environment(generator_threads(trial, placement)))
    return {
        "trial": trial.id,
        "cpus": placement.load_cpus,
        "env": environment,
        "host": placement.host,
        "port": placement.port,
        "probe": {"path": endpoint.path, "status": endpoint.status, **endpoint.expected()},
        "connections": point.connections,
        "runtime_path": scenario.app.runtime_path,
        "runtime_samples": RUNTIME_SAMPLES_PER_WORKER * trial.served[1].workers,
        "validate": {
            "requests": load.validate_requests,
            "seconds": load.validate_seconds,
            "connections": VALIDATION_CONNECTIONS,
        },
        # At a constant rate oha counts every status, and more than the rate would be another load than the one asked for.
        "full_load_seconds": 0 if any(window.rate_rps for window in trial.load_windows) else FULL_LOAD_SECONDS,
        "watch_workers": bool(trial.windows) and not trial.seeks_rate,
        "windows": [_window(trial, placement, window) for window in trial.load_windows],
        "watch_stdin": placement.watch_stdin,
    }


def _window(trial: Trial, placement: Placement, window: Window) -> dict[str, Any]:
    """A window of the agent's argument. At a constant rate it is never extended, since oha drops nothing at its end."""
    path = trial.scenario.endpoints[trial.point.endpoint].path
    url, connections = f"http://{placement.host}:{placement.port}{path}", trial.point.connections
    threads = generator_threads(trial, placement)
    if window.rate_rps:
        argv = oha.command(placement.oha, url, connections=connections, rate_rps=window.rate_rps, seconds="{seconds}")
    else:
        argv = rewrk.command(placement.rewrk, url, connections=connections, threads=threads, seconds="{seconds}")
    return {
        "argv": argv,
        "threads": threads,
        "rate_rps": window.rate_rps,
        "max_seconds": trial.scenario.load.max_seconds,
        "latency_multiples": 0 if window.rate_rps else trial.scenario.limits.latency_multiples,
        "name": window.name,
        "seconds": window.seconds,
        "measured": window.measured,
    }


def turns_argument(block: BlockTrials, placements: Mapping[str, Placement]) -> dict[str, Any]:
    """The argument of `gilfree_agent load` for a block in turns, as `toolkit.agent.turns.run` documents it.

    placements: by arm; they differ in the server's address alone.
    """
    arms = []
    shared: dict[str, Any] = {}
    for trial in block.trials:
        placement = placements[trial.arm.name]
        shared = load_argument(trial, placement)
        own = {
            name: shared.pop(name) for name in ("host", "port", "probe", "runtime_path", "runtime_samples", "windows")
        }
        windows = {name: _window(trial, placement, one) if one else None for name, one in _turn_windows(trial).items()}
        arms.append({"arm": trial.arm.name, **own, "windows": windows})
    shared["env"] = {**shared["env"], TRIAL_VARIABLE: block.id}
    validate_seconds = min(shared["validate"]["seconds"], TURN_VALIDATE_SECONDS)
    shared["validate"] = {**shared["validate"], "seconds": validate_seconds}
    return {**shared, "trial": block.id, "quads": [asdict(quad) for quad in block.quads], "arms": arms}


def _turn_windows(trial: Trial) -> dict[str, Window | None]:
    load = trial.scenario.load
    seconds = load.duration_seconds
    if load.rate_rps:
        least = max(MIN_RATE_REQUESTS, MIN_RATE_REQUESTS_PER_CONNECTION * trial.point.connections)
        seconds = max(seconds, MIN_RATE_SECONDS, math.ceil(least / load.rate_rps))
    return {
        "warmup": Window("warmup", TURN_WARMUP_SECONDS, measured=False),
        "short": None if load.rate_rps else Window("short", TURN_WARMUP_SECONDS),
        "long_warmup": Window("warmup", load.warmup_seconds, measured=False),
        "long": Window("long", seconds, load.rate_rps),
    }


def turns_seconds(block: BlockTrials) -> int:
    """The most time that the windows of a block in turns may take."""
    one = block.trials[0]
    load, windows = one.scenario.load, _turn_windows(one)
    long = windows["long"]
    assert long is not None
    longest = long.seconds if load.rate_rps else max(long.seconds, load.max_seconds)
    # Each window of a quad may have two seconds where none are given, and a warm-up before it.
    short = sum(2 * ((quad.seconds or 2 * TURN_WARMUP_SECONDS) + TURN_WARMUP_SECONDS + 1) for quad in block.quads)
    return len(block.trials) * (2 * TURN_WARMUP_SECONDS + max(longest + load.warmup_seconds, short) + FULL_LOAD_SECONDS)

"""The agent of the load generator for servers that take turns: windows of load that alternate between them.

All servers run on the same CPUs. While one is loaded the others idle, so what the machine does meanwhile meets all alike.
A group of windows in which every arm has two, in one order and then the reverse (A B B A), is a quad; a drift of the
machine that is linear over a quad falls out of its ratio.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import child, system
from .frames import Emits, Emitter, Questions
from .load import extended_seconds, inspect_server, run_window, validate_at_full_load

LATENCIES, REQUESTS = 20, 1000
"""What a short window must hold at least: mean latencies of the slower server, and requests."""

MAX_SHORT_SECONDS = 2
"""With two arms a server idles for two windows between its own: at most MAX_IDLE_SECONDS."""

MAX_IDLE_SECONDS = 5.0
"""A server that idles longer is warmed again: AnyIO drops its threads after 10 s, Granian after 30 s."""

WAITING_SHARE = 0.5
"""A server that uses less of the CPU time that it could have had, under full load, waits for something else: its windows are
long."""

SAMPLE_AFTER_SECONDS, SAMPLE_BEFORE_END_SECONDS = 0.2, 0.05
"""Where in a window the counters are read: inside the generator's own time, when all its connections are busy."""

SETTLED_SHARE, SETTLE_STEP_SECONDS, SETTLE_SECONDS = 0.01, 0.05, 0.1
"""rewrk abandons its requests at the deadline, and the server goes on with them: the next window waits until it uses less
than this share of a CPU over one step, at most this long and two latencies."""


class _ArmEmitter:
    """Sends frames of one arm."""

    def __init__(self, emitter: Emitter, arm: str) -> None:
        self._emitter, self._arm = emitter, arm

    def emit(self, kind: str, **fields: Any) -> None:
        self._emitter.emit(kind, arm=self._arm, **fields)


@dataclass
class _Arm:
    """A server under load. `argument`: as `load.run` has it for one server, with `windows` by name. latency_ms: of requests
    at a full queue. cpu_share: of its last window, see `share_used`. loaded_until: when that ended."""

    argument: Mapping[str, Any]
    emitter: Emits
    questions: Questions
    latency_ms: float | None = None
    cpu_share: float | None = None
    loaded_until: float = 0.0
    warmups: int = field(default=0)

    def lives(self) -> bool:
        return self.questions.ask("cpu") is not None


@dataclass(frozen=True)
class Shape:
    """How long windows are, `quads` of them for each arm, or (0) a single long one each, and why."""

    quads: int
    seconds: int
    reason: str


def run(argument: Mapping[str, Any], emitter: Emitter, stopping: threading.Event) -> int:
    """Load several servers in turns, with validated requests before, during and after. Returns the exit code.

    argument: as of `load.run`, with `quads` (of short windows: each `seconds`, null: as few as hold enough, and `stopped`:
    whether idle servers are stopped meanwhile) and, instead of what belongs to one server, `arms`: each arm (its name), host, port, probe, runtime_path, runtime_samples and windows, by the names warmup, short, long_warmup and
    long; a null `short` means long windows.
    """
    cpus = child.bind_cpus(argument["cpus"])
    child.adopt_orphans()
    child.emit_hello(emitter, argument, cpus)
    arms = [
        _Arm({**argument, **one}, _ArmEmitter(emitter, one["arm"]), Questions(one["host"], one["port"]))
        for one in argument["arms"]
    ]
    for arm in arms:
        if not stopping.is_set():
            inspect_server(arm.argument, arm.emitter, "before")
    for arm in arms:
        _load(arms, arm, "warmup", None, stopping)
    chosen = shape(
        [arm.latency_ms for arm in arms if arm.latency_ms is not None],
        [arm.cpu_share for arm in arms if arm.cpu_share is not None],
        argument["connections"],
        len(argument["quads"]) if all(one["windows"]["short"] for one in argument["arms"]) else 0,
    )
    emitter.emit("turns", quads=chosen.quads, seconds=chosen.seconds, reason=chosen.reason)
    _take_turns(arms, chosen, argument["quads"], stopping)
    for arm in arms:
        if not stopping.is_set() and argument["full_load_seconds"] and arm.lives():
            validate_at_full_load(arm.argument, arm.emitter)
    for arm in arms:
        if not stopping.is_set():
            arm.emitter.emit("server_closed", count=system.server_closed_connections(arm.argument["port"]))
            inspect_server(arm.argument, arm.emitter, "after")
    emitter.end(stopped=stopping.is_set())
    return 0


def shape(latencies_ms: Sequence[float], cpu_shares: Sequence[float], connections: int, quads: int) -> Shape:
    """The windows that fit servers with these latencies at a full queue and these shares of CPU time (`share_used`) in their
    warm-up. Pure.

    quads: how many of short windows are wanted; 0: long ones.
    """
    if not quads:
        return Shape(0, 0, "at a constant rate each arm has one window")
    if not latencies_ms:
        return Shape(quads, 1, "")
    slowest_s = max(latencies_ms) / 1000
    needed = math.ceil(max(LATENCIES * slowest_s, REQUESTS * slowest_s / connections))
    if needed > MAX_SHORT_SECONDS:
        words = f"{LATENCIES} latencies and {REQUESTS:,} requests of the slower arm take {needed} s"
        return Shape(0, 0, f"{words}, more than the {MAX_SHORT_SECONDS} s of a short window")
    if min(cpu_shares, default=1.0) < WAITING_SHARE:
        return Shape(
            0, 0, f"a server used only {min(cpu_shares):.0%} of its CPU under load: it waits for something else"
        )
    return Shape(quads, max(1, needed), "")


def share_used(first: Mapping[str, Any], last: Mapping[str, Any]) -> float | None:
    """What a server used, between two answers to `tick`, of the CPU time that it could have had on one CPU. Pure.

    That is what it used and what was idle, without what others took: on a busy machine no server seems to wait. A server that
    used up its quota does not wait either. None where no time passed.
    """
    if last["throttled"] > first["throttled"]:
        return 1.0
    host = {name: last["host"][name] - first["host"][name] for name in ("busy", "irq", "steal", "total")}
    idle = max(0, host["total"] - host["busy"] - host["steal"]) / system.TICKS_PER_SECOND / last["cpus"]
    used = float(last["cpu_seconds"] - first["cpu_seconds"])
    return used / (used + idle) if used + idle > 0 else None


def order(arms: int, quads: int) -> list[tuple[int, int]]:
    """Windows in their order as (quad, place of the arm): A B B A, then B A A B, and so on; without quads A B. Pure."""
    forward = list(range(arms))
    found = [(0, place) for place in forward] if not quads else []
    for quad in range(quads):
        first = forward if quad % 2 == 0 else forward[::-1]
        found += [(quad, place) for place in (*first, *first[::-1])]
    return found


def _take_turns(
    arms: Sequence[_Arm], chosen: Shape, quads: Sequence[Mapping[str, Any]], stopping: threading.Event
) -> None:
    slowest_ms = max((arm.latency_ms for arm in arms if arm.latency_ms is not None), default=None)
    for number, (quad, place) in enumerate(order(len(arms), chosen.quads), 1):
        arm = arms[place]
        if stopping.is_set() or not arm.lives():
            continue
        if not chosen.quads:
            _load(arms, arm, "long_warmup", None, stopping)
            slowest_ms = max((one.latency_ms for one in arms if one.latency_ms is not None), default=slowest_ms)
        elif time.monotonic() - arm.loaded_until > MAX_IDLE_SECONDS:
            _load(arms, arm, "warmup", None, stopping)
        name, window = f"turn-{number}", arm.argument["windows"]["short" if chosen.quads else "long"]
        wanted = quads[quad] if chosen.quads else {"seconds": None, "stopped": False}
        seconds = wanted["seconds"] or chosen.seconds or extended_seconds(window, slowest_ms)
        arm.emitter.emit("turn", name=name, quad=quad)
        idle = [one for one in arms if one is not arm and wanted["stopped"]]
        for one in idle:
            one.questions.ask("stop")
        _load(arms, arm, name, {**window, "name": name, "seconds": seconds}, stopping)
        for one in idle:
            one.questions.ask("continue")


def _load(
    arms: Sequence[_Arm], arm: _Arm, name: str, window: Mapping[str, Any] | None, stopping: threading.Event
) -> None:
    """One window on one server, with its samples, its memory read right afterwards, and the wait until it has settled.

    window: None for the warm-up `name` of the arm's own.
    """
    if stopping.is_set():
        return
    if window is None:
        arm.warmups += 1
        window = {**arm.argument["windows"][name], "name": f"warmup-{arm.warmups}"}
    samples = _Samples(arms, arm, window["name"])
    latencies = run_window(arm.argument, window, arm.latency_ms, arm.emitter, stopping, samples.start)
    samples.join()
    arm.loaded_until = time.monotonic()
    arm.cpu_share = samples.cpu_share
    if latencies:
        slower_half = sorted(latencies)[len(latencies) // 2 :]  # the first requests met a queue that was not full yet
        arm.latency_ms = sum(slower_half) / len(slower_half)
    arm.questions.ask("memory", window=window["name"])
    _settle(arm, window["name"], stopping)


class _Samples:
    """Reads the counters of all servers near the beginning and the end of a window. cpu_share: what `arm` used of its CPU."""

    def __init__(self, arms: Sequence[_Arm], arm: _Arm, window: str) -> None:
        self._arms, self._arm, self._window = arms, arm, window
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self.cpu_share: float | None = None

    def start(self, seconds: int) -> None:
        """The generator has started, for so many seconds."""
        self._thread = threading.Thread(target=self._run, args=(seconds,), name="samples", daemon=True)
        self._thread.start()

    def _run(self, seconds: int) -> None:
        self._ended.wait(SAMPLE_AFTER_SECONDS)
        first = self._sample()
        self._ended.wait(seconds - SAMPLE_AFTER_SECONDS - SAMPLE_BEFORE_END_SECONDS)
        last = self._sample()
        if first and last:
            self.cpu_share = share_used(first, last)

    def _sample(self) -> dict[str, Any] | None:
        found = {id(one): one.questions.ask("tick", window=self._window) for one in self._arms}
        return found[id(self._arm)]

    def join(self) -> None:
        """The generator has ended: wait for the samples, the last of which is taken now if it is still to come."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()


def _settle(arm: _Arm, window: str, stopping: threading.Event) -> None:
    """Wait until the server has done what the generator abandoned."""
    began = time.monotonic()
    longest = SETTLE_SECONDS + 2 * (arm.latency_ms or 0.0) / 1000
    before, share = arm.questions.ask("cpu"), None
    while before is not None and time.monotonic() - began < longest and not stopping.wait(SETTLE_STEP_SECONDS):
        now = arm.questions.ask("cpu")
        if now is None:
            break
        share = (now["cpu_seconds"] - before["cpu_seconds"]) / (now["seconds"] - before["seconds"])
        if share < SETTLED_SHARE:
            break
        before = now
    arm.emitter.emit("settled", name=window, seconds=round(time.monotonic() - began, 3), cpu_share=share)

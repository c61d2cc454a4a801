"""The agent of the server: starts it, reports when it answers, samples CPU and memory, stops it.

Cheap counters (CPU time) are read five times a second, so that they can be interpolated at the ends of a window; memory
(PSS, for which the kernel walks page tables) once a second. Reading it more often took about 2% of the server's core.
This agent does not know the windows: records/metrics.py assigns the samples to them.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import child, memory, system
from .frames import Emitter

TICK_SECONDS = 0.2
TICKS_PER_MEMORY_SAMPLE = 5
TICKS_PER_TREE = 25
THREADS_LISTED = 40


def run(argument: Mapping[str, Any], emitter: Emitter, stopping: threading.Event) -> int:
    """Serve one trial until `stopping` is set or the server ends by itself. Returns the exit code.

    argument: trial, argv, env, cwd, cpus (or null), host, port, path (requested for readiness), ready_timeout_seconds,
    stop_grace_seconds, memory_limit_bytes (null where a cgroup enforces the limit); on Kubernetes also ready_file, which
    is created when the server has answered, and linger: wait for SIGTERM at the end, since Kubernetes restarts a sidecar
    that exits.
    """
    cpus = child.bind_cpus(argument["cpus"])
    child.adopt_orphans()
    child.emit_hello(emitter, argument, cpus)
    oom_kills_before = _oom_kills()
    try:
        server = child.keep_exit_status(child.start(argument["argv"], argument["env"], argument["cwd"]))
    except OSError as error:
        emitter.emit("server_failed", text=str(error))
        emitter.end()
        _linger(argument, stopping)
        return 1
    assert server.stdout is not None and server.stderr is not None
    forwards = [
        child.forward_lines(server.stdout, "stdout", emitter),
        child.forward_lines(server.stderr, "stderr", emitter),
    ]
    emitter.emit("server_started", pid=server.pid, argv=argument["argv"], env=argument["env"])
    started = time.monotonic()
    try:
        if _wait_until_ready(argument, server, stopping):
            emitter.emit("ready", seconds=round(time.monotonic() - started, 3))
            if argument.get("ready_file"):
                Path(argument["ready_file"]).touch()
            _sample(argument, server, cpus, emitter, stopping)
        elif server.poll() is None and not stopping.is_set():
            emitter.emit("not_ready", seconds=argument["ready_timeout_seconds"])
        ended = server.poll()
        if ended is None:
            pids = system.process_tree(server.pid)
            emitter.emit(
                "processes", pids=pids
            )  # workers that started after the last memory sample answer requests too
            emitter.emit("threads", threads=system.thread_cpu_seconds(pids)[:THREADS_LISTED])
    finally:
        by_itself = server.poll() is not None
        child.stop(server, argument["stop_grace_seconds"])
    for thread in forwards:
        thread.join(2)
    oom_kills = _oom_kills() - oom_kills_before
    if argument["memory_limit_bytes"] is not None and not (by_itself and server.returncode == -signal.SIGKILL):
        oom_kills = 0  # a cgroup that others are in too: what the kernel killed there was not this server
    emitter.emit("server_exit", by_itself=by_itself, **child.exit_state(server.returncode), oom_kills=oom_kills)
    emitter.end()
    _linger(argument, stopping)
    return 0


def _linger(argument: Mapping[str, Any], stopping: threading.Event) -> None:
    if argument.get("linger"):
        stopping.wait()


def _wait_until_ready(argument: Mapping[str, Any], server: subprocess.Popen[str], stopping: threading.Event) -> bool:
    """Send requests until the server gives any answer; the load's side checks whether answers are correct."""
    deadline = time.monotonic() + argument["ready_timeout_seconds"]
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection(argument["host"], argument["port"], timeout=5)
        try:
            connection.request("GET", argument["path"])
            connection.getresponse().read()
            return True
        except (OSError, http.client.HTTPException):
            if stopping.wait(0.02):
                return False
        finally:
            connection.close()
    return False


def _sample(
    argument: Mapping[str, Any],
    server: subprocess.Popen[str],
    cpus: list[int],
    emitter: Emitter,
    stopping: threading.Event,
) -> None:
    cgroup = system.Cgroup()
    irq_apart = system.interrupts_are_apart()
    pids = system.process_tree(server.pid)
    limit = argument["memory_limit_bytes"]
    emitter.emit("threads", threads=system.thread_cpu_seconds(pids)[:THREADS_LISTED])
    count = strangers_kb = 0
    next_tick = time.monotonic()
    while server.poll() is None:
        starting_up = count < TICKS_PER_TREE and count % TICKS_PER_MEMORY_SAMPLE == 0  # workers may still be starting
        if starting_up or count % TICKS_PER_TREE == 0:
            pids = system.process_tree(server.pid)
        if count % TICKS_PER_TREE == 0:
            strangers_kb = memory.shared_with_strangers_kb(pids, os.getpid())
        if count % TICKS_PER_MEMORY_SAMPLE == 0:
            used_kb = _emit_memory(pids, strangers_kb, cgroup, cpus, emitter)
            if limit is not None and used_kb * 1024 > limit:
                emitter.emit("memory_limit", used_bytes=used_kb * 1024, limit_bytes=limit)
                return
        own = os.times()
        emitter.emit(
            "tick",
            cpu_seconds=round(system.cpu_seconds(pids), 3),
            agent_cpu_seconds=round(own.user + own.system, 3),
            host=system.host_cpu_ticks(cpus, irq_apart),
            throttling=cgroup.cpu(),
        )
        count += 1
        next_tick += TICK_SECONDS
        if stopping.wait(max(0.0, next_tick - time.monotonic())):
            return


def _emit_memory(pids: list[int], strangers_kb: int, cgroup: system.Cgroup, cpus: list[int], emitter: Emitter) -> int:
    """Send one memory sample. Returns the PSS of the server's processes in KiB, for the watchdog.

    strangers_kb: see `memory.shared_with_strangers_kb`; it is read less often, because whole maps are long.
    """
    sums = {"pss": 0, "uss": 0, "rss": 0}
    for pid in pids:
        for name, value in memory.memory_kb(pid).items():
            sums[name] += value
    agent = memory.memory_kb(os.getpid())
    emitter.emit(
        "memory",
        pids=pids,
        pss_kb=sums["pss"],
        uss_kb=sums["uss"],
        rss_kb=sums["rss"],
        agent_pss_kb=agent.get("pss", 0),
        agent_uss_kb=agent.get("uss", 0),
        strangers_kb=strangers_kb,
        frequency_mhz=system.frequency_mhz(cpus),
        **cgroup.memory(),
    )
    return sums["pss"] + strangers_kb


def _oom_kills() -> int:
    """Kills in this cgroup so far. Only a difference means something: the cgroup may be older than this trial."""
    return system.Cgroup().memory().get("oom_kills", 0)

"""The agent of the server: starts it, reports when it answers, samples CPU and memory, stops it.

Where it is the only server, counters (CPU time) are read five times a second, so that they can be interpolated at the ends
of a window, and memory once a second; this agent then does not know the windows: records/metrics.py assigns the samples
to them. Where servers take turns, samples are taken when the load's agent asks for them (`frames.Questions`).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import child, memory, system
from .frames import Answers, Emitter

TICK_SECONDS = 0.2
TICKS_PER_MEMORY_SAMPLE = 5
TICKS_PER_TREE = 25
THREADS_LISTED = 40
POLL_SECONDS = 0.1
WATCHDOG_SECONDS = 0.5


def run(argument: Mapping[str, Any], emitter: Emitter, stopping: threading.Event) -> int:
    """Serve one trial until `stopping` is set or the server ends by itself. Returns the exit code.

    argument: trial, argv, env, cwd, cpus (or null), host, port, path (requested for readiness), ready_timeout_seconds,
    stop_grace_seconds, memory_limit_bytes (null where a cgroup enforces the limit), answers (whether samples are taken when
    they are asked for; absent: at regular times); on Kubernetes also ready_file, which
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
            sampler = Sampler(server.pid, cpus, emitter)
            emitter.emit("threads", threads=system.thread_cpu_seconds(sampler.pids)[:THREADS_LISTED])
            watch = _answer_questions if argument.get("answers") else _sample
            watch(argument, server, sampler, emitter, stopping)
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
    sampler: Sampler,
    emitter: Emitter,
    stopping: threading.Event,
) -> None:
    """Sample at regular times until the server or its turn ends, or it uses more memory than its limit."""
    limit = argument["memory_limit_bytes"]
    count = 0
    next_tick = time.monotonic()
    while server.poll() is None:
        starting_up = count < TICKS_PER_TREE and count % TICKS_PER_MEMORY_SAMPLE == 0  # workers may still be starting
        if starting_up or count % TICKS_PER_TREE == 0:
            sampler.find_processes()
        if count % TICKS_PER_TREE == 0:
            sampler.find_strangers()
        if count % TICKS_PER_MEMORY_SAMPLE == 0 and _over_limit(sampler.memory() * 1024, limit, emitter):
            return
        sampler.tick()
        count += 1
        next_tick += TICK_SECONDS
        if stopping.wait(max(0.0, next_tick - time.monotonic())):
            return


def _answer_questions(
    argument: Mapping[str, Any],
    server: subprocess.Popen[str],
    sampler: Sampler,
    emitter: Emitter,
    stopping: threading.Event,
) -> None:
    """Sample when the load's agent asks for it; between that only watch that the server lives, within its memory limit.

    `tick` and `memory` send a sample with the `window` that the question names; `stop` and `continue` are the signals of
    that name to all of the server's processes; every answer holds `Sampler.cpu`, that to `tick` what `Sampler.tick` returns.
    """
    limit = argument["memory_limit_bytes"]

    def answer(question: Mapping[str, Any]) -> Mapping[str, Any]:
        if question["what"] == "memory":
            sampler.find_processes()
            sampler.find_strangers()
            sampler.memory(window=question["window"])
        elif question["what"] in ("stop", "continue"):
            sampler.signal(signal.SIGSTOP if question["what"] == "stop" else signal.SIGCONT)
        elif question["what"] == "tick":
            return {**sampler.cpu(), **sampler.tick(window=question["window"])}
        return sampler.cpu()

    answers = Answers(argument["host"], argument["port"], answer)
    emitter.emit("answering")
    try:
        next_memory = time.monotonic()
        while server.poll() is None and not stopping.wait(POLL_SECONDS):
            if limit is None or time.monotonic() < next_memory:
                continue
            next_memory = time.monotonic() + WATCHDOG_SECONDS
            # RSS is never less than PSS, and reading it costs next to nothing.
            if sampler.rss_bytes() > limit and _over_limit(sampler.memory() * 1024, limit, emitter):
                return
    finally:
        answers.close()


def _over_limit(used_bytes: int, limit_bytes: int | None, emitter: Emitter) -> bool:
    if limit_bytes is None or used_bytes <= limit_bytes:
        return False
    emitter.emit("memory_limit", used_bytes=used_bytes, limit_bytes=limit_bytes)
    return True


def _oom_kills() -> int:
    """Kills in this cgroup so far. Only a difference means something: the cgroup may be older than this trial."""
    return system.Cgroup().memory().get("oom_kills", 0)


class Sampler:
    """Sends samples of the server whose first process is `root` and which runs on `cpus`.

    Counters are cheap. For memory (PSS) the kernel walks page tables: reading it more often than once a second took about
    2% of the server's core.
    """

    def __init__(self, root: int, cpus: Sequence[int], emitter: Emitter) -> None:
        self._root, self._cpus, self._emitter = root, cpus, emitter
        self._cgroup, self._irq_apart = system.Cgroup(), system.interrupts_are_apart()
        self._strangers_kb = 0
        self.pids = system.process_tree(root)

    def find_processes(self) -> None:
        """Find the server's processes again: workers may have started or ended."""
        self.pids = system.process_tree(self._root)

    def find_strangers(self) -> None:
        """Read again what others map of the server's files; whole maps are long, so this is done less often."""
        self._strangers_kb = memory.shared_with_strangers_kb(self.pids, os.getpid())

    def tick(self, **fields: Any) -> dict[str, Any]:
        """Send the counters: CPU time of the server and of this agent, ticks of the CPUs, throttling. Returns the last two,
        and how many CPUs the ticks are of."""
        own = os.times()
        host, throttling = system.host_cpu_ticks(self._cpus, self._irq_apart), self._cgroup.cpu()
        self._emitter.emit(
            "tick",
            cpu_seconds=round(system.cpu_seconds(self.pids), 6),
            agent_cpu_seconds=round(own.user + own.system, 3),
            host=host,
            throttling=throttling,
            **fields,
        )
        return {"host": host, "throttled": throttling["throttled"], "cpus": len(self._cpus)}

    def cpu(self) -> dict[str, Any]:
        """CPU seconds of the server and the time at which they were read, in seconds of CLOCK_MONOTONIC."""
        return {"cpu_seconds": system.cpu_seconds(self.pids), "seconds": time.monotonic()}

    def signal(self, number: int) -> None:
        """Send a signal to all of the server's processes."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def rss_bytes(self) -> int:
        """RSS of all processes, which is cheap and never less than what they use."""
        return sum(system.rss_bytes(pid) for pid in self.pids)

    def memory(self, **fields: Any) -> int:
        """Send one memory sample. Returns the PSS of the server's processes in KiB, for the watchdog."""
        sums = {"pss": 0, "uss": 0, "rss": 0}
        for pid in self.pids:
            for name, value in memory.memory_kb(pid).items():
                sums[name] += value
        agent = memory.memory_kb(os.getpid())
        self._emitter.emit(
            "memory",
            pids=self.pids,
            pss_kb=sums["pss"],
            uss_kb=sums["uss"],
            rss_kb=sums["rss"],
            agent_pss_kb=agent.get("pss", 0),
            agent_uss_kb=agent.get("uss", 0),
            strangers_kb=self._strangers_kb,
            frequency_mhz=system.frequency_mhz(self._cpus),
            **self._cgroup.memory(),
            **fields,
        )
        return sums["pss"] + self._strangers_kb

"""What gilfree itself costs: the same server and load with its agents and without them, in interleaved pairs.

Without agents, Granian and rewrk are started as one would by hand, pinned to the same CPUs, with the same command lines
and the same warm-up. The ratio of requests/s inside a pair is the cost; the order inside a pair is random.

At a fast endpoint the cost is the CPU time of the agents. At a slow one (10 ms of CPU an answer, 12 connections) it is
their own validated requests, each of which takes the place of one that counts.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.backends.local.backend import LocalBackend, free_port
from toolkit.backends.trial_agents import LOOPBACK
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.loadgen import rewrk
from toolkit.records.store import record
from toolkit.scenario.model import Scenario
from toolkit.servers import granian
from toolkit.trial.block import alone
from toolkit.trial.load_argument import generator_threads
from toolkit.trial.model import STOP_GRACE_SECONDS, Arm, Placement, Trial, server_environment

Verdict = Literal["at most 2%", "above 2%", "too noisy"]
SLOW_APP_DIRECTORY = Path(__file__).parent / "apps"
TOLERANCE = 0.02
"""The cost that is promised as the most, as a share of the throughput."""


@dataclass(frozen=True)
class Overhead:
    """Requests/s with agents over requests/s without: median and 95% interval over `pairs`."""

    arm: str
    point: str
    pairs: int
    ratio: float
    low: float
    high: float
    with_agents_rps: tuple[float, ...]
    by_hand_rps: tuple[float, ...]

    @property
    def verdict(self) -> Verdict:
        """What the interval shows: a cost of at most 2%, one above it, or neither, where it holds both."""
        if self.low >= 1 - TOLERANCE:
            return "at most 2%"
        return "above 2%" if self.high < 1 - TOLERANCE else "too noisy"


def measure(scenario: Scenario, arm: Arm, backend: LocalBackend, rewrk_path: str, pairs: int, say: Say) -> Overhead:
    """Run `pairs` pairs at the scenario's first point, on `backend`, which the caller closes.

    A pair with a rejected trial is run again. Raises GilfreeError when more than `pairs` were rejected.
    """
    backend.prepare(scenario, [arm])
    with_agents: list[float] = []
    by_hand: list[float] = []
    rejected = 0
    reasons: list[str] = []
    while len(with_agents) < pairs:
        trial = Trial("overhead", scenario, scenario.points()[0], len(with_agents), arm, 1 + rejected)
        runs: list[Callable[[], float | None]] = [
            lambda t=trial: _with_agents(t, backend, reasons),  # type: ignore[misc]
            lambda t=trial: _by_hand(t, backend, rewrk_path),  # type: ignore[misc]
        ]
        order = [0, 1]
        random.Random(f"overhead/{len(with_agents)}/{rejected}").shuffle(order)
        rates: dict[int, float | None] = {which: runs[which]() for which in order}
        agents_rps, by_hand_rps = rates[0], rates[1]
        if agents_rps is None or by_hand_rps is None:
            rejected += 1
            say(
                f"pair {len(with_agents) + 1}: rejected, run again: {reasons[-1] if reasons else 'by hand nothing was served'}"
            )
            if rejected > pairs:
                raise GilfreeError(
                    f"{rejected} trials were rejected, the last: {reasons[-1:]}", "try on a quiet machine"
                )
            continue
        with_agents.append(agents_rps)
        by_hand.append(by_hand_rps)
        say(
            f"pair {len(with_agents)} of {pairs}: {agents_rps:,.0f} req/s with agents,"
            f" {by_hand_rps:,.0f} by hand: {agents_rps / by_hand_rps:.3f}"
        )
    return _summary(trial, with_agents, by_hand)


def _summary(trial: Trial, with_agents: Sequence[float], by_hand: Sequence[float]) -> Overhead:
    from toolkit.analysis.stats.paired import estimates, log_ratios

    estimate = estimates([log_ratios(list(with_agents), list(by_hand))])[0]
    return Overhead(
        trial.arm.name,
        trial.point.key,
        len(with_agents),
        estimate.ratio,
        estimate.low,
        estimate.high,
        tuple(with_agents),
        tuple(by_hand),
    )


def _with_agents(trial: Trial, backend: LocalBackend, reasons: list[str]) -> float | None:
    """Requests/s of one trial; None when it was rejected, with the first reason appended to `reasons`."""
    one = record(trial, list(backend.run(alone(trial), "here")))
    reasons += [f"{rejection.reason}: {rejection.detail}" for rejection in one.rejections[:1]]
    return one.metrics.requests_per_second if one.accepted else None


def _by_hand(trial: Trial, backend: LocalBackend, rewrk_path: str) -> float | None:
    """Requests/s with Granian and rewrk alone, as a careful person would start them."""
    port, cpus = free_port(), backend.cpus
    place = Placement(
        python=trial.arm.runtime,
        app_directory=str(backend.app_directory),
        agent_directory="",
        rewrk=rewrk_path,
        host=LOOPBACK,
        port=port,
        server_cpus=cpus.server,
        load_cpus=cpus.load,
        memory_watchdog=False,
        watch_stdin=False,
    )
    scenario, point = trial.served
    argv = granian.command(scenario, point, python=place.python, host=LOOPBACK, port=port, target=scenario.app.target)
    url = f"http://{LOOPBACK}:{port}{scenario.endpoints[point.endpoint].path}"
    with _server(argv, server_environment(trial, place), place.app_directory, cpus.server, url):
        result = None
        for seconds in (scenario.load.warmup_seconds, scenario.load.duration_seconds):
            command = rewrk.command(
                rewrk_path, url, connections=point.connections, threads=generator_threads(trial, place), seconds=seconds
            )
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus.load),
            )
            result = rewrk.parse(done.stdout)
        return result.requests_per_second if result else None


@contextlib.contextmanager
def _server(
    argv: Sequence[str], environment: dict[str, str], cwd: str, cpus: tuple[int, ...], url: str
) -> Iterator[None]:
    """A server that answers, pinned to `cpus`; ended with everything that it started.

    Raises GilfreeError when it does not answer.
    """
    process = subprocess.Popen(
        argv,
        env=environment,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(url):
            if time.monotonic() > deadline or process.poll() is not None:
                raise GilfreeError("the server started by hand does not answer", "run `gilfree bench` to see why")
            time.sleep(0.02)  # between two requests
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def shortened(scenario: Scenario, seconds: int) -> Scenario:
    """The scenario with only the first entry of its matrix, and measured windows of `seconds`."""
    first = scenario.model_copy(update={"matrix": scenario.matrix[:1]})
    return first.with_load(duration_seconds=seconds)


def slow_scenario(seconds: int) -> Scenario:
    """The scenario of the slow endpoint, served from SLOW_APP_DIRECTORY, with measured windows of `seconds`."""
    return Scenario.model_validate(
        {
            "name": "overhead-slow",
            "title": "10 ms of CPU an answer",
            "app": {"target": "slow:app", "interface": "asgi", "wrapped": True},
            "endpoints": {"slow": {"path": "/", "text": "done"}},
            "matrix": [{"endpoint": "slow", "connections": 12}],
            "load": {"warmup": 2, "duration": seconds},
        }
    )

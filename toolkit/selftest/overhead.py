"""What gilfree itself costs: the same server and load with its agents and without, in interleaved pairs.

Without means Granian and rewrk started as one would by hand, pinned to the same CPUs, with the same command lines and
the same warm-up. The ratio of requests/s inside a pair is the cost; the order inside a pair is random.
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

from toolkit.backends.local.backend import LocalBackend, free_port
from toolkit.backends.trial_agents import LOOPBACK
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.loadgen import rewrk
from toolkit.records.store import record
from toolkit.scenario.model import Scenario
from toolkit.servers import granian
from toolkit.trial.model import STOP_GRACE_SECONDS, Arm, Placement, Trial, load_threads, server_environment

TOO_WIDE = 0.02


@dataclass(frozen=True)
class Overhead:
    """Requests/s with agents over requests/s without: median and 95 % interval over `pairs`."""

    arm: str
    point: str
    pairs: int
    ratio: float
    low: float
    high: float
    with_agents_rps: tuple[float, ...]
    by_hand_rps: tuple[float, ...]

    @property
    def too_noisy(self) -> bool:
        """Whether the interval is too wide to say anything about 2 %."""
        return self.high - self.low > 2 * TOO_WIDE


def measure(scenario: Scenario, arm: Arm, backend: LocalBackend, rewrk_path: str, pairs: int, say: Say) -> Overhead:
    """Run the pairs at the scenario's first point. Raises GilfreeError when trials are rejected over and over."""
    backend.prepare(scenario, [arm])
    with_agents: list[float] = []
    by_hand: list[float] = []
    rejected = 0
    why: list[str] = []
    while len(with_agents) < pairs:
        trial = Trial("overhead", scenario, scenario.points()[0], len(with_agents), arm, 1 + rejected)
        runs: list[Callable[[], float | None]] = [
            lambda t=trial: _with_agents(t, backend, why),  # type: ignore[misc]
            lambda t=trial: _by_hand(t, backend, rewrk_path),  # type: ignore[misc]
        ]
        order = [0, 1]
        random.Random(f"overhead/{len(with_agents)}/{rejected}").shuffle(order)
        found: dict[int, float | None] = {which: runs[which]() for which in order}
        mine, theirs = found[0], found[1]
        if mine is None or theirs is None:
            rejected += 1
            say(f"pair {len(with_agents) + 1}: rejected, run again: {why[-1] if why else 'by hand nothing was served'}")
            if rejected > pairs:
                raise GilfreeError(f"{rejected} trials were rejected, the last: {why[-1:]}", "try on a quiet machine")
            continue
        with_agents.append(mine)
        by_hand.append(theirs)
        say(
            f"pair {len(with_agents)} of {pairs}: {mine:,.0f} req/s with agents, {theirs:,.0f} by hand: {mine / theirs:.3f}"
        )
    return _summary(trial, with_agents, by_hand)


def _summary(trial: Trial, with_agents: Sequence[float], by_hand: Sequence[float]) -> Overhead:
    from toolkit.analysis import stats

    estimate = stats.estimates([stats.log_ratios(list(with_agents), list(by_hand))])[0]
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


def _with_agents(trial: Trial, backend: LocalBackend, why: list[str]) -> float | None:
    one = record(trial, list(backend.run(trial, "here")))
    why += [f"{found.reason}: {found.detail}" for found in one.rejections[:1]]
    return one.metrics.requests_per_second if one.accepted else None


def _by_hand(trial: Trial, backend: LocalBackend, rewrk_path: str) -> float | None:
    """Granian and rewrk alone, as a careful person would start them."""
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
    scenario, point = trial.scenario, trial.point
    argv = granian.command(scenario, point, python=place.python, host=LOOPBACK, port=port, target=scenario.app.target)
    url = f"http://{LOOPBACK}:{port}{scenario.endpoints[point.endpoint].path}"
    with _server(argv, server_environment(trial, place), place.app_directory, cpus.server, url):
        result = None
        for seconds in (scenario.load.warmup_seconds, scenario.load.duration_seconds):
            command = rewrk.command(
                rewrk_path, url, connections=point.connections, threads=load_threads(trial, place), seconds=seconds
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
    """A server that answers, pinned; ended with all it started."""
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
            time.sleep(0.02)  # between one question and the next
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


def cut(scenario: Scenario, seconds: int) -> Scenario:
    """The scenario with its first point alone and short windows."""
    first = scenario.model_copy(update={"matrix": scenario.matrix[:1]})
    return first.with_load(duration_seconds=seconds)

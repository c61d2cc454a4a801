"""One trial, and what it comes down to: the two arguments that its agents are started with.

A backend decides where the two sides run (a `Placement`); what they are told is the same everywhere and made here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.loadgen import oha, rewrk
from toolkit.scenario.matrix import SERVER_SETTINGS
from toolkit.scenario.model import GranianSettings, Point, Scenario
from toolkit.servers import granian
from toolkit.trial.contract import TRIAL_VARIABLE

Role = Literal["gil", "free-threaded"]
Side = Literal["main", "reference", "again"]

READY_TIMEOUT_SECONDS = 60
STOP_GRACE_SECONDS = 5
VALIDATING_CONNECTIONS = 8
RUNTIME_SAMPLES_PER_WORKER = 8
"""Each is a fresh connection and the kernel spreads these over the workers' sockets by hash: 8 of 2 miss one in 1/128."""


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a variant, where it is to be had, and settings in which it differs.

    `runtime` is what the backend serves from: a Python executable (local) or an image (docker, kubernetes). `side`:
    what a campaign is about (main), what that is held against (reference), or a main arm a second time (A/A).
    """

    name: str
    role: Role
    runtime: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    side: Side = "main"


@dataclass(frozen=True)
class Window:
    """A stretch of load. `rate_rps`: requests sent at this constant rate (oha); None: as fast as answers come (rewrk)."""

    name: str
    seconds: int
    rate_rps: int | None = None
    measured: bool = True


@dataclass(frozen=True)
class Trial:
    """One fresh server at one point for one arm: warmed, loaded, stopped.

    `windows`: what comes after the warm-up, one after the other on the same server; empty: one as the scenario says.
    """

    campaign: str
    scenario: Scenario
    point: Point
    block: int
    arm: Arm
    attempt: int
    windows: tuple[Window, ...] = ()

    @property
    def load_windows(self) -> tuple[Window, ...]:
        """All windows in order: the warm-up, which sends as fast as answers come, then what is measured."""
        load = self.scenario.load
        own = Window("measure", load.duration_seconds, load.rate_rps)
        return (Window("warmup", load.warmup_seconds, measured=False), *(self.windows or (own,)))

    @property
    def seeks_rate(self) -> bool:
        """Whether a plan looks for the rate that the server bears: too high a rate is then a finding and no fault."""
        return any(window.rate_rps for window in self.windows)

    @property
    def longest_load_seconds(self) -> int:
        """How long all windows may take: a measured one without a rate is extended where answers are slow."""
        longest = self.scenario.load.max_seconds
        extended = [max(w.seconds, longest) if w.measured and not w.rate_rps else w.seconds for w in self.load_windows]
        return sum(extended) + len(extended)

    @property
    def served(self) -> tuple[Scenario, Point]:
        """Scenario and point as this arm's server is run: with the settings in which the arm differs."""
        return with_settings(self.scenario, self.point, self.arm.settings)

    @property
    def id(self) -> str:
        """Names containers, Jobs and logs: campaign, point, block, arm, attempt; at most 63 characters, DNS-safe.

        A hash stands in where that loses something: names that differ in case or signs alone stay different.
        """
        words = f"{self.campaign}-{self.point.key}-b{self.block}-{self.arm.name}-a{self.attempt}"
        plain = (letter if letter.isascii() and letter.isalnum() else "-" for letter in words.lower())
        name = "".join(plain).strip("-")
        if len(name) <= 63 and not _LOSSY.search(self.campaign) and not _LOSSY.search(self.arm.name.replace(".", "")):
            return name
        return f"{name[:50].rstrip('-')}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


_LOSSY = re.compile(r"[^-a-z0-9]|\A-|\A\Z")
"""What a name made of these words loses; of an arm's, such as 3.14t, it may lose the dots."""


def with_settings(scenario: Scenario, point: Point, settings: Mapping[str, Any]) -> tuple[Scenario, Point]:
    """A server's scenario and point under `settings`: names of the point (`threads`) or of Granian (`backlog`).

    Raises pydantic's ValidationError for a wrong value and KeyError for a name that is neither.
    """
    of_point = {name: value for name, value in settings.items() if name in SERVER_SETTINGS}
    of_granian = {name: value for name, value in settings.items() if name not in of_point}
    for name in of_granian:
        if name not in GranianSettings.model_fields:
            raise KeyError(name)
    granian_settings = GranianSettings.model_validate({**scenario.granian.model_dump(), **of_granian})
    changed = scenario.model_copy(update={"granian": granian_settings})
    return changed, Point.model_validate({**point.model_dump(), **of_point})


@dataclass(frozen=True)
class Placement:
    """Where a backend puts the two sides. `*_cpus` are None where a container's cpuset decides."""

    python: str
    app_directory: str
    agent_directory: str
    rewrk: str
    host: str
    port: int
    server_cpus: tuple[int, ...] | None
    load_cpus: tuple[int, ...] | None
    memory_watchdog: bool
    watch_stdin: bool
    oha: str = "/usr/local/bin/oha"


def serve_argument(trial: Trial, place: Placement) -> dict[str, Any]:
    """What `gilfree_agent serve` is told: see `toolkit.agent.serve.run`."""
    scenario, point = trial.served
    target = "gilfree_agent.wrap:app" if scenario.app.wrapped else scenario.app.target
    return {
        "trial": trial.id,
        "argv": granian.command(scenario, point, python=place.python, host=place.host, port=place.port, target=target),
        "env": server_environment(trial, place),
        "cwd": place.app_directory,
        "cpus": place.server_cpus,
        "host": place.host,
        "port": place.port,
        "path": scenario.endpoints[trial.point.endpoint].path,
        "ready_timeout_seconds": READY_TIMEOUT_SECONDS,
        "stop_grace_seconds": STOP_GRACE_SECONDS,
        "memory_limit_bytes": scenario.resources.server.memory_bytes if place.memory_watchdog else None,
        "watch_stdin": place.watch_stdin,
    }


def server_environment(trial: Trial, place: Placement) -> dict[str, str]:
    """The server's whole environment. It is small on purpose: a WSGI server copies it on every request."""
    app = trial.scenario.app
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        TRIAL_VARIABLE: trial.id,
    }
    threadpool = trial.served[1].threadpool or app.threadpool
    if app.interface == "asgi" and threadpool is not None:
        environment["GILFREE_THREADPOOL"] = str(threadpool)
    if app.wrapped:
        environment["GILFREE_APP"] = app.target
        environment["GILFREE_INTERFACE"] = app.interface
        environment["GILFREE_RUNTIME_PATH"] = app.runtime_path
        environment["PYTHONPATH"] = place.agent_directory
    return environment


def load_threads(trial: Trial, place: Placement) -> int:
    """Threads of the generator: what the scenario says, else one for each CPU that it has."""
    cpus = trial.scenario.resources.load.cpus
    own = len(place.load_cpus or ()) or (1 if cpus == "auto" else int(cpus))
    return trial.scenario.load.threads or max(1, own)


def load_argument(trial: Trial, place: Placement) -> dict[str, Any]:
    """What `gilfree_agent load` is told: see `toolkit.agent.load.run`."""
    scenario, point = trial.scenario, trial.point
    load, endpoint = scenario.load, scenario.endpoints[point.endpoint]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", TRIAL_VARIABLE: trial.id}
    if any(window.rate_rps for window in trial.load_windows):
        environment.update(oha.environment(load_threads(trial, place)))
    return {
        "trial": trial.id,
        "cpus": place.load_cpus,
        "env": environment,
        "host": place.host,
        "port": place.port,
        "probe": {"path": endpoint.path, "status": endpoint.status, **endpoint.expected()},
        "runtime_path": scenario.app.runtime_path,
        "runtime_samples": RUNTIME_SAMPLES_PER_WORKER * trial.served[1].workers,
        "validate": {
            "requests": load.validate_requests,
            "seconds": load.validate_seconds,
            "connections": VALIDATING_CONNECTIONS,
        },
        "windows": [_window(trial, place, window) for window in trial.load_windows],
        "watch_stdin": place.watch_stdin,
    }


def _window(trial: Trial, place: Placement, window: Window) -> dict[str, Any]:
    """A window as the agent takes it. One of a constant rate is as long as it is: nothing is dropped at its end."""
    path = trial.scenario.endpoints[trial.point.endpoint].path
    url, connections = f"http://{place.host}:{place.port}{path}", trial.point.connections
    if window.rate_rps:
        argv = oha.command(place.oha, url, connections=connections, rate_rps=window.rate_rps, seconds="{seconds}")
    else:
        threads = load_threads(trial, place)
        argv = rewrk.command(place.rewrk, url, connections=connections, threads=threads, seconds="{seconds}")
    return {
        "argv": argv,
        "max_seconds": trial.scenario.load.max_seconds,
        "latency_multiples": 0 if window.rate_rps else trial.scenario.limits.latency_multiples,
        "name": window.name,
        "seconds": window.seconds,
        "measured": window.measured,
    }

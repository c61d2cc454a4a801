"""A trial, and the JSON argument with which the agent of its server is started.

A backend decides where the two sides run (a `Placement`); their arguments are made here and in load_argument.py, the same
for all backends.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.scenario.matrix import SERVER_SETTINGS
from toolkit.scenario.model import App, GranianSettings, Point, Scenario
from toolkit.servers import granian
from toolkit.trial.contract import TRIAL_VARIABLE

Role = Literal["gil", "free-threaded"]
ArmKind = Literal["main", "reference", "again"]

READY_TIMEOUT_SECONDS = 60
STOP_GRACE_SECONDS = 5
FULL_LOAD_SECONDS = 1
"""How long every answer is validated at the load's connections, outside of the windows."""


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a variant, what serves it, and the settings in which it differs from the scenario.

    `runtime`: a Python executable (local) or an image (docker, kubernetes). `side`: an arm that the campaign is about
    (main), the baseline of one (reference), or a main arm a second time (again). campaign.json holds these words.
    """

    name: str
    role: Role
    runtime: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    side: ArmKind = "main"


@dataclass(frozen=True)
class Window:
    """A stretch of load. `rate_rps`: the constant rate (oha); None: as fast as answers arrive (rewrk).

    `sought`: whether a plan tries this rate to see if the server sustains it; otherwise it is the scenario's own.
    """

    name: str
    seconds: int
    rate_rps: int | None = None
    measured: bool = True
    sought: bool = True


@dataclass(frozen=True)
class Trial:
    """One new server for one arm at one point: started, warmed, loaded, stopped.

    `windows`: the windows after the warm-up, in order, on the same server; empty: one, as the scenario says.
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
        """All windows in order: the warm-up, as fast as answers arrive, then those that are measured."""
        load = self.scenario.load
        default = Window("measure", load.duration_seconds, load.rate_rps)
        return (Window("warmup", load.warmup_seconds, measured=False), *(self.windows or (default,)))

    @property
    def seeks_rate(self) -> bool:
        """Whether a plan searches for the highest rate the server sustains: too high a rate is then a result, no fault."""
        return any(window.rate_rps and window.sought for window in self.windows)

    @property
    def longest_load_seconds(self) -> int:
        """The most time that all windows may take: one without a rate is extended when answers are slow."""
        longest = self.scenario.load.max_seconds
        extended = [max(w.seconds, longest) if w.measured and not w.rate_rps else w.seconds for w in self.load_windows]
        return sum(extended) + len(extended) + FULL_LOAD_SECONDS

    @property
    def served(self) -> tuple[Scenario, Point]:
        """Scenario and point of this arm's server: the trial's, with the arm's own settings."""
        return with_settings(self.scenario, self.point, self.arm.settings)

    @property
    def id(self) -> str:
        """Campaign, point, block, arm and attempt as a DNS label; see `label`: names containers, Jobs, logs."""
        words = f"{self.campaign}-{self.point.key}-b{self.block}-{self.arm.name}-a{self.attempt}"
        return label(words, self.campaign, self.arm.name.replace(".", ""))


def label(words: str, *parts: str) -> str:
    """`words` as a DNS label of at most 63 characters.

    When the label alone would be ambiguous it ends in a hash: it is too long, or one of the `parts`, which are in it,
    holds what a label cannot keep (capitals, signs).
    """
    plain = (letter if letter.isascii() and letter.isalnum() else "-" for letter in words.lower())
    name = "".join(plain).strip("-")
    if len(name) <= 63 and not any(_LOSSY.search(part) for part in parts):
        return name
    return f"{name[:50].rstrip('-')}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


_LOSSY = re.compile(r"[^-a-z0-9]|\A-|\A\Z")
"""Characters that a DNS label cannot keep. The dots of an arm's name, such as 3.14t, may be dropped without ambiguity."""


def with_settings(scenario: Scenario, point: Point, settings: Mapping[str, Any]) -> tuple[Scenario, Point]:
    """Scenario and point with `settings` applied: settings of the point (`threads`) or of Granian (`backlog`).

    Raises pydantic's ValidationError for a wrong value and KeyError for a name that is neither.
    """
    point_settings = {name: value for name, value in settings.items() if name in SERVER_SETTINGS}
    server_settings = {name: value for name, value in settings.items() if name not in point_settings}
    for name in server_settings:
        if name not in GranianSettings.model_fields:
            raise KeyError(name)
    granian_settings = GranianSettings.model_validate({**scenario.granian.model_dump(), **server_settings})
    changed = scenario.model_copy(update={"granian": granian_settings})
    return changed, Point.model_validate({**point.model_dump(), **point_settings})


@dataclass(frozen=True)
class Placement:
    """Where a backend runs the two sides: paths, address and CPUs. `*_cpus`: None where a container's cpuset decides."""

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


def serve_argument(trial: Trial, placement: Placement) -> dict[str, Any]:
    """The argument of `gilfree_agent serve`, as `toolkit.agent.serve.run` documents it."""
    scenario, point = trial.served
    target = "gilfree_agent.wrap:app" if scenario.app.wrapped else scenario.app.target
    return {
        "trial": trial.id,
        "argv": granian.command(
            scenario, point, python=placement.python, host=placement.host, port=placement.port, target=target
        ),
        "env": server_environment(trial, placement),
        "cwd": placement.app_directory,
        "cpus": placement.server_cpus,
        "host": placement.host,
        "port": placement.port,
        "path": scenario.endpoints[trial.point.endpoint].path,
        "ready_timeout_seconds": READY_TIMEOUT_SECONDS,
        "stop_grace_seconds": STOP_GRACE_SECONDS,
        "memory_limit_bytes": scenario.resources.server.memory_bytes if placement.memory_watchdog else None,
        "watch_stdin": placement.watch_stdin,
    }


def server_environment(trial: Trial, placement: Placement) -> dict[str, str]:
    """The server's whole environment. It is deliberately small: a WSGI server copies it for every request."""
    app = trial.scenario.app
    threadpool = trial.served[1].threadpool or app.threadpool
    environment = app_environment(app, threadpool, {TRIAL_VARIABLE: trial.id})
    if app.wrapped:
        environment["GILFREE_APP"] = app.target
        environment["GILFREE_INTERFACE"] = app.interface
        environment["GILFREE_RUNTIME_PATH"] = app.runtime_path
        environment["PYTHONPATH"] = placement.agent_directory
    return environment


def app_environment(app: App, threadpool: int | None = None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What an app finds in its environment in every trial. more: what only this trial adds."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(more or {}),
    }
    if app.interface == "asgi" and threadpool is not None:
        environment["GILFREE_THREADPOOL"] = str(threadpool)
    return environment

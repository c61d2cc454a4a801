"""The table of backends: the one place where `--backend` becomes a backend that is ready for campaigns.

Locally an arm's runtime is a Python executable; on Docker and Kubernetes it is an image, by id or digest and never by a
tag, which may move. Each backend is one module with two functions, `prepare` and `reopen`. It is imported only when it is
used, because the packages docker and kubernetes are optional.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from toolkit.backends import Backend
from toolkit.bench.request import BackendOptions, BenchRequest, PreparedBackend
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm

_MODULES = {
    "local": "toolkit.bench.local",
    "docker": "toolkit.bench.docker",
    "kubernetes": "toolkit.bench.kubernetes",
}


class _BackendModule(Protocol):
    """The functions of a backend's module."""

    def prepare(self, request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
        """Make everything ready that trials of these scenarios need."""
        ...

    def reopen(
        self, description: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None
    ) -> Backend:
        """The backend of a run that was started earlier, from its campaign.json."""
        ...

    def identity(self, description: Mapping[str, Any], arms: Sequence[Arm], backend: Any) -> dict[str, Any]:
        """What all trials of a run must share, JSON-ready; `backend` is the one that `prepare` or `reopen` made."""
        ...

    def cpu_sets(self, scenario: Scenario, backend: Any) -> dict[str, tuple[int, ...]]:
        """The CPUs of `server` and `load` in trials of this scenario."""
        ...


def check_backend(name: str) -> None:
    """Raises GilfreeError for a name that is not a backend's."""
    if name not in _MODULES:
        raise GilfreeError(f"there is no backend {name!r}", f"take {', '.join(_MODULES)}")


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """The requested backend, ready for these scenarios. Raises GilfreeError naming what is missing and how to get it."""
    check_backend(request.options.backend)
    if request.port is not None and request.options.backend != "local":
        raise GilfreeError("--port: a container's ports are its own", "omit it; it is for BACKEND=local")
    return _module(request.options.backend).prepare(request, scenarios, say)


def reopen(description: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None) -> Backend:
    """The backend of a run that is resumed, from its campaign.json. Raises GilfreeError when what it needs is gone.

    Runs of earlier versions do not name their backend: they were local.
    """
    return _module(str(description.get("backend", "local"))).reopen(description, arms, options, port)


def identity(description: Mapping[str, Any], arms: Sequence[Arm], backend: Backend) -> dict[str, Any]:
    """What all trials of a run must share: machine, interpreters, packages, agent, by name. JSON-ready; campaign.json keeps
    it, and a run whose identity has changed is not continued.
    """
    return _module(str(description.get("backend", "local"))).identity(description, arms, backend)


def cpu_sets(description: Mapping[str, Any], scenario: Scenario, backend: Backend) -> dict[str, tuple[int, ...]]:
    """The CPUs that `server` and `load` get in trials of this scenario now."""
    return _module(str(description.get("backend", "local"))).cpu_sets(scenario, backend)


def _module(name: str) -> _BackendModule:
    return cast(_BackendModule, import_module(_MODULES[name]))

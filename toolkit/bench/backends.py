"""The table of backends: the one place where `--backend` becomes a backend that is ready for campaigns.

Locally arms are Python executables; on Docker and Kubernetes they are images, by id or digest, never by a moving tag.
A backend is one module with two functions, `prepare` and `reopen`, imported only when it is asked for: docker and
kubernetes are optional packages.
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


class _Module(Protocol):
    """What a backend's module offers."""

    def prepare(self, request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
        """Make everything ready that trials of these scenarios need there."""
        ...

    def reopen(
        self, about: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None
    ) -> Backend:
        """The backend of a run that was started before."""
        ...


def check_backend(name: str) -> None:
    """Raises GilfreeError for a name that is no backend."""
    if name not in _MODULES:
        raise GilfreeError(f"there is no backend {name!r}", f"take {', '.join(_MODULES)}")


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """The backend that was asked for, ready for these scenarios. Raises GilfreeError for what cannot be had."""
    check_backend(request.options.backend)
    if request.port is not None and request.options.backend != "local":
        raise GilfreeError("--port: a container's ports are its own", "omit it; it is for BACKEND=local")
    return _module(request.options.backend).prepare(request, scenarios, say)


def reopen(about: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None) -> Backend:
    """The backend to go on with, from what campaign.json holds. Raises GilfreeError when what it needs is gone.

    Runs of earlier versions do not name their backend: they were local.
    """
    return _module(str(about.get("backend", "local"))).reopen(about, arms, options, port)


def _module(name: str) -> _Module:
    return cast(_Module, import_module(_MODULES[name]))

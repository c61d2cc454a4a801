"""What is here and what is missing: one small check for each thing that a run needs, in the order of need."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.host import facts
from toolkit.host.confinement import confine
from toolkit.host.cpus import physical_cores, split_cpus
from toolkit.loadgen import binaries
from toolkit.pythons.build import BUILD_NEEDS
from toolkit.pythons.find import pair_at_hand
from toolkit.pythons.lock import LockedSeries
from toolkit.pythons.pair import Pair
from toolkit.pythons.uv import run_uv
from toolkit.setup.needs import Need
from toolkit.setup.packages import missing_needs, root_prefix

State = Literal["here", "to be made", "missing", "optional"]
"""here; made by the command that needs it; to be fixed by the user; missing, but no run on this machine needs it."""

NEEDED_BYTES = 2 << 30
"""Free space that building a pair needs: its peak and some more."""

ASK_TIMEOUT_SECONDS = 3


@dataclass(frozen=True)
class MachineCheck:
    """One thing that a run needs, and its state here. `remedy` is what to do when it is not here."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def checks(entry: LockedSeries, pair: Pair | None) -> list[MachineCheck]:
    """Checks of everything that measuring on this machine needs, then of what other backends need.

    entry: the series to measure. pair: as `pair_here` found it.
    """
    return [
        _attempt("system", system),
        _attempt("CPUs", cpus),
        _attempt("memory limit", limit),
        _attempt("space for builds", space),
        _attempt("uv", uv_itself),
        interpreters(entry, pair),
        _attempt("to build CPython", lambda: build_needs("to build CPython", BUILD_NEEDS, needed=pair is None)),
        *generator("rewrk", "a run builds it with cargo, in a minute"),
        *generator("oha", "`gilfree knee` builds it with cargo, in minutes; nothing else needs it"),
        _attempt("Docker", docker, "optional"),
        _attempt("Kubernetes", kubernetes, "optional"),
    ]


def _attempt(name: str, check: Callable[[], MachineCheck], otherwise: State = "missing") -> MachineCheck:
    """The check, or why it failed: a check that raises must not hide the others."""
    try:
        return check()
    except GilfreeError as error:
        return MachineCheck(name, otherwise, error.message, error.remedy)
    except OSError as error:
        return MachineCheck(name, otherwise, f"could not be checked: {error}")


def system() -> MachineCheck:
    """Linux, and the Python that runs the toolkit."""
    detail = f"{facts.distribution() or platform.system()}, {platform.machine()}, Python {platform.python_version()}"
    if sys.platform != "linux":
        return MachineCheck(
            "system", "missing", detail, "use a Linux machine: CPU pinning and memory are read from its kernel"
        )
    return MachineCheck("system", "here", detail)


def cpus() -> MachineCheck:
    """Whether server and loader can each have a core of their own."""
    cores = physical_cores()
    parts = split_cpus(cores, "auto", 1)
    shares = f"{len(cores)} physical, server {len(parts.server)}, loader {len(parts.load)}"
    governor = facts.governor()
    slow = [f"frequency governor is {governor}, not performance"] if governor not in (None, "performance") else []
    return MachineCheck("CPUs", "here", "; ".join([shares, *parts.caveats, *slow]))


def limit() -> MachineCheck:
    """How a memory limit would be enforced: one is made and removed."""
    made = confine(f"doctor-{os.getpid()}", NEEDED_BYTES, None)
    made.remove()
    return MachineCheck("memory limit", "here", made.kind)


def space() -> MachineCheck:
    """Room in the cache for building a pair."""
    folder = paths.cache()
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):.1f} GiB free in {folder}"
    if free < NEEDED_BYTES:
        return MachineCheck(
            "space for builds",
            "missing",
            f"{detail}, a build takes up to {NEEDED_BYTES >> 30}",
            "free some, or set XDG_CACHE_HOME to a folder with more",
        )
    return MachineCheck("space for builds", "here", detail)


def uv_itself() -> MachineCheck:
    """uv, which makes the environments."""
    return MachineCheck("uv", "here", run_uv(["--version"], timeout_seconds=30).strip())


def pair_here(entry: LockedSeries) -> Pair | None:
    """A pair that is here already, built earlier or downloaded by uv, or None. Nothing is built or downloaded.

    One that is damaged counts as absent: a run passes it over.
    """
    return pair_at_hand(entry, "fast", lambda words: None)


def interpreters(entry: LockedSeries, pair: Pair | None) -> MachineCheck:
    """Whether there is a pair: `pair`, as `pair_here` found it."""
    name = f"pair {entry.version} and {entry.version}t"
    if pair is None:
        return MachineCheck(
            name, "to be made", "not in the cache", "`gilfree pythons` downloads or builds it; a run does too"
        )
    return MachineCheck(name, "here", "; ".join([f"{pair.profile}, {pair.origin}", *pair.notes]))


def build_needs(name: str, needs: Sequence[Need], *, needed: bool) -> MachineCheck:
    """System packages for a build. needed: whether something still has to be built."""
    absent = missing_needs(needs)
    required = [need.package for need in absent if not need.optional]
    if not required:
        without = f"; without {', '.join(need.package for need in absent)} (not required)" if absent else ""
        cargo = "cargo, " if any(need.command == "cargo" for need in needs) else ""
        return MachineCheck(name, "here", f"{cargo}compiler and headers{without}")
    detail = f"not installed: {' '.join(required)}"
    command = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(required)}"
    if not needed:
        return MachineCheck(name, "optional", f"{detail}; not needed now", f"run as root: {command}")
    if shutil.which("apt-get") and root_prefix() is not None:
        return MachineCheck(name, "to be made", f"{detail}; installed when needed", f"or run as root: {command}")
    return MachineCheck(name, "missing", detail, f"run as root: {command}")


def generator(name: str, made: str) -> list[MachineCheck]:
    """A load generator, and what building it needs when it is not here. made: how it comes here, as a remedy."""
    refused: list[str] = []
    pin = binaries.pinned(name)
    found = binaries.find_binary(name, refused.append)
    if found is not None:
        return [MachineCheck(name, "here", f"{found.version}, {found.path}")]
    built = MachineCheck(name, "to be made", "; ".join(["not in the cache", *refused]), made)
    needs = _attempt(
        f"to build {name}", lambda: build_needs(f"to build {name}", binaries.BUILD_NEEDS, needed=name == "rewrk")
    )
    return [built, needs, *cargo_too_old(pin["cargo"], name)]


def cargo_too_old(needed: str, name: str = "rewrk") -> list[MachineCheck]:
    """A check only when a cargo is here that is too old to build the load generator; else none."""
    from packaging.version import Version

    found = binaries.cargo_version()
    if found is None or found >= Version(needed):
        return []
    remedy = "install Rust with rustup (https://rustup.rs), or use Debian 13 or newer"
    state: State = "missing" if name == "rewrk" else "optional"
    return [MachineCheck(f"cargo for {name}", state, f"{found}; {needed} or newer is needed", remedy)]


def docker() -> MachineCheck:
    """Whether BACKEND=docker and images would work."""
    if _optional("docker") is None:
        return _not_installed("Docker", "docker")
    from toolkit.engine.client import connected

    try:
        with connected(ASK_TIMEOUT_SECONDS) as client:
            return MachineCheck("Docker", "here", f"engine {client.version()['Version']}")
    except GilfreeError as error:
        return MachineCheck(
            "Docker", "optional", error.message, f"{error.remedy}; only images and BACKEND=docker need an engine"
        )


def kubernetes() -> MachineCheck:
    """Whether BACKEND=kubernetes would find a cluster."""
    if _optional("kubernetes") is None:
        return _not_installed("Kubernetes", "kubernetes")
    client, config = (importlib.import_module(f"kubernetes.{part}") for part in ("client", "config"))
    retry = importlib.import_module("urllib3.exceptions")
    remedy = "set KUBECONFIG; only BACKEND=kubernetes needs it"
    settings = client.Configuration()
    try:
        config.load_kube_config(client_configuration=settings)
        _, active = config.list_kube_config_contexts()
        settings.retries = False
        version = client.VersionApi(client.ApiClient(settings)).get_code(_request_timeout=ASK_TIMEOUT_SECONDS)
    except config.ConfigException as error:
        return MachineCheck("Kubernetes", "optional", f"no cluster is configured: {_first_line(error)}", remedy)
    except (client.ApiException, retry.HTTPError) as error:
        return MachineCheck("Kubernetes", "optional", f"the cluster does not answer: {_first_line(error)}", remedy)
    return MachineCheck("Kubernetes", "here", f"{version.git_version}, context {active['name']}")


def _optional(module: str) -> Any:
    """A module that belongs to an extra of gilfree; None when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _not_installed(name: str, extra: str) -> MachineCheck:
    return MachineCheck(name, "optional", "its Python package is not installed", f'pip install "gilfree[{extra}]"')


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]

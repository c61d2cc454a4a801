"""The pinned binaries of the load generators: found in the cache or on PATH, else built with cargo.

rewrk 0.3.2 reports that it is 0.3.1, so a binary's name or its `--version` proves nothing; cargo's own record of what it
installed does. A binary without such a record is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from toolkit import paths
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.setup import needs
from toolkit.setup.building import build_lock, last_lines, remove_leftovers, run_logged
from toolkit.setup.needs import Need
from toolkit.setup.packages import ensure_packages

BUILD_NEEDS = needs.LOAD_GENERATORS
"""System packages that building one needs."""

SPARSE_INDEX = Version("1.70")
"""From this version on cargo reads the index of its registry without GitHub."""

PROGRESS_SECONDS = 15

NEWER_CARGO = "install Rust with rustup (https://rustup.rs); on Debian 12 cargo-web is new enough, on 13 cargo is"


@dataclass(frozen=True)
class Binary:
    """A load generator whose version is proven. `how` it was found: `cache`, `PATH` or `built`."""

    name: str
    version: str
    path: str
    sha256: str
    how: str

    def describe(self) -> dict[str, Any]:
        """JSON-ready, as campaign.json holds it."""
        return asdict(self)


def pinned(name: str) -> dict[str, str]:
    """`version`, and the oldest `cargo` that builds it, of a load generator, from images/load/tools.toml."""
    found: dict[str, dict[str, str]] = tomllib.loads((paths.shipped("images") / "load" / "tools.toml").read_text())
    return found[name]


def pinned_versions() -> dict[str, dict[str, str]]:
    """By generator what campaign.json holds of those in a load image, which are built as pinned."""
    return {name: {"name": name, "version": pinned(name)["version"]} for name in ("rewrk", "oha")}


def find_binary(name: str, say: Say) -> Binary | None:
    """The pinned binary from the cache or PATH; None when it has to be built.

    `say` is given the reason for each binary on PATH that is refused.
    """
    version = pinned(name)["version"]
    cached = _folder(name, version) / "root" / "bin" / name
    if installed_version(cached, name) == version and starts(cached):
        return _binary(name, version, cached, "cache")
    for folder in os.get_exec_path():
        on_path = Path(folder, name)
        if not os.access(on_path, os.X_OK) or on_path.is_dir():
            continue
        found = installed_version(on_path, name)
        if found == version and starts(on_path):
            return _binary(name, version, on_path, "PATH")
        if found == version:
            reason = "it does not start"
        else:
            reason = f"cargo installed it as {found}" if found else "it has no record of its version"
        say(f"{name}: {on_path} is not used: {reason}; gilfree needs {version}")
    return None


def needs_of(name: str) -> tuple[Need, ...]:
    """System packages that getting the binary needs; none when it is in the cache or on PATH."""
    return () if find_binary(name, lambda _: None) else _build_needs(Version(pinned(name)["cargo"]))


def ensure_binary(name: str, say: Say) -> Binary:
    """The pinned binary, built when it is neither in the cache nor on PATH.

    Raises GilfreeError when the system lacks packages or a new enough cargo, or with the log's last lines when the build
    fails.
    """
    found = find_binary(name, say)
    if found is not None:
        say(f"{name}: {found.version} from the cache" if found.how == "cache" else f"{name}: {found.path}")
        return found
    pin = pinned(name)
    oldest = Version(pin["cargo"])
    ensure_packages(_build_needs(oldest), f"to build {name}", say)
    return _build(name, pin["version"], _cargo_for(name, oldest), say)


def starts(binary: Path) -> bool:
    """Whether the binary runs here. One built before an upgrade of the system may lack libraries; its record does not show it."""
    try:
        done = subprocess.run([str(binary), "--version"], capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def installed_version(binary: Path, name: str) -> str | None:
    """The version that cargo recorded alongside the binary's folder; None without a record of this file."""
    record = binary.resolve().parent.parent / ".crates2.json"
    try:
        installs: dict[str, Any] = json.loads(record.read_text())["installs"]
    except (OSError, ValueError, KeyError):
        return None
    for key, value in installs.items():
        crate, version, *_ = key.split(" ")
        if crate == name and name in value.get("bins", ()):
            return str(version)
    return None


def cargo_version(cargo: str = "cargo") -> Version | None:
    """The version of a cargo, by default of the one on PATH; None when it cannot be run."""
    try:
        done = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"cargo (\d+\.\d+\.\d+)", done.stdout)
    return Version(match[1]) if match else None


def find_cargo(oldest: Version) -> str | None:
    """A cargo of at least version `oldest`: on PATH, else where rustup puts it (PATH has that only after the next login)."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for cargo in ("cargo", str(home / "bin" / "cargo")):
        version = cargo_version(cargo)
        if version is not None and version >= oldest:
            return cargo
    return None


def _build_needs(oldest: Version) -> tuple[Need, ...]:
    """The packages, without cargo's when a new enough cargo is here; some of them may be installed already."""
    return tuple(need for need in BUILD_NEEDS if need is not needs.CARGO or find_cargo(oldest) is None)


def _cargo_for(name: str, oldest: Version) -> str:
    cargo = find_cargo(oldest)
    if cargo is None:
        raise GilfreeError(
            f"{name} needs cargo {oldest} or newer, here is {cargo_version() or 'none that runs'}", NEWER_CARGO
        )
    return cargo


def _folder(name: str, version: str) -> Path:
    return paths.cache("tools") / "-".join([name, version, platform.machine(), *platform.libc_ver()])


def _binary(name: str, version: str, path: Path, how: str) -> Binary:
    return Binary(name, version, str(path.resolve()), hashlib.sha256(path.read_bytes()).hexdigest(), how)


def _build(name: str, version: str, cargo: str, say: Say) -> Binary:
    folder = _folder(name, version)
    folder.mkdir(exist_ok=True)
    root, log = folder / "root", paths.cache("logs") / f"{name}-{version}.log"
    remove_leftovers(folder, ("root",))
    with build_lock(folder, name, say):
        if installed_version(root / "bin" / name, name) != version or not starts(root / "bin" / name):
            _install(name, version, cargo, root, log, say)
    return _binary(name, version, root / "bin" / name, "built")


def _install(name: str, version: str, cargo: str, root: Path, log: Path, say: Say) -> None:
    say(f"{name}: building {version} with cargo install (a minute or more), log: {log}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="build-", dir=root.parent, ignore_cleanup_errors=True) as scratch:
        staged = Path(scratch, "root")
        command = [cargo, "install", name, "--version", version, "--locked", "--root", str(staged)]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(Path(scratch, "target"))}
        if run_logged(command, Path(scratch), environment, log, _CrateProgress(name, say)):
            old = (cargo_version(cargo) or SPARSE_INDEX) < SPARSE_INDEX
            raise GilfreeError(
                f"`{' '.join(command[:6])}` failed; {log} ends with\n    {last_lines(log)}",
                f"this cargo is old and needs GitHub: {NEWER_CARGO}"
                if old
                else "fix it, then run the same command again",
            )
        shutil.rmtree(root, ignore_errors=True)
        staged.rename(root)
    say(f"{name}: built in {time.monotonic() - started:.0f} s")


class _CrateProgress:
    """Reports every 15 seconds how many crates cargo has begun to compile; called with each line of its output."""

    def __init__(self, name: str, say: Say) -> None:
        self._name, self._say = name, say
        self._count, self._last_seconds = 0, 0.0

    def __call__(self, line: str, seconds: float) -> None:
        self._count += line.lstrip().startswith("Compiling ")
        if seconds - self._last_seconds >= PROGRESS_SECONDS:
            self._last_seconds = seconds
            self._say(f"{self._name}: {self._count} crates ({seconds:.0f} s)")

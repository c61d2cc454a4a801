"""The pinned load generators: found in the cache or on PATH, else built with cargo.

rewrk 0.3.2 says of itself that it is 0.3.1, so what a binary is called or answers proves nothing: cargo's own record of
what it installed does. A binary without it is not used.
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
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.setup.packages import Need, ensure_packages

Say = Callable[[str], None]

BUILD_NEEDS = (
    Need("cargo", command="cargo"),
    Need("gcc", command="cc"),
    Need("pkg-config", command="pkg-config"),
    Need("libc6-dev", header="stdio.h"),
    Need("libssl-dev", header="openssl/ssl.h"),
)


@dataclass(frozen=True)
class Tool:
    """A load generator that is what it is taken for. `how`: `cache`, `PATH` or `built`."""

    name: str
    version: str
    path: str
    sha256: str
    how: str

    def describe(self) -> dict[str, Any]:
        """As campaign.json holds it."""
        return asdict(self)


def pinned(name: str) -> dict[str, str]:
    """Version and oldest cargo of a tool, from images/load/tools.toml."""
    found: dict[str, dict[str, str]] = tomllib.loads((paths.shipped("images") / "load" / "tools.toml").read_text())
    return found[name]


def find_tool(name: str, say: Say) -> Tool | None:
    """The pinned tool from the cache or PATH; None when it has to be built, after saying why one on PATH is refused."""
    version = pinned(name)["version"]
    cached = _folder(name, version) / "bin" / name
    if cached.exists() and installed_version(cached, name) == version:
        return _tool(name, version, cached, "cache")
    on_path = shutil.which(name)
    if on_path is None:
        return None
    found = installed_version(Path(on_path), name)
    if found == version:
        return _tool(name, version, Path(on_path), "PATH")
    what = f"cargo installed it as {found}" if found else "nothing tells which version it is"
    say(f"{name}: {on_path} is not used: {what}, needed is {version}")
    return None


def ensure_tool(name: str, say: Say) -> Tool:
    """The pinned tool, built when it is not there. Raises GilfreeError with the log's last lines when that fails."""
    found = find_tool(name, say)
    if found is not None:
        say(f"{name}: {found.version} from the {found.how}" if found.how == "cache" else f"{name}: {found.path}")
        return found
    pin = pinned(name)
    ensure_packages(BUILD_NEEDS, f"to build {name}", say)
    _check_cargo(name, pin["cargo"])
    return _build(name, pin["version"], say)


def installed_version(binary: Path, name: str) -> str | None:
    """The version that cargo recorded beside the folder the binary is in; None without a record of this very file."""
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


def cargo_version() -> Version | None:
    """The version of the cargo on PATH; None when there is none that answers."""
    try:
        done = subprocess.run(["cargo", "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"cargo (\d+\.\d+\.\d+)", done.stdout)
    return Version(match[1]) if match else None


def _check_cargo(name: str, needed: str) -> None:
    found = cargo_version()
    if found is None or found < Version(needed):
        raise GilfreeError(
            f"{name} needs cargo {needed} or newer, here is {found or 'none that answers'}",
            "install Rust with rustup (https://rustup.rs), or use Debian 13 or newer",
        )


def _folder(name: str, version: str) -> Path:
    return paths.cache("tools") / f"{name}-{version}-{platform.machine()}"


def _tool(name: str, version: str, path: Path, how: str) -> Tool:
    return Tool(name, version, str(path.resolve()), hashlib.sha256(path.read_bytes()).hexdigest(), how)


def _build(name: str, version: str, say: Say) -> Tool:
    folder = _folder(name, version)
    log = paths.cache("logs") / f"{name}-{version}.log"
    say(f"{name}: building {version} with cargo install (about a minute), log: {log}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=folder.parent) as scratch:
        root = Path(scratch, "root")
        command = ["cargo", "install", name, "--version", version, "--locked", "--root", str(root)]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(Path(scratch, "target"))}
        with log.open("w") as file:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
            try:
                code = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
        if code:
            last = "\n    ".join(log.read_text(errors="replace").splitlines()[-15:])
            raise GilfreeError(
                f"`{' '.join(command[:5])}` failed; {log} ends with\n    {last}",
                "mend it and run the same command again",
            )
        shutil.rmtree(folder, ignore_errors=True)
        root.rename(folder)
    say(f"{name}: built in {time.monotonic() - started:.0f} s")
    return _tool(name, version, folder / "bin" / name, "built")

"""System packages: whether what they bring is there, and the one command that installs those that are missing.

Asked for at the moment of need (before CPython or rewrk is built), never up front: with a cached or downloaded pair no
compiler is needed. Standard library only (and toolkit.errors), since the bootstrap uses it too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.setup.needs import FEDORA, Need

LOCK_TIMEOUT_SECONDS = 300
"""How long to wait for another apt: a machine that has just started often updates itself first."""

KEPT_BY_SUDO = ("http_proxy", "https_proxy", "no_proxy")
"""sudo empties the environment; without its proxy apt reaches nothing."""


def met(need: Need) -> bool:
    """Whether what the package brings is there, wherever it came from."""
    if need.command:
        return shutil.which(need.command) is not None
    if need.module:
        code = f"import {need.module}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    if need.file:
        return Path(need.file).exists()
    folders = [Path("/usr/include"), Path("/usr/local/include"), *Path("/usr/include").glob("*-linux-*")]
    return any((folder / need.header).exists() for folder in folders)


def missing(needs: Sequence[Need]) -> list[Need]:
    """Those of the needs that are not met, each package once."""
    found = {need.package: need for need in needs if not met(need)}
    return list(found.values())


def install_command(packages: Sequence[str]) -> list[str]:
    """How Debian's apt is told to install packages and nothing that they merely recommend."""
    wait = ["-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT_SECONDS}"]
    return ["apt-get", *wait, "install", "--yes", "--no-install-recommends", *packages]


def command_for_user(packages: Sequence[str], *, sudo: bool) -> str:
    """The one line that a user without our rights can paste, or hand to whoever has them."""
    both = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(packages)}"
    return f"sudo sh -c '{both}'" if sudo else f"su -c '{both}'"


def refusal(why: str, absent: Sequence[Need], later: Sequence[Need], manager: str, *, sudo: bool) -> GilfreeError:
    """What to tell who has to install: what is needed now, and one command that also covers what comes after it."""
    names = [need.package for need in absent]
    more = [need.package for need in later if need.package not in names]
    now = [need.package for need in absent if not need.optional]
    message = f"{why}, these system packages are needed: {' '.join(now)}"
    if more:
        message += f"\n  (the command also names what the steps after it may need: {' '.join(more)})"
    if manager == "apt-get":
        return GilfreeError(message, command_for_user(names + more, sudo=sudo))
    if manager == "dnf":
        known = [FEDORA.get(name, name) for name in names + more if not name.endswith("-venv")]
        return GilfreeError(message, f"{'sudo ' if sudo else ''}dnf install {' '.join(known)}")
    return GilfreeError(
        f"{message} (Debian's names)", "install what your distribution calls these, then run the same command again"
    )


def ensure_packages(needs: Sequence[Need], why: str, say: Say, later: Sequence[Need] = ()) -> None:
    """Install what is missing as root or with passwordless sudo. Else raises GilfreeError with the exact command.

    `later` is what the steps to come will ask for: named in that command, so that a user has to run one and not three.
    """
    absent = missing(needs)
    required = [need for need in absent if not need.optional]
    prefix = privileged()
    manager = next((name for name in ("apt-get", "dnf") if shutil.which(name)), "")
    if manager != "apt-get" or prefix is None:
        if required:
            raise refusal(why, absent, missing(later), manager, sudo=shutil.which("sudo") is not None)
        return
    if not absent:
        return
    say(f"system packages {why}: installing {' '.join(need.package for need in absent)}")
    started = time.monotonic()
    _install([need.package for need in absent], prefix, tolerant=not required)
    still = [need.package for need in missing(needs) if not need.optional]
    if still:
        raise GilfreeError(f"installed, but not usable: {' '.join(still)}", "look at PATH and /usr/include")
    say(f"system packages: ready after {time.monotonic() - started:.0f} s")


def privileged() -> list[str] | None:
    """What to put before a command that needs root: nothing, `sudo -n`, or None when neither is possible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    # Not on a terminal of ours: sudo must not ask for a password.
    asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return ["sudo", "-n"] if asked.returncode == 0 else None


def as_root(prefix: Sequence[str], command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command with what it needs of the environment in front, where sudo leaves it."""
    proxies = {key: value for key, value in environment.items() if key.lower() in KEPT_BY_SUDO}
    given = {"DEBIAN_FRONTEND": "noninteractive", **proxies}
    return [*prefix, "env", *(f"{key}={value}" for key, value in given.items()), *command]


def _install(packages: Sequence[str], prefix: Sequence[str], *, tolerant: bool) -> None:
    words = ""
    for command in (["apt-get", "update"], install_command(packages)):
        done = subprocess.run(
            as_root(prefix, command, os.environ), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        # An update may fail for one foreign archive and serve for all others, so only the installation decides.
        words += done.stderr.strip()[-800:] + "\n" if done.returncode else ""
    if done.returncode and not tolerant:
        raise GilfreeError(
            f"`{shlex.join(install_command(packages))}` failed:\n{words.strip()}",
            "mend apt, then run the same command again",
        )

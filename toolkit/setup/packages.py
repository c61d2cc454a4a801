"""System packages: whether they are installed, and the one command that installs those that are missing.

They are checked when they are needed (before CPython or rewrk is built), not earlier: with a cached or downloaded pair no
compiler is needed. Standard library only (and toolkit.errors), since bootstrap.py uses it too.
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
"""How long apt waits for another apt: a machine that has just started often updates itself first."""

KEPT_BY_SUDO = ("http_proxy", "https_proxy", "no_proxy")
"""sudo removes these from the environment, but apt needs them where there is a proxy."""


def is_met(need: Need) -> bool:
    """Whether what the package provides is there, whichever way it was installed."""
    if need.command:
        return shutil.which(need.command) is not None
    if need.module:
        code = f"import {need.module}"
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    if need.file:
        return Path(need.file).exists()
    folders = [Path("/usr/include"), Path("/usr/local/include"), *Path("/usr/include").glob("*-linux-*")]
    return any((folder / need.header).exists() for folder in folders)


def missing_needs(needs: Sequence[Need]) -> list[Need]:
    """The needs that are not met, each package once."""
    found = {need.package: need for need in needs if not is_met(need)}
    return list(found.values())


def install_command(packages: Sequence[str]) -> list[str]:
    """The command for Debian's apt that installs packages without those that they merely recommend."""
    wait = ["-o", f"DPkg::Lock::Timeout={LOCK_TIMEOUT_SECONDS}"]
    return ["apt-get", *wait, "install", "--yes", "--no-install-recommends", *packages]


def command_for_user(packages: Sequence[str], *, sudo: bool) -> str:
    """The one line that installs packages, for a user to run with sudo, else as root (or to pass to an administrator)."""
    both = f"apt-get update && apt-get install --yes --no-install-recommends {' '.join(packages)}"
    return f"sudo sh -c '{both}'" if sudo else f"su -c '{both}'"


def missing_packages_error(
    purpose: str, absent: Sequence[Need], later: Sequence[Need], manager: str, *, sudo: bool
) -> GilfreeError:
    """The error for packages that the user has to install; its remedy is one command that also covers `later`.

    purpose: begins the message (`to build CPython 3.14.7`). manager: `apt-get`, `dnf` or empty for any other.
    """
    names = [need.package for need in absent]
    more = [need.package for need in later if need.package not in names]
    now = [need.package for need in absent if not need.optional]
    message = f"{purpose}, these system packages are needed: {' '.join(now)}"
    if more:
        message += f"\n  (the command also has what later steps may need: {' '.join(more)})"
    if manager == "apt-get":
        return GilfreeError(message, command_for_user(names + more, sudo=sudo))
    if manager == "dnf":
        known = [FEDORA.get(name, name) for name in names + more if not name.endswith("-venv")]
        return GilfreeError(message, f"{'sudo ' if sudo else ''}dnf install {' '.join(known)}")
    return GilfreeError(
        f"{message} (Debian's names)",
        "install the packages that your distribution has for these, then run the same command again",
    )


def ensure_packages(needs: Sequence[Need], purpose: str, say: Say, later: Sequence[Need] = ()) -> None:
    """Install what is missing, as root or with sudo where it asks for no password.

    purpose: for messages (`to build CPython 3.14.7`). later: what later steps will need; it is part of the command in the
    message, so that a user has to run only one. Raises GilfreeError with that command when gilfree may not install, and
    when the installation fails.
    """
    absent = missing_needs(needs)
    required = [need for need in absent if not need.optional]
    prefix = root_prefix()
    manager = next((name for name in ("apt-get", "dnf") if shutil.which(name)), "")
    if manager != "apt-get" or prefix is None:
        if required:
            raise missing_packages_error(
                purpose, absent, missing_needs(later), manager, sudo=shutil.which("sudo") is not None
            )
        return
    if not absent:
        return
    say(f"system packages {purpose}: installing {' '.join(need.package for need in absent)}")
    started = time.monotonic()
    _install([need.package for need in absent], prefix, optional=not required)
    still = [need.package for need in missing_needs(needs) if not need.optional]
    if still:
        raise GilfreeError(f"installed, but not usable: {' '.join(still)}", "check PATH and /usr/include")
    say(f"system packages: ready after {time.monotonic() - started:.0f} s")


def root_prefix() -> list[str] | None:
    """The words before a command that needs root: none, or `sudo -n`; None when neither is possible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    # -n: sudo must not ask for a password.
    tried = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return ["sudo", "-n"] if tried.returncode == 0 else None


def as_root(prefix: Sequence[str], command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command with proxies and other variables set by `env`, after sudo has emptied the environment."""
    proxies = {key: value for key, value in environment.items() if key.lower() in KEPT_BY_SUDO}
    given = {"DEBIAN_FRONTEND": "noninteractive", **proxies}
    return [*prefix, "env", *(f"{key}={value}" for key, value in given.items()), *command]


def _install(packages: Sequence[str], prefix: Sequence[str], *, optional: bool) -> None:
    words = ""
    for command in (["apt-get", "update"], install_command(packages)):
        done = subprocess.run(
            as_root(prefix, command, os.environ), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        # An update may fail for one archive and work for the others, so only the installation decides.
        words += done.stderr.strip()[-800:] + "\n" if done.returncode else ""
    if done.returncode and not optional:
        raise GilfreeError(
            f"`{shlex.join(install_command(packages))}` failed:\n{words.strip()}",
            "fix apt, then run the same command again",
        )

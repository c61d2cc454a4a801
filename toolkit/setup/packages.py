"""System packages: whether what they bring is there, and the one command that installs those that are missing.

Asked for at the moment of need (before CPython or rewrk is built), never up front: with a cached or downloaded pair no
compiler is needed. Standard library only (and toolkit.errors), since the bootstrap uses it too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import GilfreeError


@dataclass(frozen=True)
class Need:
    """A Debian package and what tells that it is there: a command on PATH, a header, or a module of this Python.

    optional: installed with the rest where that is possible, but never a reason to stop.
    """

    package: str
    command: str = ""
    header: str = ""
    module: str = ""
    optional: bool = False

    def met(self) -> bool:
        """Whether what the package brings is there, wherever it came from."""
        if self.command:
            return shutil.which(self.command) is not None
        if self.module:
            code = f"import {self.module}"
            return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
        folders = [Path("/usr/include"), Path("/usr/local/include"), *Path("/usr/include").glob("*-linux-*")]
        return any((folder / self.header).exists() for folder in folders)


def missing(needs: Sequence[Need]) -> list[Need]:
    """Those of the needs that are not met."""
    return [need for need in needs if not need.met()]


def ensure_packages(needs: Sequence[Need], why: str, say: Callable[[str], None]) -> None:
    """Install what is missing as root or with passwordless sudo. Else raises GilfreeError with the exact command."""
    absent = missing(needs)
    if not absent:
        return
    names = [need.package for need in absent]
    required = [need.package for need in absent if not need.optional]
    if shutil.which("apt-get") is None:
        if required:
            raise GilfreeError(
                f"{why}, this is needed and not there (Debian's names): {' '.join(required)}",
                "install what your distribution calls these, then run the same command again",
            )
        return
    prefix = privileged()
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    if prefix is None:
        if required:
            command = f"apt-get update && {' '.join(install)}"
            raise GilfreeError(
                f"{why}, these system packages are needed: {' '.join(required)}", f"run as root: {command}"
            )
        return
    say(f"system packages {why}: installing {' '.join(names)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *command], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    run("apt-get", "update")
    done = run(*install)
    if done.returncode and required:
        words = (done.stderr or done.stdout).strip()[-800:]
        raise GilfreeError(f"`{' '.join(install)}` failed: {words}", "mend apt, then run the same command again")
    still = [need.package for need in missing(needs) if not need.optional]
    if still:
        raise GilfreeError(f"installed, but not usable: {' '.join(still)}", "look at PATH and /usr/include")


def privileged() -> list[str] | None:
    """What to put before a command that needs root: nothing, `sudo -n`, or None when neither is possible."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None

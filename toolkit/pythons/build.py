"""Building both variants from one tarball with images/cpython/build.sh, kept in the cache by content.

A variant is built in a temporary folder and enters the cache by one rename, after its interpreter has run. So whatever
ends a build, no half-built interpreter is ever found.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

from toolkit import paths
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.pythons import sources
from toolkit.pythons.lock import LockedSeries
from toolkit.pythons.pair import Interpreter, Pair, inspect_interpreter, verify_pair
from toolkit.setup import needs
from toolkit.setup.building import build_lock, last_lines, remove_leftovers, run_logged
from toolkit.setup.needs import Need
from toolkit.setup.packages import ensure_packages

BUILD_NEEDS = needs.CPYTHON
"""The system packages that build.sh needs."""

VARIANTS = {"gil": (), "free-threaded": ("--disable-gil",)}


def build_key(entry: LockedSeries, profile: str) -> str:
    """The name of a build in the cache, by all that goes into it: source, build.sh, profile, machine."""
    recipe = (paths.shipped("images") / "cpython" / "build.sh").read_bytes()
    content = json.dumps(
        [entry.sha256, hashlib.sha256(recipe).hexdigest(), profile, platform.machine(), platform.libc_ver()]
    )
    return f"{entry.version}-{profile}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def cached_pair(entry: LockedSeries, profile: str) -> Pair | None:
    """The pair that an earlier run built from exactly these inputs, verified again; None when one of the two is missing."""
    folder = paths.cache("pythons") / build_key(entry, profile)
    found = {name: _executable(folder / name) for name in VARIANTS}
    if not all(executable.exists() for executable in found.values()):
        return None
    return _pair(entry, profile, inspect_interpreter(found["gil"]), inspect_interpreter(found["free-threaded"]))


def build_pair(entry: LockedSeries, profile: str, say: Say, later: Sequence[Need] = ()) -> Pair:
    """Build the variants that are not in the cache and return the pair.

    later: what the steps after this one need of the system, for the command that a user may have to run. Raises
    GilfreeError with the log's last lines when a build fails, with a command when system packages are missing.
    """
    ensure_packages(BUILD_NEEDS, f"to build CPython {entry.version}", say, later)
    folder = paths.cache("pythons") / build_key(entry, profile)
    folder.mkdir(exist_ok=True)
    with build_lock(folder, "build", say):
        source = sources.tarball(entry, say)
        for name, flags in VARIANTS.items():
            if not _executable(folder / name).exists():
                _build(entry, profile, name, flags, source, folder, say)
    gil, free_threaded = (inspect_interpreter(_executable(folder / name)) for name in VARIANTS)
    return _pair(entry, profile, gil, free_threaded)


def _pair(entry: LockedSeries, profile: str, gil: Interpreter, free_threaded: Interpreter) -> Pair:
    notes = verify_pair(gil, free_threaded, entry.version, built=True)
    return Pair(entry.series, profile, "built here from upstream's tarball", gil, free_threaded, notes)


def _executable(prefix: Path) -> Path:
    return prefix / "bin" / "python3"


def _build(
    entry: LockedSeries, profile: str, name: str, flags: tuple[str, ...], source: Path, folder: Path, say: Say
) -> None:
    prefix = folder / name
    log = paths.cache("logs") / f"cpython-{folder.name}-{name}.log"
    script = paths.shipped("images") / "cpython" / "build.sh"
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=folder, ignore_cleanup_errors=True) as scratch:
        work, stage = Path(scratch, "work"), Path(scratch, "stage")
        work.mkdir()
        environment = {key: os.environ[key] for key in ("PATH", "HOME", "CC") if key in os.environ}
        environment |= {"LANG": "C.UTF-8", "STAGE": str(stage)}
        command = ["bash", str(script), str(source), str(prefix), profile, *flags]
        say(f"build: CPython {entry.version} {name} ({profile}), log: {log}")

        def phase(line: str, seconds: float) -> None:
            if line.startswith("== "):
                say(f"build: {name}: {line[3:].strip()} ({seconds:.0f} s)")

        if run_logged(command, work, environment, log, phase):
            raise GilfreeError(
                f"building CPython {entry.version} ({name}) failed; {log} ends with\n    {last_lines(log)}"
            )
        staged = stage / prefix.relative_to("/")
        inspect_interpreter(_executable(staged))
        staged.rename(prefix)


def clean_leftovers() -> int:
    """Remove what killed builds left in the cache, but for folders that a running build has locked; the number removed."""
    return sum(remove_leftovers(folder, tuple(VARIANTS)) for folder in paths.cache("pythons").iterdir())

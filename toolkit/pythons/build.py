"""Building both variants from one tarball with images/cpython/build.sh, kept in the cache by content.

Everything happens in a temporary folder; a variant enters the cache by one rename, after the interpreter was asked what
it is. So whatever ends a build, no half-built interpreter is ever found.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons import sources
from toolkit.pythons.lock import LockedSeries
from toolkit.pythons.pair import Interpreter, Pair, ask, verified
from toolkit.setup.packages import Need, ensure_packages

Say = Callable[[str], None]

BUILD_NEEDS = (
    Need("gcc", command="cc"),
    Need("make", command="make"),
    Need("xz-utils", command="xz"),
    Need("pkg-config", command="pkg-config"),
    Need("libc6-dev", header="stdio.h"),
    Need("libssl-dev", header="openssl/ssl.h"),
    Need("zlib1g-dev", header="zlib.h"),
    Need("libbz2-dev", header="bzlib.h"),
    Need("liblzma-dev", header="lzma.h"),
    Need("libzstd-dev", header="zstd.h", optional=True),
    Need("libffi-dev", header="ffi.h"),
    Need("libsqlite3-dev", header="sqlite3.h"),
    Need("libreadline-dev", header="readline/readline.h", optional=True),
    Need("uuid-dev", header="uuid/uuid.h", optional=True),
)
"""What build.sh needs of the system."""

VARIANTS = {"gil": (), "free-threaded": ("--disable-gil",)}


def build_key(entry: LockedSeries, profile: str) -> str:
    """Names a build by all that goes into it: source, recipe, profile, machine."""
    recipe = (paths.shipped("images") / "cpython" / "build.sh").read_bytes()
    content = json.dumps(
        [entry.sha256, hashlib.sha256(recipe).hexdigest(), profile, platform.machine(), platform.libc_ver()]
    )
    return f"{entry.version}-{profile}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def cached_pair(entry: LockedSeries, profile: str) -> Pair | None:
    """The pair an earlier run built from exactly these inputs, verified anew; None when there is none whole."""
    folder = paths.cache("pythons") / build_key(entry, profile)
    found = {name: _executable(folder / name) for name in VARIANTS}
    if not all(executable.exists() for executable in found.values()):
        return None
    return _pair(entry, profile, ask(found["gil"]), ask(found["free-threaded"]))


def build_pair(entry: LockedSeries, profile: str, say: Say) -> Pair:
    """Build what is missing of the pair and return it. Raises GilfreeError with the log's last lines when it fails."""
    ensure_packages(BUILD_NEEDS, f"to build CPython {entry.version}", say)
    folder = paths.cache("pythons") / build_key(entry, profile)
    folder.mkdir(exist_ok=True)
    with _only_builder(folder, say):
        source = sources.tarball(entry, say)
        for name, flags in VARIANTS.items():
            if not _executable(folder / name).exists():
                _build(entry, profile, name, flags, source, folder, say)
    gil, free_threaded = (ask(_executable(folder / name)) for name in VARIANTS)
    return _pair(entry, profile, gil, free_threaded)


def _pair(entry: LockedSeries, profile: str, gil: Interpreter, free_threaded: Interpreter) -> Pair:
    notes = verified(gil, free_threaded, entry.version, built=True)
    return Pair(entry.series, profile, "built here from upstream's tarball", gil, free_threaded, notes)


def _executable(prefix: Path) -> Path:
    return prefix / "bin" / "python3"


@contextmanager
def _only_builder(folder: Path, say: Say) -> Iterator[None]:
    fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("build: another gilfree builds the same pair, waiting for it")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


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
        code = _run(command, work, environment, log, lambda words: say(f"build: {name}: {words}"))
        if code:
            last = "\n    ".join(log.read_text(errors="replace").splitlines()[-15:])
            raise GilfreeError(f"building CPython {entry.version} ({name}) failed; {log} ends with\n    {last}")
        staged = stage / prefix.relative_to("/")
        ask(_executable(staged))
        staged.rename(prefix)


def _run(command: list[str], cwd: Path, environment: dict[str, str], log: Path, phase: Say) -> int:
    """Run build.sh in a process group of its own, which is killed whole should we be interrupted."""
    started = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                if line.startswith("== "):
                    file.flush()
                    phase(f"{line[3:].strip()} ({time.monotonic() - started:.0f} s)")
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def clean_leftovers() -> int:
    """Remove what killed builds left in the cache (folders of which no builder holds the lock); how many."""
    count = 0
    for folder in paths.cache("pythons").iterdir():
        lock = folder / ".lock"
        if not lock.exists():
            continue
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for scratch in folder.iterdir():
                if scratch.is_dir() and scratch.name not in VARIANTS:
                    shutil.rmtree(scratch, ignore_errors=True)
                    count += 1
    return count

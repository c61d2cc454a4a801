"""A memory limit around a local server: a cgroup of its own where one may be made, else the agent's watchdog on PSS.

RLIMIT_AS does not serve: it limits address space, and thread stacks and an allocator's arenas reserve far more of it
than they use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class MemoryLimit:
    """How a limit is enforced. `kind` goes into the record.

    `folder` is the cgroup to join, `prefix` the beginning of a command line that starts the server inside the limit.
    With neither, the agent's watchdog enforces it.
    """

    kind: str
    folder: Path | None = None
    prefix: tuple[str, ...] = ()

    def join(self) -> None:
        """Move the calling process (a fresh child) into the cgroup."""
        if self.folder is not None:
            fd = os.open(self.folder / "cgroup.procs", os.O_WRONLY)
            os.write(fd, b"0")
            os.close(fd)

    def remove(self) -> None:
        """Remove the cgroup. Raises OSError while processes are left in it."""
        if self.folder is not None and self.folder.is_dir():
            self.folder.rmdir()


def memory_limit(name: str, limit_bytes: int) -> MemoryLimit:
    """The strongest limit that may be set here: cgroup v2, cgroup v1, a systemd scope, else the watchdog.

    name: of the cgroup, after `gilfree-`; unique among limits that exist at the same time. The cgroup is made already.
    """
    for make in (_cgroup_v2, _cgroup_v1, _systemd_scope):
        limit = make(name, limit_bytes)
        if limit is not None:
            return limit
    return MemoryLimit("watchdog on PSS")


def _cgroup_v1(name: str, limit_bytes: int) -> MemoryLimit | None:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.split(":", 2)[2] for line in lines if "memory" in line.split(":", 2)[1].split(",")), None)
    if own is None:
        return None
    mount = Path("/sys/fs/cgroup/memory")
    parent = mount / own.lstrip("/")
    folder = (parent if parent.is_dir() else mount) / f"gilfree-{name}"
    files = {"memory.limit_in_bytes": limit_bytes, "memory.memsw.limit_in_bytes": limit_bytes}
    return _cgroup(folder, files, "cgroup v1", optional="memory.memsw.limit_in_bytes")


def _cgroup_v2(name: str, limit_bytes: int) -> MemoryLimit | None:
    root = Path("/sys/fs/cgroup")
    control = root / "cgroup.subtree_control"
    if not control.exists() or "memory" not in control.read_text().split():
        return None
    files = {"memory.max": limit_bytes, "memory.swap.max": 0}
    return _cgroup(root / f"gilfree-{name}", files, "cgroup v2", optional="memory.swap.max")


def _cgroup(folder: Path, files: dict[str, int], kind: str, optional: str) -> MemoryLimit | None:
    try:
        folder.mkdir(exist_ok=True)
        for file, value in files.items():
            if file != optional or (folder / file).exists():
                (folder / file).write_text(str(value))
    except OSError:
        if folder.is_dir():
            folder.rmdir()
        return None
    return MemoryLimit(kind, folder)


def _systemd_scope(name: str, limit_bytes: int) -> MemoryLimit | None:
    systemd_run = shutil.which("systemd-run")
    if systemd_run is None or not Path("/run/systemd/system").is_dir():
        return None
    user = () if os.geteuid() == 0 else ("--user",)
    properties = ("-p", f"MemoryMax={limit_bytes}", "-p", "MemorySwapMax=0")
    prefix = (systemd_run, *user, "--scope", "--quiet", "--collect", *properties, "--")
    tried = subprocess.run([*prefix, "true"], capture_output=True, timeout=20, check=False)
    return MemoryLimit("systemd scope", prefix=prefix) if tried.returncode == 0 else None

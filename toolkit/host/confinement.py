"""Limits around a local side of a trial: memory, and a share of a CPU, by a cgroup of its own or by a systemd scope.

Without either, the agent's watchdog on PSS keeps the memory limit; a share of a CPU needs the kernel. RLIMIT_AS does
not serve for memory: it limits address space, and thread stacks and an allocator's arenas reserve far more of it than
they use.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.errors import GilfreeError

CGROUPS = Path("/sys/fs/cgroup")
SYSTEMD = Path("/run/systemd/system")
"""Is there where systemd runs the machine (sd_booted(3))."""

PERIOD_US = 100_000
"""The period of a CPU quota: the kernel's, Docker's and Kubernetes' default."""

REMOVE_SECONDS = 2.0
PROBE_SECONDS = 20
BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""The environment in which agents are started; what is measured shall not depend on the user's own."""

PRINT_LIMITS = """while IFS=: read -r number controllers path; do
for file in "$path/memory.max" "/memory$path/memory.limit_in_bytes" "$path/cpu.max" "/cpu$path/cpu.cfs_quota_us"; do
[ -r "/sys/fs/cgroup$file" ] && echo "${file##*/} $(cat "/sys/fs/cgroup$file")"
done
done < /proc/self/cgroup
true"""


@dataclass(frozen=True)
class Confinement:
    """How one side of a trial is confined. `kind`: how its memory limit is enforced, for the record.

    kernel_memory: whether the kernel enforces the memory limit. folders: the cgroups to join. prefix: the beginning of
    a command line that starts a program inside a scope, in `environment`. cpus: the CPU quota, None without one.
    """

    kind: str
    kernel_memory: bool = False
    cpus: float | None = None
    folders: tuple[Path, ...] = ()
    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def join(self) -> None:
        """Move the calling process (a fresh child) into the cgroups."""
        for folder in self.folders:
            fd = os.open(folder / "cgroup.procs", os.O_WRONLY)
            os.write(fd, b"0")
            os.close(fd)

    def remove(self) -> str:
        """Remove the cgroups, trying for REMOVE_SECONDS while the kernel says that they are busy.

        Returns "" or, when one is left, a sentence for the record: an empty cgroup costs nothing and harms no trial.
        """
        left = [f"{folder} ({error})" for folder in self.folders if (error := _remove(folder))]
        return f"these cgroups could not be removed: {', '.join(left)}" if left else ""


Way = Callable[[str, int | None, float | None], Confinement | None]
"""One way to confine: None where this machine does not allow it."""


def confine(name: str, memory_bytes: int | None, cpus: float | None, ways: Sequence[Way] | None = None) -> Confinement:
    """The strongest confinement that may be set here; its cgroups are made already.

    name: of the cgroups, after `gilfree-`; unique among those that exist at the same time. memory_bytes: None for no
    limit. cpus: a quota, None for none. ways: tried in this order; by default cgroup v2, cgroup v1, a systemd scope.

    Raises GilfreeError when `cpus` is given and no quota can be set: a share of a CPU is never rounded.
    """
    ways = (cgroup_v2, cgroup_v1, systemd_scope) if ways is None else ways
    for memory in dict.fromkeys((memory_bytes, None)):
        if memory is not None or cpus is not None:
            for way in ways:
                found = way(name, memory, cpus)
                if found is not None:
                    return found
    if cpus is not None:
        raise GilfreeError(
            f"resources: {cpus:g} CPUs are a share of a CPU, and no CPU quota can be set on this machine (neither by a"
            " cgroup nor by systemd-run)",
            "write whole CPUs in the scenario, run as root or in a systemd session, or use --backend docker",
        )
    return Confinement("watchdog on PSS")


def remove_leftovers() -> list[str]:
    """Remove the empty cgroups that killed runs left; their paths. Those in use stay. Call it under the measuring lock."""
    removed = []
    for parent in {*_parents("memory"), *_parents("cpu"), CGROUPS}:
        for folder in parent.glob("gilfree-*"):
            with contextlib.suppress(OSError):
                folder.rmdir()
                removed.append(str(folder))
    return sorted(removed)


def cgroup_v1(name: str, memory_bytes: int | None, cpus: float | None) -> Confinement | None:
    """By cgroups of the `memory` and `cpu` controllers of version 1, below this process's own."""
    files: dict[Path, int] = {}
    for controller, wanted in (("memory", memory_bytes), ("cpu", cpus)):
        parents = _parents(controller)
        if wanted is not None and not parents:
            return None
        folder = parents[0] / f"gilfree-{name}" if parents else CGROUPS
        if controller == "memory" and memory_bytes is not None:
            files |= {
                folder / "memory.limit_in_bytes": memory_bytes,
                folder / "memory.memsw.limit_in_bytes": memory_bytes,
            }
        elif controller == "cpu" and cpus is not None:
            files |= {folder / "cpu.cfs_period_us": PERIOD_US, folder / "cpu.cfs_quota_us": round(cpus * PERIOD_US)}
    return _cgroups("cgroup v1", files, memory_bytes, cpus)


def cgroup_v2(name: str, memory_bytes: int | None, cpus: float | None) -> Confinement | None:
    """By a cgroup of version 2 below the root, where the root passes the controllers on."""
    passed_on = _read(CGROUPS / "cgroup.subtree_control").split()
    folder, files = CGROUPS / f"gilfree-{name}", dict[Path, int | str]()
    if memory_bytes is not None:
        files |= {folder / "memory.max": memory_bytes, folder / "memory.swap.max": 0}
    if cpus is not None:
        files[folder / "cpu.max"] = f"{round(cpus * PERIOD_US)} {PERIOD_US}"
    wanted = {"memory": memory_bytes, "cpu": cpus}
    if not all(controller in passed_on for controller, limit in wanted.items() if limit is not None):
        return None
    return _cgroups("cgroup v2", files, memory_bytes, cpus)


def systemd_scope(name: str, memory_bytes: int | None, cpus: float | None) -> Confinement | None:
    """By a transient scope: of the system for root, of the user's own manager for everybody else.

    It is started once to see that the limits are set: a user's manager that was not given the controllers ignores them.
    """
    systemd_run = shutil.which("systemd-run")
    if systemd_run is None or not SYSTEMD.is_dir():
        return None
    user = () if os.geteuid() == 0 else ("--user",)
    memory = () if memory_bytes is None else ("-p", f"MemoryMax={memory_bytes}", "-p", "MemorySwapMax=0")
    quota = () if cpus is None else ("-p", f"CPUQuota={100 * cpus:g}%")
    prefix = (systemd_run, *user, "--scope", "--quiet", "--collect", *memory, *quota, "--")
    environment = session_environment()
    try:
        tried = subprocess.run(
            [*prefix, "/bin/sh", "-c", PRINT_LIMITS],
            env={**BASE_ENVIRONMENT, **environment},
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if tried.returncode != 0 or not limits_are_set(tried.stdout, memory_bytes, cpus):
        return None
    return Confinement("systemd scope" if memory else "watchdog on PSS", bool(memory), cpus, (), prefix, environment)


def session_environment() -> dict[str, str]:
    """The variables by which `systemd-run --user` finds the user's own manager; the first one also where a session that
    did not log in (su, cron) lacks it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    bus = os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={runtime}/bus"
    return {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": bus}


def limits_are_set(printed: str, memory_bytes: int | None, cpus: float | None) -> bool:
    """Whether the limits that a process in a scope printed (PRINT_LIMITS) are those that were asked for. Pure."""
    lines = [line.split() for line in printed.splitlines()]
    memory = [fields[1] for fields in lines if fields[:1] in (["memory.max"], ["memory.limit_in_bytes"])]
    quotas = [fields[1:] for fields in lines if fields[:1] in (["cpu.max"], ["cpu.cfs_quota_us"])]
    page = os.sysconf("SC_PAGE_SIZE")
    memory_kept = memory_bytes is None or str(memory_bytes // page * page) in memory
    wanted = round((cpus or 0) * PERIOD_US)
    return memory_kept and (cpus is None or any(quota[:1] == [str(wanted)] for quota in quotas))


def _cgroups(
    kind: str, files: Mapping[Path, int | str], memory_bytes: int | None, cpus: float | None
) -> Confinement | None:
    """Make the folders of `files` and write them; files about swap may be absent. None when any of it is refused."""
    folders = tuple(dict.fromkeys(file.parent for file in files))
    made = Confinement(kind if memory_bytes is not None else "watchdog on PSS", memory_bytes is not None, cpus, folders)
    try:
        for folder in folders:
            folder.mkdir(exist_ok=True)
        for file, value in files.items():
            if "sw" not in file.name or file.exists():
                file.write_text(str(value))
    except OSError:
        made.remove()
        return None
    return made


def _parents(controller: str) -> list[Path]:
    """Where cgroups of a controller of version 1 may be made: below this process's own, else below what is mounted."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        mount = CGROUPS / controller
        if controller in controllers.split(",") and mount.is_dir():
            own = mount / path.lstrip("/")
            return [own if own.is_dir() else mount]
    return []


def _remove(folder: Path) -> str:
    """Remove one cgroup; why it could not be, or ""."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return ""
        except OSError as error:
            if time.monotonic() > deadline:
                return str(error.strerror)
            time.sleep(0.02)  # the kernel needs a moment between a process's end and its leaving the cgroup
        else:
            return ""


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""

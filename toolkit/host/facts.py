"""What machine a campaign ran on: one small collector for each fact, which is None where it cannot be read."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from toolkit.host.cpus import physical_cores


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip() or None
    except OSError:
        return None


def cpu_model() -> str | None:
    """The CPU's model as /proc/cpuinfo names it; None when it names none."""
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith(("model name", "Model", "CPU part")):
            return line.partition(":")[2].strip()
    return None


def governor() -> str | None:
    """The frequency governor of the first CPU; None where the kernel (or the hypervisor) shows none."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cgroup_version() -> int:
    """2 where only the unified hierarchy is mounted, else 1."""
    return 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1


def distribution() -> str | None:
    """The distribution's name and version (PRETTY_NAME in os-release); None without that file."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def steal_since_boot() -> float:
    """Share of all CPU time since boot that the hypervisor gave to others, from 0 to 1."""
    times = psutil.cpu_times()
    return float(getattr(times, "steal", 0.0) / max(1e-9, sum(times)))


COLLECTORS: dict[str, Callable[[], Any]] = {
    "cpu_model": cpu_model,
    "architecture": platform.machine,
    "physical_cores": lambda: [list(core) for core in physical_cores()],
    "cpus": os.cpu_count,
    "memory_bytes": lambda: psutil.virtual_memory().total,
    "governor": governor,
    "turbo_disabled": lambda: _read("/sys/devices/system/cpu/intel_pstate/no_turbo"),
    "kernel": platform.release,
    "distribution": distribution,
    "cgroup_version": cgroup_version,
    "hypervisor": lambda: _read("/sys/class/dmi/id/sys_vendor"),
    "load_1_minute": lambda: os.getloadavg()[0],
    "steal_since_boot": steal_since_boot,
    "swap_used_bytes": lambda: psutil.swap_memory().used,
}


IDENTITY = ("cpu_model", "architecture", "cpus", "memory_bytes", "kernel", "cgroup_version")


def machine_identity() -> dict[str, Any]:
    """The facts that tell this machine from another, or from itself after an upgrade; JSON-ready.

    `id` is a hash of the machine's own id, which says nothing else about it.
    """
    own = _read("/etc/machine-id") or platform.node()
    digest = hashlib.sha256(f"gilfree {own}".encode()).hexdigest()[:16]
    return {"id": digest, **{name: COLLECTORS[name]() for name in IDENTITY}}


def machine_facts() -> dict[str, Any]:
    """Every fact by its name in `COLLECTORS`, JSON-ready; None where it cannot be read."""
    return {name: collect() for name, collect in COLLECTORS.items()}

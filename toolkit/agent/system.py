"""What an agent reads from the kernel: processes, memory, CPU time and cgroups (v1 and v2).

It reads /proc and /sys directly, without a library: this file runs under every interpreter that is measured, and
reading ten times a second must take much less than a thousandth of a core.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def read_text(path: str) -> str:
    """The content of a kernel file; "" when it does not exist, cannot be read, or its process is gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  (a Path costs as much as the read)
            return file.read()
    except OSError:
        return ""


def boot_id() -> str:
    """The id of this boot of this kernel; the same in all containers of one node."""
    return read_text("/proc/sys/kernel/random/boot_id").strip()


def machine() -> dict[str, Any]:
    """The machine that this process runs on, the same in a container as outside it; null for what the kernel does not show."""
    uname = os.uname()
    return {
        "cpu_model": _value("/proc/cpuinfo", ("model name", "Model", "CPU part")) or None,
        "architecture": uname.machine,
        "cpus": os.sysconf("SC_NPROCESSORS_ONLN"),
        "memory_bytes": 1024 * int(_value("/proc/meminfo", ("MemTotal",)).split()[0]),
        "kernel": uname.release,
        "hypervisor": read_text("/sys/class/dmi/id/sys_vendor").strip() or None,
        "governor": read_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
    }


def _value(path: str, names: tuple[str, ...]) -> str:
    """What follows the colon in the first line that begins with one of the names; "" without such a line."""
    lines = (line for line in read_text(path).splitlines() if line.startswith(names))
    return next(lines, "").partition(":")[2].strip()


def physical_cores() -> list[tuple[int, ...]]:
    """The CPUs this process may use, grouped by physical core, in their order."""
    cores: dict[str, list[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        siblings = read_text(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").strip()
        cores.setdefault(siblings or str(cpu), []).append(cpu)
    return [tuple(cpus) for cpus in cores.values()]


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat beginning with `state` (number 3 in proc(5)); empty when the process is gone."""
    return read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()


def process_tree(root: int) -> list[int]:
    """`root` and all its living descendants, without zombies."""
    children: dict[int, list[int]] = {}
    alive = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(int(entry))
            if len(fields) > 1 and fields[0] != "Z":
                alive.add(int(entry))
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        if pid in alive:
            found.append(pid)
        queue.extend(children.get(pid, ()))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time in seconds, user and system, of the processes and of the children that they have reaped.

    A process's own time is read from its clock, to the nanosecond; that of reaped children the kernel counts in ticks.
    """
    seconds = 0.0
    for pid in pids:
        fields = stat_fields(pid)
        if len(fields) > 14:
            own = _clock_seconds(pid)
            seconds += sum(int(field) for field in fields[13:15]) / TICKS_PER_SECOND
            seconds += sum(int(field) for field in fields[11:13]) / TICKS_PER_SECOND if own is None else own
    return seconds


def _clock_seconds(pid: int) -> float | None:
    """CPU time of a process by its clock (clock_getcpuclockid(3)); None where the kernel does not show it."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except (OSError, OverflowError):
        return None


def rss_bytes(pid: int) -> int:
    """Resident pages of a process in bytes; 0 when it is gone."""
    fields = read_text(f"/proc/{pid}/statm").split()
    return int(fields[1]) * PAGE_BYTES if len(fields) > 1 else 0


def thread_cpu_seconds(pids: Iterable[int]) -> list[dict[str, Any]]:
    """`pid`, `tid`, `name` and `cpu_seconds` of each thread, the busiest first: how evenly workers share the work."""
    found = []
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            stat = read_text(f"/proc/{pid}/task/{thread}/stat")
            name, _, rest = stat.partition("(")[2].rpartition(")")
            fields = rest.split()
            if len(fields) > 12:
                seconds = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
                found.append({"pid": pid, "tid": int(thread), "name": name, "cpu_seconds": seconds})
    return sorted(found, key=lambda thread: -float(thread["cpu_seconds"]))


def interrupts_are_apart(stat: str | None = None) -> bool:
    """Whether this kernel accounts the time of interrupts apart from that of processes.

    A kernel that does (CONFIG_IRQ_TIME_ACCOUNTING, CONFIG_VIRT_CPU_ACCOUNTING) measures every interrupt, the timer's
    included, so its count of `irq` ticks since boot grows; one that does not charges them to the process that they
    interrupt. stat: the content of /proc/stat, read when it is not given.
    """
    fields = (read_text("/proc/stat") if stat is None else stat).split("\n", 1)[0].split()
    if len(fields) < 7:
        return False
    busy = sum(int(fields[place]) for place in (1, 2, 3))
    return int(fields[6]) > busy / 100_000


def host_cpu_ticks(cpus: Sequence[int], irq_apart: bool, stat: str | None = None) -> dict[str, int]:
    """Ticks of these CPUs since boot: `busy`, `irq`, `steal` and `total`. stat: as in `interrupts_are_apart`.

    `busy` can be compared with the CPU time of processes: interrupts are in it unless the kernel accounts them apart
    (irq_apart, which must not change between two readings); idle, iowait and steal never are. `irq` is the time of
    interrupts, soft ones included.
    """
    text = read_text("/proc/stat") if stat is None else stat
    wanted = {f"cpu{cpu}" for cpu in cpus}
    busy = interrupts = steal = total = 0
    for line in text.splitlines():
        name, *numbers = line.split()
        if name in wanted:
            user, nice, system, idle, iowait, irq, softirq, stolen = (int(number) for number in numbers[:8])
            busy += user + nice + system + (0 if irq_apart else irq + softirq)
            interrupts += irq + softirq
            steal += stolen
            total += user + nice + system + idle + iowait + irq + softirq + stolen
        elif not name.startswith("cpu"):
            break
    return {"busy": busy, "irq": interrupts, "steal": steal, "total": total}


def frequency_mhz(cpus: Sequence[int]) -> float | None:
    """Mean current frequency of these CPUs; None where the kernel does not report it."""
    found = [read_text(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq") for cpu in cpus]
    numbers = [int(value) / 1000 for value in found if value.strip()]
    return sum(numbers) / len(numbers) if numbers else None


def server_closed_connections(port: int) -> int:
    """Connections that the server closed first, in the last minute: sockets in TIME_WAIT on its side of `port`.

    The side that closes first is in TIME_WAIT, so a correct keep-alive server under load has none.
    """
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read_text(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "06" and int(fields[1].rpartition(":")[2], 16) == port:
                count += 1
    return count


class Cgroup:
    """The cgroup of this process: memory, throttling and OOM kills, on cgroup v1 and v2, on a host or in a container."""

    def __init__(self, own: str = "/proc/self/cgroup", mount: str = "/sys/fs/cgroup") -> None:
        self.version, self._cpu, self._memory = 0, "", ""
        for line in read_text(own).splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0" and not controllers:
                root = _cgroup_folder(mount, path)
                if (root / "cgroup.controllers").exists():
                    self.version, self._cpu, self._memory = 2, str(root), str(root)
            elif "memory" in controllers.split(","):
                self.version, self._memory = 1, str(_cgroup_folder(f"{mount}/memory", path))
            elif "cpu" in controllers.split(","):
                self.version, self._cpu = 1, str(_cgroup_folder(f"{mount}/cpu", path))

    def cpu(self) -> dict[str, int]:
        """`periods`, `throttled` (counts) and `throttled_us`; all 0 where no quota is set or none can be read."""
        found = _parse_numbers(read_text(f"{self._cpu}/cpu.stat"))
        throttled_us = found.get("throttled_usec", found.get("throttled_time", 0) // 1000)
        return {
            "periods": found.get("nr_periods", 0),
            "throttled": found.get("nr_throttled", 0),
            "throttled_us": throttled_us,
        }

    def memory(self) -> dict[str, int]:
        """`working_set` = usage less inactive file pages, in bytes, and `oom_kills`; empty where it cannot be read."""
        if self.version == 2:
            usage, events = (
                read_text(f"{self._memory}/memory.current"),
                _parse_numbers(read_text(f"{self._memory}/memory.events")),
            )
        else:
            usage, events = (
                read_text(f"{self._memory}/memory.usage_in_bytes"),
                _parse_numbers(read_text(f"{self._memory}/memory.oom_control")),
            )
        if not usage.strip():
            return {}
        stat = _parse_numbers(read_text(f"{self._memory}/memory.stat"))
        inactive = stat.get("total_inactive_file", stat.get("inactive_file", 0))
        return {"working_set": max(0, int(usage) - inactive), "oom_kills": events.get("oom_kill", 0)}


def _cgroup_folder(mount: str, path: str) -> Path:
    """The folder of the cgroup `path`: below the mount on a host; the mount itself inside a container."""
    below = Path(mount) / path.lstrip("/")
    return below if below.is_dir() else Path(mount)


def _parse_numbers(content: str) -> dict[str, int]:
    """`name number` lines as a dictionary; other lines are skipped."""
    found = {}
    for line in content.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdigit():
            found[name] = int(value)
    return found

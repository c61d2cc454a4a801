"""What services use: requests/s and CPU at their peaks, the largest working set of a pod.

The figures come from a CSV file or from Prometheus (prometheus/). rps and CPU are sums over all pods; memory is that of
the one pod that used most. A file has one line for a service, or with a column `time` as many as there are moments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.capacity.inputs.csv_rows import CsvRow, read_rows
from toolkit.errors import GilfreeError
from toolkit.fleet.peaks import Peaks, peaks_of
from toolkit.quantities import quantity_of

COLUMNS = ("time", "namespace", "name", "rps", "cpu", "cpu_p95", "memory_max")

Key = tuple[str, str]
"""Namespace and name of a service."""


@dataclass(frozen=True)
class Usage:
    """The figures of one service; None where a figure is missing.

    `cpu_cores`: the CPU that pods are sized for. `cpu_at_peak_cores`: the CPU at the time of `rps`; None where `cpu_cores`
    is all that is known.
    """

    rps: float | None = None
    cpu_cores: float | None = None
    memory_bytes: float | None = None
    cpu_at_peak_cores: float | None = None

    @property
    def missing(self) -> list[str]:
        """Names of the figures that are missing or 0, which nothing can be calculated with."""
        named = {"requests a second": self.rps, "CPU": self.cpu_cores, "memory": self.memory_bytes}
        return [name for name, value in named.items() if not value]

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds per request: both of the same time, where that is known."""
        cores = self.cpu_cores if self.cpu_at_peak_cores is None else self.cpu_at_peak_cores
        return (cores or 0) / (self.rps or 1)


@dataclass(frozen=True)
class FleetUsage:
    """Usage by namespace and name, and `notes` on what the figures lack, in words."""

    figures: Mapping[Key, Usage]
    notes: tuple[str, ...] = ()


def read_usage(file: Path) -> FleetUsage:
    """Usage from a CSV file (COLUMNS). Raises GilfreeError with file, line, column and value."""
    rows = list(read_rows(file, ("namespace", "name"), COLUMNS))
    columns = set(rows[0].cells) if rows else set()
    if {"cpu", "cpu_p95"} <= columns:
        raise GilfreeError(f"{file}:1: both cpu and cpu_p95 are given", "keep cpu, the CPU at the time of rps")
    lines: dict[Key, list[CsvRow]] = defaultdict(list)
    for row in rows:
        lines[row.text("namespace") or "default", row.text("name")].append(row)
    figures = {key: _usage("/".join(key), same, "time" in columns) for key, same in lines.items()}
    if "cpu_p95" not in columns:
        return FleetUsage(figures)
    figures = {key: replace(one, cpu_at_peak_cores=None) for key, one in figures.items()}
    words = "has the 95th percentile of CPU, which is of other times than the highest rps: CPU per request may be wrong"
    return FleetUsage(figures, (f"{file} {words}; give a column cpu, the CPU at the time of rps",))


def _usage(service: str, rows: Sequence[CsvRow], has_times: bool) -> Usage:
    rps: dict[str, float] = {}
    cpu: dict[str, float] = {}
    memory: list[float] = []
    seen: set[str] = set()
    for row in rows:
        time = row.text("time")
        if time in seen:
            again = f" at {time}" if has_times else ""
            raise GilfreeError(f"{row.where('name')}: {service} is given twice{again}", "remove one of the lines")
        seen.add(time)
        if (rate := row.number("rps")) is not None:
            rps[time] = rate
        cores = _quantity(row, "cpu" if row.text("cpu") else "cpu_p95")
        if cores is not None:
            cpu[time] = cores
        if (used := _quantity(row, "memory_max")) is not None:
            memory.append(used)
    return usage_of(peaks_of(rps, cpu), max(memory, default=None))


def usage_of(peaks: Peaks, memory_bytes: float | None) -> Usage:
    """The usage of a service whose peaks are known: of the times that both series have, if there are any."""
    if peaks.rps is None:
        return Usage(peaks.rps_alone, peaks.cpu_alone, memory_bytes)
    return Usage(peaks.rps, peaks.cpu_cores, memory_bytes, peaks.cpu_at_peak_cores)


def _quantity(row: CsvRow, column: str) -> float | None:
    text = row.text(column)
    if not text:
        return None
    try:
        value = float(quantity_of(text))
    except ValueError as error:
        raise GilfreeError(
            f"{row.where(column)}: {text!r} {error}", "write cores as 1.5 or 300m, memory as 512Mi"
        ) from None
    if value < 0:
        raise GilfreeError(f"{row.where(column)}: {text!r} is negative", "write 0 or more")
    return value

"""What services use: requests/s at the peak, CPU at the 95th percentile, the largest working set of a pod.

The figures come from a CSV file (namespace, name, rps, cpu_p95, memory_max) or from Prometheus (prometheus.py). rps and
CPU are sums over all pods; memory is that of the one pod that used most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.csv_rows import CsvRow, read_rows
from toolkit.errors import GilfreeError
from toolkit.quantities import quantity_of

COLUMNS = ("namespace", "name", "rps", "cpu_p95", "memory_max")


@dataclass(frozen=True)
class Usage:
    """The figures of one service; None where a figure is missing."""

    rps: float | None = None
    cpu_cores: float | None = None
    memory_bytes: float | None = None

    @property
    def missing(self) -> list[str]:
        """Names of the figures that are missing or 0, which nothing can be calculated with."""
        named = {"requests a second": self.rps, "CPU": self.cpu_cores, "memory": self.memory_bytes}
        return [name for name, value in named.items() if not value]


def read_usage(file: Path) -> Mapping[tuple[str, str], Usage]:
    """Usage by namespace and name from a CSV file. Raises GilfreeError with file, line, column and value."""
    found: dict[tuple[str, str], Usage] = {}
    for row in read_rows(file, ("namespace", "name"), COLUMNS):
        key = row.text("namespace") or "default", row.text("name")
        if key in found:
            raise GilfreeError(f"{row.where('name')}: {'/'.join(key)} is given twice", "remove one of the lines")
        found[key] = Usage(row.number("rps"), _quantity(row, "cpu_p95"), _quantity(row, "memory_max"))
    return found


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

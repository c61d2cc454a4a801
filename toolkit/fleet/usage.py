"""What services really use: requests a second at the peak, CPU (95th percentile), the largest pod's working set.

From a CSV (namespace, name, rps, cpu_p95, memory_max) or from Prometheus (prometheus.py). rps and CPU are of all pods
together, memory of the one pod that ever had most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.csv import Row, read_rows
from toolkit.errors import GilfreeError
from toolkit.quantities import quantity_of

COLUMNS = ("namespace", "name", "rps", "cpu_p95", "memory_max")


@dataclass(frozen=True)
class Usage:
    """Figures of one service; None where there is none."""

    rps: float | None = None
    cpu_cores: float | None = None
    memory_bytes: float | None = None

    @property
    def missing(self) -> list[str]:
        """Names of what is not known, or known as nothing, which cannot be reckoned with."""
        named = {"requests a second": self.rps, "CPU": self.cpu_cores, "memory": self.memory_bytes}
        return [name for name, value in named.items() if not value]


def read_usage(file: Path) -> Mapping[tuple[str, str], Usage]:
    """Read a CSV. Raises GilfreeError with line, column and value."""
    found: dict[tuple[str, str], Usage] = {}
    for row in read_rows(file, ("namespace", "name"), COLUMNS):
        key = row.text("namespace") or "default", row.text("name")
        if key in found:
            raise GilfreeError(f"{row.where('name')}: {'/'.join(key)} is there twice", "remove one of the lines")
        found[key] = Usage(row.number("rps"), _quantity(row, "cpu_p95"), _quantity(row, "memory_max"))
    return found


def _quantity(row: Row, column: str) -> float | None:
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

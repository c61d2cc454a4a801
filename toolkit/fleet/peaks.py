"""The peaks of requests and CPU of one service, taken at the same times. Pure.

The 95th percentile of CPU belongs to another moment than the highest rate of requests: their quotient is the cost of a
request at no time at all. Both peaks are therefore taken over the times that both series have, and the CPU of the time
with the most requests is kept with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Time = TypeVar("Time", bound=float | str)
"""A moment, as both series name it."""


@dataclass(frozen=True)
class Peaks:
    """The highest `rps` and `cpu_cores` over the times that both have, and the CPU at the time of the highest rate.

    The peaks of all times of either series stand in `rps_alone` and `cpu_alone`, for a service that has one series only.
    None: without any value.
    """

    rps: float | None = None
    cpu_cores: float | None = None
    cpu_at_peak_cores: float | None = None
    rps_alone: float | None = None
    cpu_alone: float | None = None

    def merged(self, other: Peaks) -> Peaks:
        """The peaks of both stretches of time."""
        busier = max(self, other, key=lambda one: (_or_less(one.rps), _or_less(one.cpu_at_peak_cores)))
        return Peaks(
            busier.rps,
            _higher(self.cpu_cores, other.cpu_cores),
            busier.cpu_at_peak_cores,
            _higher(self.rps_alone, other.rps_alone),
            _higher(self.cpu_alone, other.cpu_alone),
        )


def peaks_of(rps: Mapping[Time, float], cpu_cores: Mapping[Time, float]) -> Peaks:
    """The peaks of two series by time (the same clock and step): requests/s and CPU cores of all pods of one service."""
    together = rps.keys() & cpu_cores.keys()
    alone = max(rps.values(), default=None), max(cpu_cores.values(), default=None)
    if not together:
        return Peaks(rps_alone=alone[0], cpu_alone=alone[1])
    # Of several times with the highest rate, the one that cost most.
    busiest = max(together, key=lambda time: (rps[time], cpu_cores[time]))
    return Peaks(rps[busiest], max(cpu_cores[time] for time in together), cpu_cores[busiest], *alone)


def _higher(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _or_less(value: float | None) -> float:
    return -1.0 if value is None else value

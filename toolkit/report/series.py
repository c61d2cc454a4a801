"""What the plots draw, as data: records and frames sorted by point and arm. Only `memory_traces` reads files.

Plots must stay small whatever a campaign holds (1,000 points with 20 blocks each), so each has a limit on what it draws.
A plot names what it omits; the tables omit nothing.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.agent.frames import Frame
from toolkit.campaign.logs import read_frames
from toolkit.campaign.runner import Campaign
from toolkit.records.metrics import server_pss_kb
from toolkit.records.store import Record
from toolkit.scenario.model import Point, Scenario

Axis = Literal["threads", "workers"]

MEMORY_POINTS, MEMORY_TRIALS, MEMORY_SAMPLES = 6, 4, 90
KB = 1024 / 1e6
"""Kernel kilobytes (1,024 bytes) in MB of 1,000,000 bytes, as everywhere here."""


@dataclass(frozen=True)
class Spread:
    """Median and ends over blocks."""

    median: float
    low: float
    high: float
    blocks: int


@dataclass(frozen=True)
class Curve:
    """A metric against one axis of the matrix, all else equal: per arm the spread at each value of the axis."""

    axis: Axis
    label: str
    arms: Mapping[str, Mapping[int, Spread]]


@dataclass(frozen=True)
class Trace:
    """Memory of one trial's server over time; second 0 is where the measured window begins."""

    arm: str
    block: int
    seconds: tuple[float, ...]
    memory_mb: tuple[float, ...]
    window_seconds: float


Blocks = Mapping[tuple[str, int], Sequence[Record]]


class Counted:
    """The records that count, by point and arm, in the order of blocks."""

    def __init__(self, scenario: Scenario, arms: Sequence[str], blocks: Blocks) -> None:
        self.scenario, self.arms, self.points = scenario, tuple(arms), scenario.points()
        self._records: dict[tuple[str, str], list[Record]] = defaultdict(list)
        for key in sorted(blocks):
            for record in blocks[key]:
                self._records[record.point_key, record.arm].append(record)

    def records(self, point: Point, arm: str) -> list[Record]:
        """The counted trials of one arm at one point."""
        return self._records.get((point.key, arm), [])

    def values(self, point: Point, arm: str, metric: str) -> list[float]:
        """The figures of one metric, one a block; missing ones are omitted."""
        return [v for one in self.records(point, arm) if (v := getattr(one.metrics, metric)) is not None]

    def spread(self, point: Point, arm: str, metric: str) -> Spread | None:
        """Median and ends of a metric over blocks; None when no block has it."""
        return spread(self.values(point, arm, metric))

    def measured(self) -> list[Point]:
        """The points that have a counted trial."""
        return [point for point in self.points if any(self.records(point, arm) for arm in self.arms)]


def spread(values: Sequence[float]) -> Spread | None:
    """Median and ends of some values; None without values."""
    return Spread(stdlib_statistics.median(values), min(values), max(values), len(values)) if values else None


def curves(counted: Counted, axis: Axis, metric: str) -> list[Curve]:
    """Where the matrix has two or more values of an axis with all else equal: one curve each, longest first."""
    groups: dict[str, list[Point]] = defaultdict(list)
    for point in counted.measured():
        groups[point.model_copy(update={axis: 1}).key].append(point)
    found = []
    for points in groups.values():
        arms: dict[str, dict[int, Spread]] = {}
        for arm in counted.arms:
            spreads = {getattr(point, axis): counted.spread(point, arm, metric) for point in points}
            arms[arm] = {value: one for value, one in sorted(spreads.items()) if one is not None}
        if max(len(spreads) for spreads in arms.values()) > 1:
            found.append(Curve(axis, points[0].label(omit=(axis,)), arms))
    return sorted(found, key=lambda curve: -max(len(spreads) for spreads in curve.arms.values()))


def memory_traces(campaign: Campaign, counted: Counted) -> dict[str, list[Trace]]:
    """Memory over time of some counted trials at some points, by the point's label; trials without a log are omitted."""
    found: dict[str, list[Trace]] = {}
    for point in counted.measured()[:MEMORY_POINTS]:
        traces = []
        for arm in counted.arms:
            for record in counted.records(point, arm)[:MEMORY_TRIALS]:
                if frames := read_frames(campaign.folder, record):
                    traces += [one] if (one := trace(record, frames)) else []
        if traces:
            found[point.label()] = traces
    return found


def trace(record: Record, frames: Sequence[Frame]) -> Trace | None:
    """Memory of one trial from its frames, thinned; None when the window or the samples are missing."""
    ends = [frame for frame in frames if frame["kind"] == "window_end" and frame["measured"]]
    starts = [frame for frame in frames if frame["kind"] == "window_start" and frame["measured"]]
    samples = [frame for frame in frames if frame["kind"] == "memory"]
    if not (ends and starts and samples):
        return None
    zero = starts[0]["t_ns"]
    step = -(-len(samples) // MEMORY_SAMPLES)
    kept = samples[::step]
    return Trace(
        record.arm,
        record.block,
        tuple((frame["t_ns"] - zero) / 1e9 for frame in kept),
        tuple(server_pss_kb(frame) * KB for frame in kept),
        (ends[-1]["end_ns"] - zero) / 1e9,
    )

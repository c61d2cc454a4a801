"""Counters that only grow, as agents sample them, over a stretch of time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.agent.frames import Frame


def used_by_others(idle: Sequence[Frame], window: str) -> Iterator[float]:
    """CPU seconds, in a window, of each other arm's server and its agent: they are ours, not foreign."""
    for arm in {frame["arm"] for frame in idle}:
        found = [frame for frame in idle if frame["arm"] == arm and frame.get("window") == window]
        if len(found) > 1:
            for counter in ("cpu_seconds", "agent_cpu_seconds"):
                yield found[-1][counter] - found[0][counter]


def increase(frames: Sequence[Frame], span: tuple[int, int], value: Any) -> float:
    """By how much a growing counter increased within `span`, interpolated linearly between samples."""
    return _interpolated(frames, span[1], value) - _interpolated(frames, span[0], value)


def _interpolated(frames: Sequence[Frame], t_ns: int, value: Any) -> float:
    before = frames[0]
    for after in frames:
        if after["t_ns"] >= t_ns:
            if after is before or after["t_ns"] == before["t_ns"]:
                return float(value(after))
            share = (t_ns - before["t_ns"]) / (after["t_ns"] - before["t_ns"])
            return float(value(before) + share * (value(after) - value(before)))
        before = after
    return float(value(before))

"""Frames: how agents speak to the tool through a pipe or a container log.

One line each, at most 8 KiB: `@gilfree1 <crc32> <json>`. The checksum lets a reader pick whole frames out of a log
that other writers spoil, and see that one is torn. `seq` counts from 0 without gaps and the last frame, `end`, carries
the count, so a reader knows whether it has them all. `t_ns` is CLOCK_MONOTONIC, which all processes and containers of
one kernel share; frames of different boot ids must never be put on one time axis.

The 1 in the prefix changes only when an old reader would misread; kinds that a reader does not know are skipped.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

PREFIX = "@gilfree1"
MAX_BYTES = 8192

Frame = dict[str, Any]


def encode(frame: Frame) -> str:
    """One line without its newline. Raises ValueError for a frame of more than 8 KiB: cut the text before."""
    payload = json.dumps(frame, separators=(",", ":"), ensure_ascii=True)
    line = f"{PREFIX} {zlib.crc32(payload.encode()):08x} {payload}"
    if len(line) >= MAX_BYTES:
        raise ValueError(f"frame {frame.get('kind')!r} has {len(line)} bytes, {MAX_BYTES} with its newline is the most")
    return line


def decode(line: str) -> Frame | None:
    """The frame in a line of log, or None when there is no whole one; text before it, torn frames too, is passed over."""
    start = line.find(PREFIX + " ")
    while start >= 0:
        frame = _whole(line[start + len(PREFIX) + 1 :].strip())
        if frame is not None:
            return frame
        start = line.find(PREFIX + " ", start + 1)
    return None


def _whole(text: str) -> Frame | None:
    checksum, _, payload = text.partition(" ")
    try:
        if int(checksum, 16) != zlib.crc32(payload.encode()):
            return None
        frame = json.loads(payload)
    except ValueError:
        return None
    return frame if isinstance(frame, dict) else None


def read(lines: Iterable[str]) -> Iterator[Frame]:
    """The whole frames among `lines`, in their order; whatever else stands there is skipped."""
    for line in lines:
        frame = decode(line)
        if frame is not None:
            yield frame


def gap(frames: Iterable[Frame]) -> str | None:
    """What is missing from one side's frames, in words; None when they are complete from the first to `end`."""
    seen: set[int] = set()
    count = None
    for frame in frames:
        seen.add(int(frame["seq"]))
        if frame["kind"] == "end":
            count = int(frame["count"])
    if not seen:
        return "no frame arrived"
    expected = count if count is not None else max(seen) + 1
    missing = sorted(set(range(expected)) - seen)
    if missing:
        return f"{len(missing)} of {expected} frames are missing, the first of them number {missing[0]}"
    if count is None:
        return f"no end frame after {expected} frames"
    return None


class Emitter:
    """Numbers, stamps and writes the frames of one side; safe to call from several threads."""

    def __init__(self, side: str, stream: IO[str]) -> None:
        self.side, self._stream = side, stream
        self._seq = 0
        self._lock = threading.Lock()

    def emit(self, kind: str, **fields: Any) -> None:
        """Write one frame. A reader that has gone away (broken pipe) is not an error here: whoever watches it stops."""
        with self._lock:
            head = {"seq": self._seq, "side": self.side, "kind": kind, "t_ns": time.monotonic_ns()}
            line = encode({**head, **fields})
            self._seq += 1
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                return

    def end(self, **fields: Any) -> None:
        """The last frame; `count` includes itself."""
        self.emit("end", count=self._seq + 1, **fields)

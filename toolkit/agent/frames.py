"""Frames: the messages of agents to the tool, through a pipe or a container log.

A frame is one line of at most 8 KiB: `@gilfree1 <crc32> <json>`. By the checksum a reader finds complete frames in a log
with other output, and recognises an incomplete one. `seq` counts from 0 without gaps, and the last frame, `end`, carries
the count, so a reader knows whether it has all frames. `t_ns` is CLOCK_MONOTONIC, which all processes and containers of
one kernel share; frames with different boot ids must never be put on one time axis.

The 1 in the prefix changes only when an old reader would misread; readers skip kinds that they do not know.
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
    """The frame as one line without newline. Raises ValueError when it is longer than 8 KiB."""
    payload = json.dumps(frame, separators=(",", ":"), ensure_ascii=True)
    line = f"{PREFIX} {zlib.crc32(payload.encode()):08x} {payload}"
    if len(line) >= MAX_BYTES:
        raise ValueError(
            f"frame {frame.get('kind')!r} has {len(line)} bytes, the limit is {MAX_BYTES} with its newline"
        )
    return line


def decode(line: str) -> Frame | None:
    """The frame in a line of a log, or None when it holds no complete one; text and torn frames before it are skipped."""
    start = line.find(PREFIX + " ")
    while start >= 0:
        frame = _verified(line[start + len(PREFIX) + 1 :].strip())
        if frame is not None:
            return frame
        start = line.find(PREFIX + " ", start + 1)
    return None


def _verified(text: str) -> Frame | None:
    checksum, _, payload = text.partition(" ")
    try:
        if int(checksum, 16) != zlib.crc32(payload.encode()):
            return None
        frame = json.loads(payload)
    except ValueError:
        return None
    return frame if isinstance(frame, dict) else None


def read(lines: Iterable[str]) -> Iterator[Frame]:
    """The complete frames in `lines`, in their order; other text is skipped."""
    for line in lines:
        frame = decode(line)
        if frame is not None:
            yield frame


def gap(frames: Iterable[Frame]) -> str | None:
    """Which frames of one side are missing, as a message; None when they are complete from the first to `end`."""
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
    """Numbers, time-stamps and writes the frames of one side; may be called from several threads."""

    def __init__(self, side: str, stream: IO[str]) -> None:
        self.side, self._stream = side, stream
        self._seq = 0
        self._lock = threading.Lock()

    def emit(self, kind: str, **fields: Any) -> None:
        """Write one frame. A closed pipe is not an error here: the agent stops when its standard input closes.

        Raises ValueError for a frame that is too long; it takes no number.
        """
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
        """Write the last frame; its `count` includes itself."""
        self.emit("end", count=self._seq + 1, **fields)

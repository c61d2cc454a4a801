"""Frames: the messages of agents to the tool, through a pipe or a container log.

A frame is one line of at most 4 KiB, since container runtimes cut longer ones: `@gilfree1 <crc32> <json>`. By the checksum
a reader finds complete frames in a log with other output, and recognises an incomplete one. `seq` counts from 0 without
gaps, and the last frame, `end`, carries the count, so a reader knows whether it has all frames. `t_ns` is
CLOCK_MONOTONIC, which all processes and containers of one kernel share; frames with different boot ids must never be put
on one time axis.

A frame that is longer than a line is written as several lines of kind `part`, each numbered as a frame: `first` is the
number of the first of them, `parts` their count, `text` a piece of the frame's JSON. `read` joins them again.

Where servers take turns, the load's agent knows when a window begins and ends, and only a server's agent may read that
server's counters: in another container its processes cannot be seen. So the load's agent asks for each sample (`Questions`,
`Answers`), by UDP datagrams of JSON to the server's own address and port number, and nothing is read in between.

The 1 in the prefix changes only when an old reader would misread; readers skip kinds that they do not know.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, Protocol

PREFIX = "@gilfree1"
MAX_BYTES = 4096
"""Of a line, with its newline."""

PART_CHARACTERS = 1900
"""Of a frame's JSON in one part: within MAX_BYTES even when each of them is escaped (twice as long)."""

MAX_PARTS = 64
"""A longer frame is cut: nothing that a record needs is that long."""

Frame = dict[str, Any]


def encode(frame: Frame) -> str:
    """The frame as one line without newline. Raises ValueError when it is longer than a line."""
    payload = _json(frame)
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
    """The complete frames in `lines`, in the order in which they are complete; other text is skipped.

    A frame that was written in parts comes once all of them were read, with their number as `parts`.
    """
    pieces: dict[tuple[Any, int], dict[int, str]] = {}
    for line in lines:
        frame = decode(line)
        if frame is None:
            continue
        if frame.get("kind") != "part":
            yield frame
            continue
        try:
            key, count = (frame["side"], int(frame["first"])), int(frame["parts"])
            texts = pieces.setdefault(key, {})
            texts[int(frame["seq"])] = str(frame["text"])
            if len(texts) < count:
                continue
            del pieces[key]
            whole = json.loads("".join(text for _, text in sorted(texts.items())))
        except (KeyError, TypeError, ValueError):
            continue  # no part of ours, although its checksum is right
        if isinstance(whole, dict):
            yield {**whole, "parts": count}


def lines_of(frame: Frame) -> list[str]:
    """The lines that carry a frame: one, or several parts when it is longer than a line.

    Parts are numbered from the frame's `seq` on. A frame that is longer than MAX_PARTS has its long texts and lists cut.
    Raises TypeError for values that are not JSON.
    """
    payload = _json(frame)
    if len(payload) + len(PREFIX) + 11 < MAX_BYTES:
        return [encode(frame)]
    if len(payload) > MAX_PARTS * PART_CHARACTERS:
        payload = _json(_shortened(frame))
    pieces = [payload[start : start + PART_CHARACTERS] for start in range(0, len(payload), PART_CHARACTERS)]
    head = {"side": frame["side"], "kind": "part", "t_ns": frame["t_ns"], "first": frame["seq"], "parts": len(pieces)}
    return [encode({"seq": frame["seq"] + number, **head, "text": text}) for number, text in enumerate(pieces)]


def _json(frame: Frame) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=True)


def _shortened(frame: Frame) -> Frame:
    """The frame with texts and lists cut until it fits MAX_PARTS; at the last only its head, and the names of the rest."""
    for size in (4096, 1024, 256, 64, 16):
        cut = {key: _cut(value, size) for key, value in frame.items()}
        if len(_json(cut)) <= MAX_PARTS * PART_CHARACTERS:
            return cut
    head = {key: frame[key] for key in ("seq", "side", "kind", "t_ns")}
    return {**head, "omitted": [name[:64] for name in list(frame)[:64]]}


def _cut(value: Any, size: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= size else value[:size] + "..."
    if isinstance(value, list | tuple):
        return [_cut(one, size) for one in value[:size]]
    if isinstance(value, dict):
        return {str(key)[:size]: _cut(one, size) for key, one in list(value.items())[:size]}
    return value


def gap(frames: Iterable[Frame]) -> str | None:
    """Which frames of one side are missing, as a message; None when they are complete from the first to `end`."""
    seen: set[int] = set()
    count = None
    for frame in frames:
        seen.update(range(int(frame["seq"]), int(frame["seq"]) + int(frame.get("parts", 1))))
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


class Emits(Protocol):
    """Whatever sends frames."""

    def emit(self, kind: str, **fields: Any) -> None:
        """Send one frame."""


class Emitter:
    """Numbers, time-stamps and writes the frames of one side; may be called from several threads."""

    def __init__(self, side: str, stream: IO[str]) -> None:
        self.side, self._stream = side, stream
        self._seq = 0
        self._lock = threading.Lock()

    def emit(self, kind: str, **fields: Any) -> None:
        """Write one frame, in parts when it is longer than a line.

        A stream that cannot be written to is not an error here: the agent stops when its standard input closes. Raises
        TypeError for values that are not JSON; such a frame takes no number.
        """
        with self._lock:
            self._write(kind, fields)

    def end(self, **fields: Any) -> None:
        """Write the last frame; its `count` includes itself."""
        with self._lock:
            self._write("end", {"count": self._seq + 1, **fields})

    def _write(self, kind: str, fields: Frame) -> None:
        head = {"seq": self._seq, "side": self.side, "kind": kind, "t_ns": time.monotonic_ns()}
        lines = lines_of({**head, **fields})
        self._seq += len(lines)
        try:
            self._stream.write("".join(line + "\n" for line in lines))
            self._stream.flush()
        except (OSError, ValueError):
            return


ANSWER_SECONDS = 2.0
_POLL_SECONDS = 0.2
_MAX_BYTES = 65536

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Answers:
    """Answers the questions that arrive at host and port with `answer`, in a thread of its own, until it is closed.

    Raises OSError when the address is taken.
    """

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(_POLL_SECONDS)
        self._answer, self._closed = answer, threading.Event()
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                text, sender = self._socket.recvfrom(_MAX_BYTES)
                question = json.loads(text)
            except (OSError, ValueError):  # none within the time, or no question of ours
                continue
            if isinstance(question, dict):
                answer = {**self._answer(question), "number": question.get("number")}
                self._socket.sendto(json.dumps(answer).encode(), sender)

    def close(self) -> None:
        """Answer no more questions; the one under way is answered."""
        self._closed.set()
        self._thread.join()
        self._socket.close()


class Questions:
    """Asks one server's agent. Safe to use from several threads, which wait for each other."""

    def __init__(self, host: str, port: int) -> None:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.settimeout(ANSWER_SECONDS)
        self._address: Any = address
        self._lock, self._number = threading.Lock(), 0

    def ask(self, what: str, **fields: Any) -> dict[str, Any] | None:
        """The answer to a question; None when there is none in time, because that agent has ended."""
        with self._lock:
            self._number += 1
            question = {"what": what, "number": self._number, **fields}
            try:
                self._socket.connect(self._address)
                self._socket.send(json.dumps(question).encode())
                while True:
                    answer = json.loads(self._socket.recv(_MAX_BYTES))
                    if isinstance(answer, dict) and answer.get("number") == self._number:
                        return answer  # another number: an answer that came too late
            except (OSError, ValueError):
                return None

    def close(self) -> None:
        """Ask no more."""
        self._socket.close()

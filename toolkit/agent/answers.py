"""Cuts what a server sends on a keep-alive connection into its answers (HTTP/1.1), without any input or output.

The agent checks thousands of answers a second on the CPUs of the load generator. `http.client` takes about ten times as
long for one as this reader, which remembers the last head: most answers differ in their body alone.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"
MAX_HEAD_BYTES = 65536


class BadAnswer(ValueError):
    """Bytes that are no answer of HTTP/1.1."""


@dataclass(frozen=True)
class Answer:
    """One answer. `wire_bytes`: its size with the head, as sent. `closes`: the server ends the connection after it.
    `location`: where a redirect leads to; "" in other answers.
    """

    status: int
    body: bytes
    wire_bytes: int
    closes: bool
    location: str = ""


@dataclass(frozen=True)
class _Head:
    """`length` of the body in bytes; None: it is chunked, or ends with the connection."""

    status: int
    length: int | None
    chunked: bool
    closes: bool
    location: str


class AnswerReader:
    """Reads the answers to requests that are sent one at a time: the next only after the last was answered."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._last: tuple[bytes, _Head] | None = None
        self._interim_bytes = 0

    def feed(self, data: bytes) -> Answer | None:
        """Add received bytes; the answer when it is complete. Raises BadAnswer."""
        self._buffer += data
        while True:
            end = self._buffer.find(HEAD_END)
            if end < 0:
                if len(self._buffer) > MAX_HEAD_BYTES:
                    raise BadAnswer(f"a head of over {MAX_HEAD_BYTES} bytes: {bytes(self._buffer[:60])!r}")
                return None
            head = self._head(bytes(self._buffer[:end]))
            if not 100 <= head.status < 200:
                break
            self._interim_bytes += end + 4  # "100 Continue" and the like come before the answer itself
            del self._buffer[: end + 4]
        start = end + 4
        if head.length is not None:
            if len(self._buffer) < start + head.length:
                return None
            return self._take(head, bytes(self._buffer[start : start + head.length]), start + head.length)
        if not head.chunked:
            return None
        found = _chunks(self._buffer, start)
        return None if found is None else self._take(head, *found)

    def closed(self) -> Answer | None:
        """The answer that ends with the connection, which was closed; None when none is under way or it is incomplete."""
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return None
        head = self._head(bytes(self._buffer[:end]))
        if head.length is not None or head.chunked:
            return None
        return self._take(head, bytes(self._buffer[end + 4 :]), len(self._buffer))

    def _take(self, head: _Head, body: bytes, end: int) -> Answer:
        answer = Answer(head.status, body, end + self._interim_bytes, head.closes, head.location)
        del self._buffer[:end]
        self._interim_bytes = 0
        return answer

    def _head(self, text: bytes) -> _Head:
        if self._last is None or self._last[0] != text:
            self._last = (text, _parsed(text))
        return self._last[1]


def _parsed(text: bytes) -> _Head:
    first, *lines = text.split(b"\r\n")
    words = first.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise BadAnswer(f"no answer of HTTP/1.1: {first[:60]!r}")
    status, fields = int(words[1]), {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    chunked = b"chunked" in fields.get(b"transfer-encoding", b"").lower()
    length: int | None = None
    if status in (204, 304):
        length, chunked = 0, False
    elif not chunked and b"content-length" in fields:
        if not fields[b"content-length"].isdigit():
            raise BadAnswer(f"content-length {fields[b'content-length'][:30]!r}")
        length = int(fields[b"content-length"])
    ends_with_connection = length is None and not chunked
    connection = fields.get(b"connection", b"").lower()
    old = words[0] == b"HTTP/1.0" and b"keep-alive" not in connection
    closes = b"close" in connection or old or ends_with_connection
    return _Head(status, length, chunked, closes, fields.get(b"location", b"").decode("latin-1"))


def _chunks(buffer: bytearray, start: int) -> tuple[bytes, int] | None:
    """The body in chunks from `start` on, and where it ends; None when the last chunk has not arrived."""
    pieces: list[bytes] = []
    position = start
    while True:
        line_end = buffer.find(b"\r\n", position)
        if line_end < 0:
            return None
        try:
            size = int(bytes(buffer[position:line_end]).partition(b";")[0], 16)
        except ValueError:
            raise BadAnswer(f"a chunk of size {bytes(buffer[position : position + 20])!r}") from None
        position = line_end + 2
        if size == 0:
            end = buffer.find(b"\r\n", position)
            while end > position:  # trailers
                position = end + 2
                end = buffer.find(b"\r\n", position)
            return None if end < 0 else (b"".join(pieces), end + 2)
        if len(buffer) < position + size + 2:
            return None
        pieces.append(bytes(buffer[position : position + size]))
        position += size + 2

"""What a server prints is forwarded whatever it is, and no more of it is kept than is sent."""

from __future__ import annotations

import io
import os
import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent import child, frames
from toolkit.agent.child import LAST_LINES, LOG_LINE_CHARACTERS, LOG_LINES, cut_lines


def forwarded(program: str) -> tuple[list[frames.Frame], str]:
    """The frames of what a real process prints, and the text that the agent wrote."""
    stream = io.StringIO()
    emitter = frames.Emitter("server", stream)
    process = child.start([sys.executable, "-c", program], dict(os.environ), None)
    assert process.stdout is not None
    thread = child.forward_lines(process.stdout, "stdout", emitter)
    process.wait()
    thread.join()
    emitter.end()
    written = stream.getvalue()
    return list(frames.read(written.splitlines())), written


def test_binary_output_does_not_end_the_forwarding() -> None:
    found, _ = forwarded("import sys; sys.stdout.buffer.write(bytes(range(256)) * 400 + b'\\nlast words\\n')")
    assert found[-2]["text"] == "last words" and frames.gap(found) is None


def test_characters_of_any_plane_stay_within_a_frame_of_4_kib() -> None:
    found, written = forwarded("print('\\U0001f40d' * 5000); print('\\x01' * 5000)")
    assert [len(frame["text"]) for frame in found[:-1]] == [LOG_LINE_CHARACTERS] * 2
    assert max(len(line) for line in written.splitlines(keepends=True)) <= 4096


def test_the_last_lines_of_a_long_log_are_sent_since_they_say_why_it_ended() -> None:
    found, _ = forwarded("for number in range(5000): print(number)\nprint('ValueError: the cause')")
    texts = [frame["text"] for frame in found[:-1]]
    assert texts[:2] == ["0", "1"] and texts[-1] == "ValueError: the cause"
    assert len(texts) == LOG_LINES + 1 + LAST_LINES
    assert texts[LOG_LINES] == f"... {5001 - LOG_LINES - LAST_LINES} lines are omitted"


def test_a_huge_line_without_an_end_is_not_held_in_memory() -> None:
    tracemalloc.start()
    found = list(cut_lines(b"x" * 65536 for _ in range(1600)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == ["x" * LOG_LINE_CHARACTERS]
    assert most < 1_000_000  # of 100 MB that came


@given(st.lists(st.binary(max_size=80), max_size=20), st.integers(1, 50))
def test_lines_come_out_as_they_were_however_the_stream_is_cut(lines: list[bytes], size: int) -> None:
    plain = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    data = b"".join(line + b"\n" for line in plain)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(cut_lines(pieces)) == [line.decode(errors="replace") for line in plain]

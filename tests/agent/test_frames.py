"""Frames: whole ones come through any noise, torn ones never do, and what is missing is known."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent.frames import MAX_BYTES, MAX_PARTS, PREFIX, Emitter, decode, encode, gap, read

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
frames = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=6)


@given(frames)
def test_a_frame_comes_back_as_it_was(frame: dict[str, Any]) -> None:
    line = encode(frame)
    assert "\n" not in line
    assert decode(line) == frame


@given(frames, st.text(alphabet=st.characters(blacklist_characters="@\n"), max_size=40))
def test_text_before_a_frame_is_passed_over(frame: dict[str, Any], noise: str) -> None:
    assert decode(noise + encode(frame)) == frame


@given(frames, st.data())
def test_a_torn_or_changed_frame_is_none_at_all(frame: dict[str, Any], data: st.DataObject) -> None:
    line = encode(frame)
    cut = data.draw(st.integers(0, len(line) - 1))
    assert decode(line[:cut]) is None
    position = data.draw(st.integers(len(PREFIX) + 1, len(line) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != line[position]))
    changed = decode(line[:position] + other + line[position + 1 :])
    assert changed is None or changed == frame  # only the case of a checksum's letter may change without harm


def test_noise_between_frames_is_skipped() -> None:
    lines = ["warning: something", encode({"seq": 0}), "", PREFIX, PREFIX + " nonsense {}", encode({"seq": 1})]
    assert [frame["seq"] for frame in read(lines)] == [0, 1]


def test_a_frame_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="4096"):
        encode({"kind": "log", "text": "x" * MAX_BYTES})


def emitted(count: int) -> list[dict[str, Any]]:
    stream = io.StringIO()
    emitter = Emitter("server", stream)
    for _ in range(count):
        emitter.emit("tick")
    emitter.end()
    return list(read(stream.getvalue().splitlines()))


def test_an_emitter_numbers_its_frames_and_counts_them_at_the_end() -> None:
    found = emitted(3)
    assert [frame["seq"] for frame in found] == [0, 1, 2, 3]
    assert found[-1]["kind"] == "end"
    assert found[-1]["count"] == 4
    assert gap(found) is None


@given(st.integers(1, 20), st.data())
def test_any_missing_frame_is_noticed(count: int, data: st.DataObject) -> None:
    found = emitted(count)
    del found[data.draw(st.integers(0, len(found) - 1))]
    assert gap(found)


def test_frames_may_come_twice_as_when_a_log_is_read_again() -> None:
    found = emitted(3)
    assert gap(found + found) is None


def test_no_frames_at_all_is_a_gap() -> None:
    assert gap([]) == "no frame arrived"


def test_the_format_is_fixed() -> None:
    assert encode({"seq": 0}) == f"{PREFIX} bc928d2c {json.dumps({'seq': 0}, separators=(',', ':'))}"


@given(frames, st.text(alphabet=st.characters(blacklist_characters="\n"), max_size=40), st.data())
def test_a_torn_frame_before_a_whole_one_does_not_hide_it(
    frame: dict[str, Any], noise: str, data: st.DataObject
) -> None:
    torn = encode({"kind": "log", "text": noise})
    cut = data.draw(st.integers(0, len(torn) - 1))
    assert decode(torn[:cut] + encode(frame)) == frame


def test_a_frame_that_quotes_another_is_itself() -> None:
    inner = encode({"seq": 0, "kind": "end"})
    outer = {"seq": 1, "kind": "log", "text": inner}
    assert decode(encode(outer)) == outer


hostile = st.text(st.characters(), max_size=30).flatmap(
    lambda text: st.integers(0, 400).map(lambda times: text * times)  # up to 12,000 characters of any plane
)


@given(st.lists(st.fixed_dictionaries({"text": hostile, "argv": st.lists(hostile, max_size=4)}), max_size=4))
def test_whatever_is_reported_each_line_is_at_most_4_kib_and_comes_back_whole(reports: list[dict[str, Any]]) -> None:
    stream = io.StringIO()
    emitter = Emitter("server", stream)
    for fields in reports:
        emitter.emit("log", **fields)
    emitter.end()
    lines = stream.getvalue().splitlines(keepends=True)
    assert max(len(line.encode()) for line in lines) <= 4096
    found = list(read(lines))
    assert [{"text": one["text"], "argv": one["argv"]} for one in found[:-1]] == reports
    assert found[-1]["count"] == len(lines) and gap(found) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"env": {f"NAME_{number}": "ü" * 100_000 for number in range(20)}},
        {"argv": ["x" * 131_000] * 16},
        {"pids": list(range(4_000_000, 4_200_000))},
        {"threads": [{"pid": 1, "tid": number, "name": "\x00\U0001f40d" * 8} for number in range(30_000)]},
        {f"{number}" * 50: "\x1b" for number in range(50_000)},
    ],
)
def test_what_no_record_needs_whole_is_cut_and_loses_no_frame(fields: dict[str, Any]) -> None:
    stream = io.StringIO()
    emitter = Emitter("server", stream)
    emitter.emit("server_started", **fields)
    emitter.end()
    lines = stream.getvalue().splitlines(keepends=True)
    assert max(len(line) for line in lines) <= 4096 and len(lines) <= MAX_PARTS + 1
    found = list(read(lines))
    assert [frame["kind"] for frame in found] == ["server_started", "end"] and gap(found) is None


def test_a_frame_of_which_a_part_is_missing_is_missing() -> None:
    stream = io.StringIO()
    emitter = Emitter("server", stream)
    emitter.emit("memory", pids=list(range(10_000, 11_000)))
    emitter.end()
    lines = stream.getvalue().splitlines()
    found = list(read(lines[:1] + lines[2:]))
    assert [frame["kind"] for frame in found] == ["end"] and gap(found)


def test_parts_may_come_twice_and_between_other_frames() -> None:
    stream = io.StringIO()
    emitter = Emitter("server", stream)
    emitter.emit("memory", pids=list(range(10_000, 11_000)))
    emitter.emit("tick")
    emitter.end()
    *parts, tick, end = stream.getvalue().splitlines()
    found = list(read([parts[0], tick, parts[0], *parts[1:], end]))
    assert [frame["kind"] for frame in found] == ["tick", "memory", "end"]
    assert found[1]["pids"] == list(range(10_000, 11_000)) and gap(found) is None


def test_a_value_that_is_no_json_takes_no_number() -> None:
    stream = io.StringIO()
    emitter = Emitter("server", stream)
    with pytest.raises(TypeError):
        emitter.emit("log", text=b"bytes")
    emitter.end()
    assert gap(read(stream.getvalue().splitlines())) is None


def test_a_reader_that_has_gone_stops_no_agent() -> None:
    stream = io.StringIO()
    stream.close()
    Emitter("server", stream).emit("tick")


def test_many_threads_leave_no_gap() -> None:
    stream = io.StringIO()
    emitter = Emitter("server", stream)

    def tick() -> None:
        for _ in range(50):
            emitter.emit("tick")

    threads = [threading.Thread(target=tick) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emitter.end()
    found = list(read(stream.getvalue().splitlines()))
    assert [frame["seq"] for frame in found] == list(range(401))
    assert [frame["t_ns"] for frame in found] == sorted(frame["t_ns"] for frame in found)
    assert gap(found) is None

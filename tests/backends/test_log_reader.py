"""A log that is followed, broken off and read again delivers every frame once, whatever else stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent.frames import Frame, encode
from toolkit.backends.log_reader import LogReader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)
NOISE = st.lists(st.text(st.characters(exclude_characters="\n"), max_size=60), max_size=8)


def delivered(lines: Iterable[str]) -> list[Frame]:
    """What a reader of these lines delivers."""
    found: list[Frame] = []
    LogReader(found.append).read(lines)
    return found


def ticks(count: int) -> list[Frame]:
    return [{"seq": number, "side": "server", "kind": "tick", "t_ns": number} for number in range(count)]


@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=6), NOISE, st.data())
def test_frames_are_found_between_any_noise_each_once_and_none_that_is_torn(
    fields: list[dict[str, Any]], noise: list[str], data: st.DataObject
) -> None:
    wanted = [
        {**more, "seq": number, "side": "server", "kind": "tick", "t_ns": number} for number, more in enumerate(fields)
    ]
    lines = [encode(frame) for frame in wanted]
    torn = [line[: data.draw(st.integers(0, len(line) - 1))] for line in lines]
    mixed = [*lines, *lines]  # a log that is read twice
    for one in [*noise, *torn]:
        mixed.insert(data.draw(st.integers(0, len(mixed))), one)
    found = delivered(mixed)
    assert sorted(found, key=lambda frame: int(frame["seq"])) == wanted


def test_a_frame_with_one_byte_changed_is_no_frame() -> None:
    line = encode({"seq": 0, "side": "load", "kind": "end", "t_ns": 1, "count": 1})
    assert delivered([line.replace('"count":1', '"count":2')]) == []
    assert len(delivered([line])) == 1


@pytest.mark.parametrize("missing", ["seq", "side", "kind", "t_ns"])
def test_json_with_a_right_checksum_that_lacks_a_field_is_no_frame(missing: str) -> None:
    frame = {"seq": 0, "side": "load", "kind": "end", "t_ns": 1}
    del frame[missing]
    assert delivered([encode(frame)]) == []


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.integers(0, 12))
def test_follows_that_break_off_anywhere_and_the_whole_log_at_the_end_deliver_each_frame_once(
    breaks: list[int], count: int
) -> None:
    wanted = ticks(count)
    log = [encode(frame) for frame in wanted]
    follows = iter(log[:end] for end in breaks)
    left = iter(range(len(breaks) - 1))
    found: list[Frame] = []
    reader = LogReader(found.append)
    reader.follow(lambda: next(follows), ended=lambda: next(left, None) is None)
    assert next(follows, None) is None  # every follow was read
    assert found == wanted[: max(breaks)]
    reader.read(log)
    assert found == wanted


def test_an_error_of_the_log_is_raised_after_the_frames_before_it() -> None:
    def torn_connection() -> Iterator[str]:
        yield encode(ticks(1)[0])
        raise ConnectionResetError

    found: list[Frame] = []
    with pytest.raises(ConnectionResetError):
        LogReader(found.append).follow(torn_connection, ended=lambda: True)
    assert found == ticks(1)

"""Answers are cut out of what a server sends, however it arrives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent.answers import Answer, AnswerReader, BadAnswer

bodies = st.binary(max_size=300)


def plain(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def chunked(body: bytes) -> bytes:
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    data = b"".join(b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + data + b"0\r\nTrailer: x\r\n\r\n"


def interim(body: bytes) -> bytes:
    return b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + plain(body)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(
    st.lists(st.tuples(st.sampled_from([plain, chunked, interim]), bodies), max_size=5), st.lists(st.integers(0, 999))
)
def test_answers_come_back_whatever_their_form_and_wherever_the_stream_is_cut(
    sent: list[tuple[object, bytes]], cuts: list[int]
) -> None:
    reader = AnswerReader()
    for make, body in sent:
        data = make(body)  # type: ignore[operator]
        found = [answer for piece in pieces_of(data, cuts) if (answer := reader.feed(piece))]
        assert found == [Answer(200, body, len(data), closes=False)]


@given(bodies)
def test_an_answer_without_a_length_ends_with_the_connection(body: bytes) -> None:
    reader, data = AnswerReader(), b"HTTP/1.0 500 Oops\r\n\r\n" + body
    assert reader.feed(data) is None
    assert reader.closed() == Answer(500, body, len(data), closes=True)


def test_an_incomplete_answer_is_none() -> None:
    for data in (b"", b"HTTP/1.1 200", plain(b"right")[:-1], chunked(b"right")[:-2]):
        reader = AnswerReader()
        assert reader.feed(data) is None and reader.closed() is None


def test_an_answer_without_a_body_is_complete_at_its_head() -> None:
    found = AnswerReader().feed(b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n")
    assert found is not None and (found.status, found.body) == (204, b"")


def test_a_server_that_says_it_closes_is_believed() -> None:
    found = AnswerReader().feed(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n")
    assert found is not None and found.closes


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2x\r\n\r\n", b"HTTP/1.1 200\r\ncontent-length: -1\r\n\r\n"]
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        AnswerReader().feed(data)


def test_a_head_without_an_end_is_not_kept_for_ever() -> None:
    with pytest.raises(BadAnswer, match="65536"):
        AnswerReader().feed(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000)

"""Turns: the order of windows, how long they are, and how the load's agent asks a server's agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent.frames import Answers, Questions
from toolkit.agent.turns import MAX_SHORT_SECONDS, order, shape
from toolkit.backends.local.backend import free_port


def test_two_arms_take_turns_as_a_b_b_a_b_a_a_b() -> None:
    assert "".join("AB"[place] for _, place in order(2, 2)) == "ABBABAAB"
    assert [quad for quad, _ in order(2, 2)] == [0] * 4 + [1] * 4
    assert order(2, 0) == [(0, 0), (0, 1)]


@given(arms=st.integers(1, 4), quads=st.integers(1, 6))
def test_in_every_quad_each_arm_has_two_windows_whose_middle_is_the_same(arms: int, quads: int) -> None:
    found = order(arms, quads)
    for quad in range(quads):
        places = [place for number, place in found if number == quad]
        assert Counter(places) == dict.fromkeys(range(arms), 2)
        for place in range(arms):
            assert sum(at for at, one in enumerate(places) if one == place) == len(places) - 1


@pytest.mark.parametrize(
    ("latencies_ms", "cpu_shares", "connections", "quads", "seconds"),
    [
        ([22.0, 25.0], [0.99, 1.0], 128, 2, 1),  # a saturated server: the usual case
        ([22.0, 60.0], [0.99, 1.0], 128, 2, 2),  # 20 latencies of the slower arm take over a second
        ([22.0, 130.0], [0.99, 1.0], 128, 0, 0),  # over two seconds
        ([5.0, 5.0], [0.99, 1.0], 1, 0, 0),  # one connection: 1,000 requests take five seconds
        ([22.0, 25.0], [0.99, 0.3], 128, 0, 0),  # a server that waits
        ([], [], 128, 2, 1),  # no answers at all: the records say so
    ],
)
def test_windows_are_short_only_where_they_hold_enough(
    latencies_ms: list[float], cpu_shares: list[float], connections: int, quads: int, seconds: int
) -> None:
    found = shape(latencies_ms, cpu_shares, connections, 2)
    assert (found.quads, found.seconds) == (quads, seconds)
    assert bool(found.reason) == (quads == 0)


@given(
    latencies_ms=st.lists(st.floats(0.01, 10_000), min_size=1, max_size=4),
    connections=st.integers(1, 10_000),
)
def test_a_short_window_holds_twenty_latencies_and_a_thousand_requests(
    latencies_ms: list[float], connections: int
) -> None:
    found = shape(latencies_ms, [1.0], connections, 2)
    if found.quads:
        slowest_s = max(latencies_ms) / 1000
        assert found.seconds <= MAX_SHORT_SECONDS
        assert found.seconds >= 20 * slowest_s * 0.999 and found.seconds * connections / slowest_s >= 999


def test_a_question_gets_its_own_answer_and_none_where_nobody_answers() -> None:
    port = free_port()
    questions = Questions("127.0.0.1", port)
    assert questions.ask("cpu") is None

    def answer(question: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"double": 2 * question["value"]}

    answers = Answers("127.0.0.1", port, answer)
    try:
        assert [found["double"] for value in range(20) if (found := questions.ask("cpu", value=value))] == [
            2 * value for value in range(20)
        ]
    finally:
        answers.close()
    assert questions.ask("cpu") is None
    questions.close()

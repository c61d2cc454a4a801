"""Turns: the order of windows, how long they are, and how the load's agent asks a server's agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.agent.frames import Answers, Questions
from toolkit.agent.turns import MAX_SHORT_SECONDS, order, shape, share_used
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


def ticks(
    used: float, idle: int, foreign: int, steal: int = 0, throttled: int = 0, cpus: int = 1
) -> list[dict[str, Any]]:
    """Two answers to `tick` a second apart: CPU seconds of the server, the rest in hundredths of a second."""
    host = {"busy": round(used * 100) + foreign, "irq": 0, "steal": steal}
    host["total"] = host["busy"] + idle + steal
    first = {"cpu_seconds": 5.0, "throttled": 3, "cpus": cpus, "host": dict.fromkeys(host, 0)}
    return [first, {"cpu_seconds": 5.0 + used, "throttled": 3 + throttled, "cpus": cpus, "host": host}]


def test_a_server_waits_when_its_cpu_is_idle_and_not_when_others_take_it() -> None:
    assert share_used(*ticks(0.2, idle=80, foreign=0)) == pytest.approx(0.2)
    assert share_used(*ticks(0.2, idle=0, foreign=80)) == pytest.approx(1.0)
    assert share_used(*ticks(0.2, idle=0, foreign=0, steal=80)) == pytest.approx(1.0)
    assert share_used(*ticks(0.4, idle=60, foreign=0, throttled=9)) == 1.0  # a share of a CPU that was used up
    assert share_used(*ticks(1.0, idle=100, foreign=0, cpus=2)) == pytest.approx(2 / 3)  # one thread on two CPUs
    assert share_used(*ticks(0.0, idle=0, foreign=0)) is None

"""When measuring ends early: what fails at once, what never started, an environment that disturbs too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from toolkit.campaign.ending import Ending, endings, noise_endings, stop_reason, waiting_points
from toolkit.records.reasons import Rejection, outcome_of
from toolkit.records.store import Record
from toolkit.scenario.model import Point

KEYS = [point.key for point in POINTS]
FIRST, SECOND = POINTS
THIRD = 1 / 3


def failed(where: int, arm: str, reason: str, detail: str = "", *, block: int = 0, hopeless: bool = True) -> Record:
    rejections = [Rejection(reason, detail, hopeless)]
    one = a_record(POINTS[where], block, arm)
    return one.model_copy(update={"rejections": rejections, "outcome": outcome_of(rejections)})


def rejected(where: int, block: int, attempt: int = 1, reason: str = "foreign-cpu") -> Record:
    return a_record(POINTS[where], block, "3.14t", attempt, accepted=False, reason=reason)


def test_a_point_whose_first_answers_were_all_wrong_ends_with_the_server_s_words() -> None:
    detail = "1500 of 1500 (before): status 500, expected 200. The app's own error: KeyError: 'DSN'."
    records = [a_record(SECOND, 0, "3.14"), a_record(SECOND, 0, "3.14t"), failed(0, "3.14t", "wrong-answers", detail)]
    (found,) = endings(records, records, POINTS, THIRD)
    assert found.point == FIRST.key
    assert found.reason == f"3.14t gave wrong answers: {detail}"
    assert "path, status or body" in found.remedy


def test_both_arms_that_fail_alike_are_named_together() -> None:
    records = [failed(1, arm, "wrong-answers", "status 500") for arm in ("3.14t", "3.14")]
    (found,) = endings(records, records, POINTS, THIRD)
    assert found.reason == "3.14t and 3.14 gave wrong answers: status 500"


def test_a_redirect_ends_its_point_and_names_the_path_to_load() -> None:
    record = failed(0, "3.14", "wrong-answers", "5 of 5 (before): status 307, expected 200; Location: /orders/")
    (found,) = endings([record], [record], POINTS, THIRD)
    assert "--path /orders/" in found.remedy
    assert found.text("mine-own-app").startswith(
        f"mine-own-app: {FIRST.key} was given up: 3.14 gave wrong answers: 5 of 5"
    )


@pytest.mark.parametrize("reason", ["server-did-not-start", "server-not-ready", "server-died"])
def test_an_app_that_starts_at_no_point_ends_the_campaign_after_its_second(reason: str) -> None:
    first = [a_record(FIRST, 0, "3.14"), failed(0, "3.14t", reason, "No module named 'x'")]
    (found,) = endings(first, first, POINTS, THIRD)
    assert found.point == FIRST.key and "No module named 'x'" in found.reason
    both = [*first, failed(1, "3.14t", reason, "No module named 'x'")]
    (found,) = endings(both, both, POINTS, THIRD, [FIRST.key])
    assert found.text("night-asgi").startswith("night-asgi stopped: 3.14t did not ") or reason == "server-died"
    assert found.point is None and "at 2 of 2 points: No module named 'x'" in found.reason


def test_an_app_that_does_not_start_at_the_only_point_ends_the_campaign_at_once() -> None:
    one = failed(0, "3.14t", "server-died", "No module named 'x'")
    (found,) = endings([one], [one], [FIRST], THIRD)
    assert found == Ending(None, "3.14t ended by itself: No module named 'x'", found.remedy)


def test_one_impossible_cell_does_not_end_the_good_ones() -> None:
    records = [failed(1, "3.14t", "server-died", "can't start new thread"), a_record(FIRST, 0, "3.14t")]
    (found,) = endings(records, records, POINTS, THIRD)
    assert found.point == SECOND.key
    assert waiting_points(records, POINTS) == frozenset()


def test_where_no_second_point_is_left_nothing_is_known_of_the_others() -> None:
    one = failed(0, "3.14t", "server-died")
    (found,) = endings([one], [], POINTS, THIRD, given_up=[SECOND.key])  # SECOND was given up for noise
    assert found.point == FIRST.key


def test_a_trial_that_was_disturbed_shows_that_the_app_starts() -> None:
    ready = rejected(0, 0)
    ready = ready.model_copy(update={"metrics": ready.metrics.model_copy(update={"ready_seconds": 0.4})})
    records = [failed(1, "3.14t", "server-died"), ready]
    assert [one.point for one in endings(records, records, POINTS, THIRD)] == [SECOND.key]
    assert waiting_points(records, POINTS) == frozenset()


def test_an_app_that_did_not_start_is_tried_next_where_most_is_different_and_least_is_asked() -> None:
    points = [
        Point(endpoint=endpoint, workers=workers, threads=threads, connections=64)
        for endpoint in ("json", "io")
        for workers in (8, 1, 2)
        for threads in (64, 1)
    ]
    first = failed(0, "3.14", "server-not-ready")
    first = first.model_copy(update={"point": points[0].model_dump(), "point_key": points[0].key})
    left = {one.key for one in points} - waiting_points([first], points)
    assert left == {"io-w1-t1-c64"}
    assert waiting_points([first], points, ["io-w1-t1-c64"]) == {one.key for one in points} - {"io-w2-t1-c64"}


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["3.14", "3.14t"]), st.booleans()), max_size=12))
def test_no_campaign_ends_whose_arms_started_somewhere(trials: list[tuple[int, str, bool]]) -> None:
    records = [
        a_record(POINTS[where], block, arm) if starts else failed(where, arm, "server-died", block=block)
        for block, (where, arm, starts) in enumerate(trials)
    ]
    ended = any(one.point is None for one in endings(records, records, POINTS, 1.0))
    arms = {arm for _, arm, _ in trials}
    nowhere = [arm for arm in arms if not any(starts for _, name, starts in trials if name == arm)]
    everywhere = [arm for arm in nowhere if {where for where, name, _ in trials if name == arm} == {0, 1}]
    assert ended == bool(everywhere)


def test_a_point_that_needs_more_memory_than_there_is_does_not_end_the_others() -> None:
    one = failed(0, "3.14t", "out-of-memory", "the server used 300 bytes, its limit is 200")
    died = Rejection("server-died", "the server ended by itself (SIGKILL)", hopeless=True)
    one = one.model_copy(update={"rejections": [*one.rejections, died]})
    (found,) = endings([one], [one], POINTS, THIRD)
    assert (found.point, found.reason) == (
        FIRST.key,
        "3.14t reached its memory limit: the server used 300 bytes, its limit is 200",
    )
    assert "resources.server.memory" in found.remedy


def test_an_app_that_died_later_ends_nothing() -> None:
    before = [a_record(FIRST, 0, arm) for arm in ("3.14", "3.14t")]
    late = failed(0, "3.14t", "server-did-not-start", block=1)
    assert endings([*before, late], [late], POINTS, THIRD) == []


def test_a_failure_under_load_ends_nothing() -> None:
    one = failed(0, "3.14t", "stalled", hopeless=False)
    assert endings([one], [one], POINTS, THIRD) == []


def test_what_the_machine_explains_ends_nothing() -> None:
    taken = [Rejection("port-taken", "port 80"), Rejection("server-did-not-start", "", hopeless=True)]
    one = a_record(FIRST, 0, "3.14").model_copy(update={"rejections": taken, "outcome": outcome_of(taken)})
    assert endings([one], [one], POINTS, THIRD) == []


def good(where: int, blocks: int) -> list[Record]:
    return [a_record(POINTS[where], index, "3.14") for index in range(blocks)]


def test_a_campaign_stops_when_over_a_third_of_its_trials_are_rejected_for_one_cause_of_the_environment() -> None:
    bad = [rejected(index % 2, index) for index in range(4)]
    assert stop_reason(good(0, 6) + bad, KEYS, THIRD) == "4 of 10 trials were rejected for one cause: foreign-cpu"
    assert stop_reason(good(0, 6) + bad[:3], KEYS, THIRD) is None
    assert stop_reason(bad, KEYS, THIRD) is None  # too few to judge by
    own = [failed(index % 2, "3.14t", "stalled", block=index, hopeless=False) for index in range(4)]
    assert stop_reason(good(0, 6) + own, KEYS, THIRD) is None  # a finding about the server, not about the machine


def test_one_impossible_point_ends_alone() -> None:
    bad = [rejected(0, 0, attempt) for attempt in range(1, 7)]
    (found,) = noise_endings(good(1, 6) + bad, KEYS, THIRD)
    assert (found.point, found.reason) == (FIRST.key, "6 of 12 trials were rejected for one cause: foreign-cpu")
    assert "--limit foreign_cpu=" in found.remedy and "--resume" in found.remedy
    assert stop_reason(good(1, 6) + bad, KEYS, THIRD) is None


def test_the_only_point_of_a_campaign_ends_the_campaign() -> None:
    bad = [rejected(0, 0, attempt) for attempt in range(1, 10)]
    assert [one.point for one in noise_endings(bad, KEYS[:1], THIRD)] == [None]


def test_noise_before_a_resume_does_not_end_the_resumed_run() -> None:
    noisy = [rejected(index % 2, index) for index in range(9)]
    assert endings(noisy, noisy, POINTS, THIRD)[0].point is None
    assert endings(noisy + good(0, 1), good(0, 1), POINTS, THIRD) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["counted", "foreign-cpu", "stolen", "stalled"])), max_size=40
    )
)
def test_noise_ends_each_point_once_and_the_campaign_at_most_once(trials: list[tuple[int, str]]) -> None:
    records = [
        a_record(POINTS[where], number, "3.14", accepted=what == "counted", reason=what)
        for number, (where, what) in enumerate(trials)
    ]
    found = noise_endings(records, KEYS, THIRD)
    assert len({one.point for one in found}) == len(found) <= 2
    if len(records) < 9:
        assert found == []

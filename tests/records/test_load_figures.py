"""What the load's side adds to a record, on the frames of a real good trial with one thing changed."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import run_trial, scenario
from toolkit.agent import system
from toolkit.agent.frames import Frame
from toolkit.backends.local.backend import LocalBackend
from toolkit.records.store import Record, record
from toolkit.trial.model import Arm, Trial

Good = tuple[Trial, list[Frame]]


@pytest.fixture(scope="module")
def good(backend: LocalBackend, arms: tuple[Arm, Arm]) -> Good:
    """A real trial that counts, with the limits on a busy machine loose: these tests are not about noise."""
    one = scenario("faulty:right")
    loose = one.limits.model_copy(update={"foreign_cpu": 1, "steal": 1, "throttled_periods": 1, "stall_ms": 20_000})
    trial, frames = run_trial(backend, one.model_copy(update={"limits": loose}), arms[1])
    assert record(trial, frames).rejections == []
    return trial, frames


def judged(good: Good, change: Callable[[list[Frame]], Any], **endpoint: Any) -> Record:
    trial, frames = good
    mine = copy.deepcopy(frames)
    change(mine)
    if endpoint:
        plain = trial.scenario.endpoints["plain"].model_copy(update=endpoint)
        trial = dataclasses.replace(trial, scenario=trial.scenario.model_copy(update={"endpoints": {"plain": plain}}))
    return record(trial, mine)


def each(frames: list[Frame], kind: str) -> list[Frame]:
    return [frame for frame in frames if frame["kind"] == kind]


def measured(frames: list[Frame]) -> Frame:
    return next(frame for frame in each(frames, "window_end") if frame["measured"])


def full_load(frames: list[Frame]) -> Frame:
    return next(frame for frame in each(frames, "validated") if frame["when"] == "full load")


def reasons(one: Record) -> set[str]:
    return {rejection.reason for rejection in one.rejections}


def test_answers_are_validated_at_full_load_outside_of_the_windows(good: Good) -> None:
    trial, frames = good
    one = record(trial, frames)
    found = next(tally for tally in one.load["validated"] if tally["when"] == "full load")
    assert found["connections"] == trial.point.connections == 16 and found["count"] > 100
    assert full_load(frames)["t_ns"] > measured(frames)["t_ns"]


def test_the_error_rate_that_could_be_missed_counts_answers_under_load_alone(good: Good) -> None:
    def many_before(frames: list[Frame]) -> None:
        for frame in each(frames, "validated"):
            if frame["when"] in ("before", "after"):
                frame["count"] = 1_000_000

    one = judged(good, many_before)
    under_load = [tally["count"] for tally in one.load["validated"] if tally["when"] not in ("before", "after")]
    assert len(under_load) == 3  # the warm-up, the measured window and the burst
    assert one.metrics.undetected_error_rate == pytest.approx(3 / sum(under_load))


def test_with_several_workers_the_rate_that_one_of_them_could_hide_is_larger(good: Good) -> None:
    trial, frames = good
    four = dataclasses.replace(trial, point=trial.point.model_copy(update={"workers": 4}))
    metrics = record(four, frames).metrics
    assert metrics.undetected_error_rate and metrics.undetected_error_rate_per_worker
    assert metrics.undetected_error_rate_per_worker == pytest.approx(4 * metrics.undetected_error_rate)


def test_a_wrong_answer_at_full_load_fails_the_trial(good: Good) -> None:
    one = judged(good, lambda frames: full_load(frames).update(wrong=1, first_problem="status 500, expected 200"))
    assert (one.outcome, one.rejections[0].reason) == ("failed", "wrong-answers")
    assert "full load" in one.rejections[0].detail and "status 500" in one.rejections[0].detail


def another_size(frames: list[Frame]) -> None:
    end = measured(frames)
    output = json.loads(end["stdout"])
    end["stdout"] = json.dumps({**output, "transfer_total": output["transfer_total"] * 1.2})


def test_bytes_are_compared_where_answers_have_one_size(good: Good) -> None:
    one = judged(good, another_size)
    assert reasons(one) == {"wrong-answers"} and "another size" in one.rejections[0].detail


def test_any_body_may_have_any_size_and_the_record_says_that_sizes_were_not_compared(good: Good) -> None:
    one = judged(good, another_size, text=None, any_body=True)
    assert one.accepted
    assert "any body is accepted, so sizes of answers were not compared" in one.notes


def test_sizes_that_vary_among_right_answers_are_not_compared(good: Good) -> None:
    def growing(frames: list[Frame]) -> None:
        another_size(frames)
        low, high = full_load(frames)["sizes"]
        full_load(frames)["sizes"] = [low, high + 1]

    one = judged(good, growing)
    assert one.accepted and any("sizes of answers were not compared" in note for note in one.notes)


def test_the_agents_requests_are_in_the_denominator_of_cpu_per_request(good: Good) -> None:
    trial, frames = good
    sent = measured(frames)["validated"]["count"]
    total = record(trial, frames).load["result"]["requests_total"]
    none = judged(good, lambda frames: measured(frames)["validated"].update(count=0)).metrics
    as_many = judged(good, lambda frames: measured(frames)["validated"].update(count=total)).metrics
    assert sent > 0 and none.cpu_seconds_per_1000_requests
    assert as_many.cpu_seconds_per_1000_requests == pytest.approx(none.cpu_seconds_per_1000_requests / 2)


def test_a_record_holds_the_machine_that_its_server_ran_on(good: Good) -> None:
    assert record(*good).server["machine"] == system.machine()


def test_the_agents_own_cpu_is_not_charged_to_the_load_generator(good: Good) -> None:
    before = record(*good).metrics.loader_saturation
    after = judged(good, lambda frames: measured(frames).update(agent_cpu_seconds=50.0))
    assert after.accepted and after.metrics.loader_saturation == before


def test_a_generator_of_one_thread_on_several_cpus_is_saturated_at_one_cpu(good: Good) -> None:
    def one_thread_of_four_cpus(frames: list[Frame]) -> None:
        end, start = measured(frames), next(one for one in each(frames, "window_start") if one["measured"])
        end["cpu_seconds"] = 0.9 * (end["end_ns"] - start["t_ns"]) / 1e9
        for hello in each(frames, "hello"):
            if hello["side"] == "load":
                hello["cpus"] = [100, 101, 102, 103]
        each(frames, "outcome")[0]["cpus"]["load"] = [100, 101, 102, 103]

    one = judged(good, one_thread_of_four_cpus)
    assert one.metrics.loader_saturation == pytest.approx(0.9)
    assert "loader-saturated" in reasons(one)


def test_more_than_64_processes_are_no_strangers(good: Good) -> None:
    def many(frames: list[Frame]) -> None:
        pid = each(frames, "memory")[0]["pids"][0]
        for frame in each(frames, "memory"):
            frame["pids"] = [pid, *range(900_000, 900_200)]
        each(frames, "runtime")[0]["workers"][0]["pid"] = 900_199

    assert judged(good, many).accepted


def test_a_worker_that_started_after_the_last_memory_sample_is_no_stranger(good: Good) -> None:
    def late(frames: list[Frame]) -> None:
        each(frames, "processes")[0]["pids"].append(900_000)
        each(frames, "runtime")[1]["workers"][0]["pid"] = 900_000

    assert judged(good, late).accepted


def test_a_page_of_the_app_at_the_runtime_path_is_named_with_the_remedy(good: Good) -> None:
    def own_page(frames: list[Frame]) -> None:
        each(frames, "runtime")[0].update(workers=[], not_ours=8, other_answer='{"status": "up"}')

    (found,) = judged(good, own_page).rejections
    assert found.reason == "runtime-unknown" and found.hopeless
    assert '{"status": "up"}' in found.detail and "wrapped: true" in found.detail

"""Checks that no test can provoke for real here, on the frames of a real good trial with one thing changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import run_trial, scenario
from toolkit.agent.frames import Frame
from toolkit.backends.local.backend import LocalBackend
from toolkit.records.store import Record, record
from toolkit.trial.model import Arm, Trial

Good = tuple[Trial, list[Frame]]
Change = Callable[[list[Frame]], Any]


@pytest.fixture(scope="module")
def good(backend: LocalBackend, arms: tuple[Arm, Arm]) -> Good:
    """A real trial that counts, with limits as a quiet machine has them but for other work."""
    trial, frames = run_trial(backend, scenario("faulty:right"), arms[1])
    return trial, frames


def judged(good: Good, change: Change) -> Record:
    trial, frames = good
    mine = copy.deepcopy(frames)
    change(mine)
    return record(trial, mine)


def each(frames: list[Frame], kind: str) -> list[Frame]:
    return [frame for frame in frames if frame["kind"] == kind]


def test_the_trial_itself_counts(good: Good) -> None:
    assert record(*good).rejections == []


def test_the_record_holds_both_command_lines_whole(good: Good) -> None:
    one = record(*good)
    assert one.server["argv"][1:4] == ["-m", "granian", "--interface"]
    assert one.load["argv"][-3:] == ["-d", "2s", "--json"]
    assert "PYTHON_GIL" not in one.server["env"]


def steal(frames: list[Frame]) -> None:
    for number, frame in enumerate(each(frames, "tick")):
        frame["host"]["steal"] += 30 * number


def throttle_server(frames: list[Frame]) -> None:
    for number, frame in enumerate(each(frames, "tick")):
        frame["throttling"] = {"periods": 10 * number, "throttled": 2 * number, "throttled_us": 500 * number}


def throttle_loader(frames: list[Frame]) -> None:
    for frame in each(frames, "window_end"):
        frame["throttling"] = {"periods": 100, "throttled": 10, "throttled_us": 5000}


def other_boot(frames: list[Frame]) -> None:
    each(frames, "hello")[-1]["boot_id"] = "another"


def lose_one(frames: list[Frame]) -> None:
    frames.remove(each(frames, "tick")[3])


def lose_the_end(frames: list[Frame]) -> None:
    frames.remove(each(frames, "end")[-1])


def lose_the_outcome(frames: list[Frame]) -> None:
    frames.remove(each(frames, "outcome")[0])


def elsewhere(frames: list[Frame]) -> None:
    each(frames, "hello")[0]["cpus"] = [77]


def cool_down(frames: list[Frame]) -> None:
    for frame in each(frames, "window_end"):
        if frame["name"] == "warmup":
            frame["end_ns"] -= 6_000_000_000


def somebody_elses(frames: list[Frame]) -> None:
    each(frames, "runtime")[0]["workers"][0]["pid"] = 1


def nobody_answers(frames: list[Frame]) -> None:
    each(frames, "runtime")[1]["workers"] = []


def wrong_build(frames: list[Frame]) -> None:
    each(frames, "runtime")[0]["workers"][0]["gil_disabled_build"] = False


def no_memory_samples(frames: list[Frame]) -> None:
    for frame in each(frames, "memory"):
        frames.remove(frame)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (steal, "stolen"),
        (throttle_server, "throttled"),
        (throttle_loader, "throttled"),
        (other_boot, "different-kernels"),
        (lose_one, "frames-missing"),
        (lose_the_end, "frames-missing"),
        (lose_the_outcome, "interrupted"),
        (elsewhere, "not-pinned"),
        (cool_down, "cold"),
        (somebody_elses, "port-taken"),
        (nobody_answers, "runtime-unknown"),
        (wrong_build, "wrong-build"),
        (no_memory_samples, "not-sampled"),
    ],
)
def test_one_thing_wrong_rejects_it(good: Good, change: Change, reason: str) -> None:
    if change is steal:
        good = (limits_of_a_quiet_machine(good[0]), good[1])
    assert reason in {rejection.reason for rejection in judged(good, change).rejections}


def shared_cpus(frames: list[Frame]) -> None:
    """As on a cluster without the static CPU manager: one CPU was asked for, all of the node's may be run on."""
    each(frames, "outcome")[0].update(cpus=None, cpu_counts={"server": 1})
    next(one for one in each(frames, "hello") if one["side"] == "server")["cpus"] = [0, 1, 2, 3]


def test_a_server_that_was_to_have_cpus_of_its_own_and_has_none_is_rejected_with_the_remedy(good: Good) -> None:
    (found,) = judged(good, shared_cpus).rejections
    assert found.reason == "not-pinned"
    assert "asked for 1 CPUs of its own, could run on 4" in found.detail and "cpuManagerPolicy" in found.detail


def test_where_pinning_is_only_preferred_it_counts(good: Good) -> None:
    def preferred(frames: list[Frame]) -> None:
        shared_cpus(frames)
        each(frames, "outcome")[0]["cpu_counts"] = {"server": None}

    assert judged(good, preferred).accepted


def test_pods_that_are_meant_to_be_throttled_count_and_say_how_much_they_were(good: Good) -> None:
    def meant(frames: list[Frame]) -> None:
        throttle_server(frames)
        throttle_loader(frames)
        each(frames, "outcome")[0]["throttling"] = "measure"

    one = judged(good, meant)
    assert one.accepted
    assert one.metrics.throttled_periods == pytest.approx(0.2)
    assert one.metrics.loader_throttled_periods == pytest.approx(0.1)
    assert one.server["throttled_seconds"] > 0


def test_a_server_with_a_share_of_a_cpu_may_use_it_up_but_its_loader_may_not(good: Good) -> None:
    def server(frames: list[Frame]) -> None:
        throttle_server(frames)
        each(frames, "outcome")[0]["cpu_quota"] = {"server": 0.5, "load": None}

    def both(frames: list[Frame]) -> None:
        server(frames)
        throttle_loader(frames)

    assert judged(good, server).accepted
    assert judged(good, server).metrics.throttled_periods == pytest.approx(0.2)
    assert judged(good, both).rejections[0].reason == "throttled"


def test_pages_that_strangers_share_are_counted_and_noted(good: Good) -> None:
    def strangers(frames: list[Frame]) -> None:
        for frame in each(frames, "memory"):
            frame["strangers_kb"] = 5000

    alone, among = judged(good, lambda frames: None), judged(good, strangers)
    assert alone.metrics.memory_mb is not None and among.metrics.memory_mb is not None
    assert among.accepted
    assert any("5.1 MB of its pages" in note for note in among.notes)
    assert among.server["strangers_mb"] == pytest.approx(5.12)


def test_what_the_backend_notes_is_in_the_record(good: Good) -> None:
    def noted(frames: list[Frame]) -> None:
        each(frames, "outcome")[0]["notes"] = ["a cgroup could not be removed"]

    assert "a cgroup could not be removed" in judged(good, noted).notes


def limits_of_a_quiet_machine(trial: Trial) -> Trial:
    limits = trial.scenario.limits.model_copy(update={"steal": 0.02})
    mine = trial.scenario.model_copy(update={"limits": limits})
    return Trial(trial.campaign, mine, trial.point, trial.block, trial.arm, trial.attempt)


def test_what_the_machine_did_rejects_and_what_the_server_did_fails(good: Good) -> None:
    assert judged(good, throttle_server).outcome == "rejected"
    assert judged(good, wrong_build).outcome == "failed"


def all_wrong(when: str) -> Change:
    def change(frames: list[Frame]) -> None:
        for one in each(frames, "validated"):
            if one["when"] == when:
                one.update(wrong=one["count"], first_problem="status 500, expected 200")

    return change


def some_wrong_before(frames: list[Frame]) -> None:
    next(one for one in each(frames, "validated") if one["when"] == "before").update(
        wrong=1, first_problem="status 500"
    )


def gil_of(number: int) -> Change:
    def change(frames: list[Frame]) -> None:
        each(frames, "runtime")[number]["workers"][0]["gil_disabled_build"] = False

    return change


@pytest.mark.parametrize(
    ("change", "reason", "hopeless"),
    [
        (all_wrong("before"), "wrong-answers", True),
        (all_wrong("after"), "wrong-answers", False),
        (some_wrong_before, "wrong-answers", False),
        (gil_of(0), "wrong-build", True),
        (gil_of(1), "wrong-build", False),
    ],
)
def test_only_what_held_before_the_load_and_for_every_answer_is_the_same_every_time(
    good: Good, change: Change, reason: str, hopeless: bool
) -> None:
    one = judged(good, change)
    assert one.outcome == "failed"
    assert {found.reason: found.hopeless for found in one.rejections}[reason] is hopeless


def logs(*lines: str) -> Change:
    """The server printed these lines, and no answer before the load was right."""

    def change(frames: list[Frame]) -> None:
        all_wrong("before")(frames)
        hello = next(one for one in each(frames, "hello") if one["side"] == "server")
        head = {key: hello[key] for key in ("seq", "side", "t_ns")}
        frames[:] = [one for one in frames if one["kind"] != "log"]
        frames.extend({**head, "kind": "log", "stream": "stderr", "text": line} for line in lines)

    return change


TRACEBACK = ("Traceback (most recent call last):", '  File "a.py", line 1, in app', "    raise KeyError('DSN')")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((*TRACEBACK, "KeyError: 'DSN'", "[INFO] more"), " The app's own error: KeyError: 'DSN'."),
        ((*TRACEBACK, "RuntimeError: no such module."), " The app's own error: RuntimeError: no such module."),
        (("[INFO] all is well",), ""),
        # The middle of a long log is omitted.
        ((*["x"] * 17, *TRACEBACK, *['  File "b.py"'] * 30, "OSError: full"), " The app's own error: OSError: full."),
    ],
)
def test_a_failure_has_the_last_line_of_the_app_s_own_traceback(good: Good, lines: tuple[str, ...], words: str) -> None:
    detail = judged(good, logs(*lines)).rejections[0].detail
    assert detail.endswith(f"{words}" if words else "expected 200") and "error: ." not in detail


def stalls(frames: list[Frame]) -> None:
    """One validated request of the measured window took a minute."""
    for one in each(frames, "window_end"):
        one["validated"]["latency_max_ms"] = 60_000


def test_a_stall_is_the_server_s_own_unless_the_machine_was_disturbed_too(good: Good) -> None:
    assert judged(good, stalls).outcome == "failed"

    def both(frames: list[Frame]) -> None:
        stalls(frames)
        throttle_server(frames)

    disturbed = judged(good, both)
    assert disturbed.outcome == "rejected"
    assert {one.reason for one in disturbed.rejections} == {"stalled", "throttled"}


def test_a_record_holds_the_figures_of_its_measured_window(good: Good) -> None:
    one = record(*good)
    assert (one.record_schema, one.mode, one.outcome) == (2, "apart", "counted")
    (window,) = one.windows
    assert window.name == "measure" and window.metrics == one.metrics and window.seconds


def test_without_a_quota_nothing_is_throttled(good: Good) -> None:
    assert record(*good).metrics.throttled_periods == 0.0


def test_the_shared_pages_of_the_agent_are_given_back_to_the_server(good: Good) -> None:
    def share_more(frames: list[Frame]) -> None:
        for frame in each(frames, "memory"):
            frame["agent_pss_kb"] += 1000

    before, after = record(*good).metrics.memory_mb, judged(good, share_more).metrics.memory_mb
    assert before is not None
    assert after == pytest.approx(before + 1.024)


def test_cpu_is_cut_to_the_measured_window(good: Good) -> None:
    metrics = record(*good).metrics
    assert metrics.server_cpus_used is not None
    assert 0 < metrics.server_cpus_used < 1.1

    def burn_before_the_window(frames: list[Frame]) -> None:
        start = next(frame["t_ns"] for frame in each(frames, "window_start") if frame["measured"])
        for frame in each(frames, "tick"):
            if frame["t_ns"] < start - 500_000_000:
                frame["cpu_seconds"] -= 100

    assert judged(good, burn_before_the_window).metrics.server_cpus_used == metrics.server_cpus_used


def test_a_record_is_the_same_whatever_order_the_two_sides_came_in(good: Good) -> None:
    trial, frames = good
    by_side = sorted(frames, key=lambda frame: (frame["side"], frame["seq"]))
    assert record(trial, by_side) == record(trial, frames)

"""Records of blocks in turns, from frames as agents send them: what is kept, what is dropped, whose fault it was."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import scenario
from toolkit.agent.frames import Frame
from toolkit.agent.turns import order
from toolkit.records.store import Record
from toolkit.records.turns import block_records, moved_apart
from toolkit.trial.block import BlockTrials
from toolkit.trial.model import Arm, Trial

ARMS = (Arm("3.14", "gil", "/nowhere/3.14"), Arm("3.14t", "free-threaded", "/nowhere/3.14t"))
SECOND = 1_000_000_000
CONNECTIONS = 16
Change = Callable[[Frame], Frame | None]


def a_block(rates: Sequence[float], change: Change = lambda frame: frame, quads: int = 2) -> list[Record]:
    """The records of a block whose windows had these requests/s, in their order; change: of each frame, or its loss."""
    one = scenario("one_arm:right", connections=CONNECTIONS)
    one = one.model_copy(update={"limits": one.limits.model_copy(update={"foreign_cpu": 0.03, "steal": 0.02})})
    block = BlockTrials(tuple(Trial("test", one, one.points()[0], 0, arm, 1) for arm in ARMS), "turns")
    return block_records(block, [made for frame in _frames(rates, quads) if (made := change(frame)) is not None])


class _Agents:
    """Numbers the frames of each agent and moves time on."""

    def __init__(self) -> None:
        self.now, self.frames = SECOND, list[Frame]()
        self._numbers: dict[str, int] = {}

    def emit(self, sender: str, kind: str, **fields: Any) -> None:
        number = self._numbers.setdefault(sender, 0)
        self._numbers[sender] += 1
        side = "load" if sender == "load" else "server"
        named = {} if side == "load" else {"arm": sender}
        self.frames.append({"seq": number, "side": side, "kind": kind, "t_ns": self.now, **named, **fields})

    def end(self, sender: str) -> None:
        self.emit(sender, "end", count=self._numbers.get(sender, 0) + 1)


def _frames(rates: Sequence[float], quads: int) -> list[Frame]:
    made, names = _Agents(), [arm.name for arm in ARMS]
    cpu = dict.fromkeys(names, 1.0)
    busy = total = 0
    tally = {"count": 50, "wrong": 0, "errors": 0, "first_problem": "", "latency_median_ms": 1.0, "latency_max_ms": 2.0}
    tally |= {"latency_total_ms": 50.0, "sizes": [100, 100]}
    for name in names:
        made.emit(
            name, "hello", boot_id="b", wall_time=1.0, agent="a", python="3.14", pid=1, cpus=[1], cgroup_version=1
        )
        made.emit(name, "server_started", pid=10 + len(name), argv=[], env={})
        made.emit(name, "ready", seconds=1.0)
    made.emit("load", "hello", boot_id="b", wall_time=1.0, agent="a", python="3.14", pid=2, cpus=[0])
    for name in names:
        made.emit("load", "validated", arm=name, when="before", **tally)
        made.emit("load", "runtime", arm=name, when="before", **_workers(name))
    made.emit("load", "turns", quads=quads, seconds=1, reason="")

    def window(name: str, arm: str, rate: float, *, measured: bool) -> None:
        nonlocal busy, total
        made.emit("load", "window_start", arm=arm, name=name, measured=measured, seconds=1)
        for step in range(2):
            made.now += SECOND // 4
            for one in names:
                host = {"busy": busy, "irq": 0, "steal": 0, "total": total}
                throttling = {"periods": 0, "throttled": 0, "throttled_us": 0}
                made.emit(
                    one,
                    "tick",
                    window=name,
                    cpu_seconds=cpu[one],
                    agent_cpu_seconds=0.0,
                    host=host,
                    throttling=throttling,
                )
            if step == 0:
                made.now += SECOND // 2
                cpu[arm] += 0.75
                busy, total = busy + 75, total + 75
        latency_ms = 1000 * CONNECTIONS / rate
        made.emit(
            "load", "window_end", arm=arm, name=name, measured=measured, asked_seconds=1, seconds=1, end_ns=made.now,
            argv=["rewrk"], stdout=_rewrk(rate, latency_ms), stderr="", threads=1, cpu_seconds=0.1, agent_cpu_seconds=0.1,
            throttling={"periods": 0, "throttled": 0}, validated=tally, code=0, signal=None,
        )  # fmt: skip
        made.emit(
            arm, "memory", window=name, pids=[10 + len(arm)], pss_kb=90_000, uss_kb=80_000, rss_kb=95_000,
            agent_pss_kb=0, agent_uss_kb=0, strangers_kb=0, frequency_mhz=None,
        )  # fmt: skip

    for name in names:
        window("warmup-1", name, 1000.0, measured=False)
    for number, ((quad, place), rate) in enumerate(zip(order(2, quads), rates, strict=True), 1):
        made.emit("load", "turn", arm=names[place], name=f"turn-{number}", quad=quad)
        window(f"turn-{number}", names[place], rate, measured=True)
    for name in names:
        made.emit("load", "server_closed", arm=name, count=0)
        made.emit("load", "validated", arm=name, when="after", **tally)
        made.emit("load", "runtime", arm=name, when="after", **_workers(name))
    made.end("load")
    for name in names:
        made.emit(name, "server_exit", by_itself=False, code=0, signal=None, oom_kills=0)
        made.end(name)
        made.frames.append(
            {"seq": 0, "side": "backend", "kind": "outcome", "t_ns": made.now, "arm": name, "slot": "here"}
        )
    return made.frames


def _workers(arm: str) -> dict[str, Any]:
    free = arm == "3.14t"
    worker = {"pid": 10 + len(arm), "thread_id": 1, "abi": arm, "gil_disabled_build": free, "gil_enabled": not free}
    return {"workers": [worker], "unanswered": 0, "not_ours": 0, "other_answer": ""}


def _rewrk(rate: float, latency_ms: float) -> str:
    figures = {"latency_avg": latency_ms * (1 - latency_ms / 2000), "latency_max": 2 * latency_ms, "latency_min": 0.1}
    figures |= {"latency_std_deviation": 0.1, "requests_avg": rate, "requests_total": round(rate)}
    return json.dumps({**figures, "transfer_total": 100 * round(rate), "transfer_rate": 100 * rate})


def at(kind: str, window: str, **fields: Any) -> Change:
    """Changes the frames of a kind in a window; values that are mappings are merged."""

    def change(frame: Frame) -> Frame:
        if frame["kind"] != kind or window not in (frame.get("window"), frame.get("name")):
            return frame
        merged = {
            key: {**frame[key], **value} if isinstance(value, Mapping) else value for key, value in fields.items()
        }
        return {**frame, **merged}

    return change


def stolen(*windows: str) -> Change:
    """The host takes a tenth of the time of these windows; the second tick of a window is at a whole second."""

    def change(frame: Frame) -> Frame:
        if frame["kind"] == "tick" and frame["window"] in windows and frame["t_ns"] % SECOND == 0:
            return {**frame, "host": {**frame["host"], "steal": 10}}
        return frame

    return change


STEADY = [3000.0] * 8


@given(rates=st.lists(st.floats(500, 5000), min_size=8, max_size=8))
def test_the_log_ratio_of_two_records_is_the_mean_over_quads_of_the_quads_log_ratio(rates: list[float]) -> None:
    first, second = a_block(rates)
    assert first.outcome == second.outcome == "counted"
    assert first.metrics.requests_per_second and second.metrics.requests_per_second
    quads = [
        fmean(math.log(rates[i]) for i in b) - fmean(math.log(rates[i]) for i in a)
        for a, b in (((0, 3), (1, 2)), ((5, 6), (4, 7)))
    ]
    ratio = math.log(second.metrics.requests_per_second / first.metrics.requests_per_second)
    assert math.isclose(ratio, fmean(quads), abs_tol=1e-9)


@given(drift=st.floats(-0.05, 0.05))
def test_a_drift_of_the_machine_falls_out_of_the_ratio(drift: float) -> None:
    first, second = a_block(
        [3000 * math.exp(drift * step) * (1.0, 0.8)[place] for step, (_, place) in enumerate(order(2, 2))]
    )
    assert first.metrics.requests_per_second and second.metrics.requests_per_second
    assert math.isclose(second.metrics.requests_per_second / first.metrics.requests_per_second, 0.8, rel_tol=1e-9)


def test_cpu_time_of_a_window_is_a_slope_and_the_idle_server_is_not_foreign() -> None:
    for one in a_block(STEADY):
        assert one.metrics.server_cpus_used is not None and math.isclose(
            one.metrics.server_cpus_used, 1.0, rel_tol=0.01
        )
        assert one.metrics.foreign_cpu == 0.0
        assert one.turns is not None and one.turns.idle_cpu == 0.0 and one.turns.dropped == []


def test_a_disturbance_in_one_window_drops_its_quad_for_both_arms() -> None:
    rates = [3000.0, 300.0, *[3000.0] * 6]
    first, second = a_block(rates, stolen("turn-2"))
    for one in (first, second):
        assert one.outcome == "counted" and one.turns is not None
        assert [(drop.quad, drop.arm, drop.reason) for drop in one.turns.dropped] == [(0, "3.14t", "stolen")]
        assert len(one.turns.kept) == 2
        assert one.metrics.requests_per_second and math.isclose(one.metrics.requests_per_second, 3000)
    assert second.turns and second.turns.undropped_requests_per_second
    assert math.isclose(second.turns.undropped_requests_per_second, 3000 * 0.1**0.25)


def test_two_disturbed_quads_of_two_reject_the_block_for_both_arms() -> None:
    stolen_twice = a_block(STEADY, stolen("turn-3", "turn-5"))
    assert [one.outcome for one in stolen_twice] == ["rejected", "rejected"]
    assert all(one.rejections[0].detail.startswith("2 of 2 quads were disturbed") for one in stolen_twice)


def test_a_window_that_one_arm_lacks_drops_its_quad_for_both() -> None:
    """As when a server's agent did not answer in time: without a second sample there is no CPU time."""

    def no_end(frame: Frame) -> bool:
        return (frame["kind"], frame.get("name")) == ("window_end", "turn-2")

    def no_samples(frame: Frame) -> bool:
        return (frame["kind"], frame.get("window"), frame.get("arm")) == ("tick", "turn-2", "3.14t")

    for lacks in (no_end, no_samples):
        rates = [3000.0, 3000.0, 300.0, *[3000.0] * 5]
        # An agent leaves no gap in its numbers, so a frame of an unknown kind takes the place.
        for one in a_block(rates, lambda frame, lacks=lacks: {**frame, "kind": "x"} if lacks(frame) else frame):  # type: ignore[misc]
            assert one.outcome == "counted" and one.turns is not None
            (drop,) = one.turns.dropped
            assert (drop.quad, drop.arm, drop.reason) == (0, "3.14t", "not-measured")
            assert one.metrics.requests_per_second and math.isclose(one.metrics.requests_per_second, 3000)


def test_wrong_answers_of_one_arm_fail_that_arm_alone() -> None:
    first, second = a_block(STEADY, at("window_end", "turn-5", validated={"wrong": 1, "first_problem": "status 500"}))
    assert first.outcome == "counted"
    assert second.outcome == "failed" and second.rejections[0].reason == "wrong-answers"


def test_a_stall_is_the_servers_own_unless_the_other_arm_stalls_too() -> None:
    stall = {"latency_max_ms": 5000.0}
    first, second = a_block(STEADY, at("window_end", "turn-2", validated=stall))
    assert first.outcome == "counted" and second.outcome == "failed"
    assert [found.reason for found in second.rejections] == ["stalled"]

    one_arm, other_arm = at("window_end", "turn-2", validated=stall), at("window_end", "turn-4", validated=stall)
    for one in a_block(STEADY, lambda frame: other_arm(one_arm(frame) or frame)):
        assert one.outcome == "counted" and one.turns is not None
        assert [(drop.quad, drop.reason) for drop in one.turns.dropped] == [(0, "stalled")]


def test_a_frame_that_is_missing_rejects_the_arms_that_may_lack_it() -> None:
    lost = a_block(
        STEADY, lambda frame: None if (frame["kind"], frame.get("arm")) == ("server_closed", "3.14") else frame
    )
    assert [[found.reason for found in one.rejections] for one in lost] == [["frames-missing"], ["frames-missing"]]


def test_a_server_that_does_not_idle_moves_its_point_apart() -> None:
    def busy(frame: Frame) -> Frame:
        if frame["kind"] == "tick" and frame["arm"] == "3.14t" and frame["window"] in ("turn-1", "turn-4", "turn-6"):
            return {**frame, "cpu_seconds": frame["cpu_seconds"] + frame["t_ns"] / SECOND * 0.01}
        return frame

    both = a_block(STEADY, busy)
    assert [one.outcome for one in both] == ["rejected", "rejected"]
    assert moved_apart(both, both[0].point_key).startswith("3.14t used 0.8% of a CPU while others were loaded")
    assert moved_apart(both, "another") == ""

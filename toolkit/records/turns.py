"""The records of a block whose servers took turns: one for each arm, from the block's frames. Pure.

An arm's requests/s and its CPU time per request are geometric means over its windows of the quads that are kept. So the log
ratio of two records of a block is the mean over quads of the quad's log ratio. A disturbance drops a whole quad, with the
windows of all arms in it, by signals that do not depend on the arm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.agent.frames import Frame
from toolkit.records import checks
from toolkit.records.disturbances import disturbances, disturbed, without_wanted_waits
from toolkit.records.metrics import IDLE, Measurement, first_of_kind, measure, of_kind
from toolkit.records.reasons import Rejection, outcome_of
from toolkit.records.store import DroppedQuad, Metrics, Record, Turns, WindowFigures, assembled
from toolkit.trial.block import BlockTrials
from toolkit.trial.model import Trial

SHORT_DISTURBANCE = 0.05
"""In a window of less than `checks.SHORT_SECONDS` a disturbance below this share is the rounding of the kernel's ticks (10 ms)."""

IDLE_SHARE = 0.003
"""A server that uses more of a CPU while others are loaded takes it from them: its point is then measured apart."""

MIN_KEPT_SHARE = 0.5
"""Of the quads of a block."""

MEANS_OF_LOGS = ("requests_per_second", "cpu_seconds_per_1000_requests")
LARGEST = ("latency_max_ms", "memory_high_mb", "working_set_high_mb")


@dataclass(frozen=True)
class ArmWindow:
    """A measured window of one arm, in the block's order."""

    arm: str
    quad: int
    measurement: Measurement


def block_records(block: BlockTrials, frames: Sequence[Frame]) -> list[Record]:
    """The record of each trial of a block in turns."""
    views = {trial.arm.name: frames_of(trial.arm.name, frames) for trial in block.trials}
    windows = [window for trial in block.trials for window in _windows(trial, views[trial.arm.name])]
    failed = {trial.arm.name for trial in block.trials if _own_failure(trial, views[trial.arm.name], windows)}
    dropped = dropped_quads(block, views, [one for one in windows if one.arm not in failed])
    fine = [trial.arm.name for trial in block.trials if trial.arm.name not in failed]
    lost = incomplete_quads(fine, windows, first_of_kind(frames, "turns"))
    dropped += [one for one in lost if one.quad not in {other.quad for other in dropped}]
    return [_record(trial, views[trial.arm.name], frames, windows, dropped) for trial in block.trials]


def frames_of(arm: str, frames: Sequence[Frame]) -> list[Frame]:
    """The frames of one arm: its own, those that all arms share, the others' ticks (side `idle`), and for each frame that
    the load's agent sent about another arm an empty one with its number, so that a missing frame still shows."""
    found = []
    for frame in frames:
        if frame.get("arm") in (None, arm):
            found.append(frame)
        elif frame["side"] == "load":
            head: Frame = {key: frame[key] for key in ("seq", "side", "t_ns", "parts") if key in frame}
            found.append({**head, "kind": "other"})
        elif frame["kind"] == "tick":
            found.append({**frame, "side": IDLE})
    return found


def dropped_quads(
    block: BlockTrials, views: Mapping[str, Sequence[Frame]], windows: Sequence[ArmWindow]
) -> list[DroppedQuad]:
    """The quads that a disturbance made useless, by the first window that shows it.

    windows: those of the arms that did not fail by themselves. A stall is a disturbance where another arm stalls in the same
    quad, or where the same window shows steal, throttling or foreign CPU time above the scenario's limits.
    """
    found: dict[int, DroppedQuad] = {}
    for window in windows:
        trial = block.trial(window.arm)
        for one in _disturbances(trial, views[window.arm], window.measurement, SHORT_DISTURBANCE):
            drop = DroppedQuad(quad=window.quad, arm=window.arm, reason=one.reason, detail=one.detail)
            found.setdefault(window.quad, drop)
    stalls: dict[int, str] = {}
    for window in windows:
        trial = block.trial(window.arm)
        for one in checks.stalled(trial, views[window.arm], window.measurement):
            shown = next(_disturbances(trial, views[window.arm], window.measurement, 0.0), None)
            other = stalls.setdefault(window.quad, window.arm) != window.arm
            if shown or other:
                why = shown.detail if shown else "another arm stalled in the same quad"
                drop = DroppedQuad(quad=window.quad, arm=window.arm, reason="stalled", detail=f"{one.detail}; {why}")
                found.setdefault(window.quad, drop)
    return [found[quad] for quad in sorted(found)]


def incomplete_quads(arms: Sequence[str], windows: Sequence[ArmWindow], chosen: Frame | None) -> list[DroppedQuad]:
    """The quads in which one of these arms lacks a window or a sample: on a very busy machine an agent may not answer in time.

    Without them its figures would be of other moments than the other arms'. chosen: the `turns` frame.
    """
    if chosen is None:
        return []
    found = []
    for quad in range(max(1, chosen["quads"])):
        for arm in arms:
            own = [one.measurement for one in windows if (one.arm, one.quad) == (arm, quad)]
            whole = [one for one in own if one.cpu_seconds is not None and one.memory_mb is not None]
            if len(whole) < (2 if chosen["quads"] else 1):
                detail = f"{len(whole)} of the windows of {arm} in quad {quad + 1} are complete"
                found.append(DroppedQuad(quad=quad, arm=arm, reason="not-measured", detail=detail))
                break
    return found


def _disturbances(trial: Trial, frames: Sequence[Frame], measurement: Measurement, least: float) -> Iterator[Rejection]:
    """The disturbances of a window; in a short one, limits are at least `least`."""
    limits = trial.scenario.limits
    if (measurement.window_seconds or 0) < checks.SHORT_SECONDS:
        raised = {name: max(least, getattr(limits, name)) for name in ("steal", "foreign_cpu", "throttled_periods")}
        scenario = trial.scenario.model_copy(update={"limits": limits.model_copy(update=raised)})
        trial = replace(trial, scenario=scenario)
    yield from disturbances(trial, without_wanted_waits(frames, measurement))


def _windows(trial: Trial, frames: Sequence[Frame]) -> list[ArmWindow]:
    """The windows of an arm that ran to their end."""
    ended = {frame["name"] for frame in of_kind(frames, "window_end")}
    turns = [frame for frame in of_kind(frames, "turn") if frame["name"] in ended]
    return [ArmWindow(trial.arm.name, turn["quad"], measure(trial, frames, turn["name"])) for turn in turns]


def _own_failure(trial: Trial, frames: Sequence[Frame], windows: Sequence[ArmWindow]) -> bool:
    """Whether the arm failed by itself, stalls apart: these may be the environment's."""
    own = [one.measurement for one in windows if one.arm == trial.arm.name] or [measure(trial, frames)]
    found = _rejections(trial, frames, own)
    return outcome_of([one for one in found if one.reason != "stalled"]) == "failed"


def _rejections(trial: Trial, frames: Sequence[Frame], measurements: Sequence[Measurement]) -> list[Rejection]:
    """What speaks against these windows, disturbances apart: each reason once, in the order of the checks."""
    found: dict[str, Rejection] = {}
    order = [check for check in checks.CHECKS if check is not disturbed]
    for check in order:
        for measurement in measurements:
            for one in check(trial, frames, measurement):
                found.setdefault(one.reason, one)
    return list(found.values())


def _record(
    trial: Trial,
    view: Sequence[Frame],
    frames: Sequence[Frame],
    windows: Sequence[ArmWindow],
    dropped: Sequence[DroppedQuad],
) -> Record:
    own = [one for one in windows if one.arm == trial.arm.name]
    useless = {one.quad for one in dropped}
    kept = [one.measurement for one in own if one.quad not in useless]
    base = kept[0] if kept else own[0].measurement if own else measure(trial, view)
    found = _rejections(trial, view, kept or [base])
    chosen: Frame = first_of_kind(frames, "turns") or {"quads": 0, "reason": ""}
    quads = max(1, chosen["quads"])
    if len(useless) > quads * MIN_KEPT_SHARE:
        found += [
            Rejection(
                one.reason,
                f"{len(useless)} of {quads} quads were disturbed, this one in a window of {one.arm}: {one.detail}",
            )
            for one in dropped[:1]
        ]
    idle_cpu = _idle_cpu(trial.arm.name, frames)
    found += _not_idle(frames)
    record = assembled(trial, view, base, found)
    turns = Turns(
        quads=chosen["quads"],
        reason=chosen["reason"],
        kept=[one.window_name for one in kept],
        dropped=list(dropped),
        undropped_requests_per_second=combined([_figures(one.measurement) for one in own]).requests_per_second,
        idle_cpu=idle_cpu,
    )
    figures = [
        WindowFigures(
            name=one.measurement.window_name,
            seconds=one.measurement.seconds,
            metrics=Metrics(**one.measurement.metrics()),
        )
        for one in own
    ]
    metrics = combined([_figures(one) for one in kept]) if kept else record.metrics
    return record.model_copy(update={"mode": "turns", "metrics": metrics, "windows": figures, "turns": turns})


def _figures(measurement: Measurement) -> Metrics:
    return Metrics(**measurement.metrics())


def combined(windows: Sequence[Metrics]) -> Metrics:
    """The figures of several windows of one arm together: geometric means of rates and of CPU time per request, the largest
    of what is a maximum, means of the others. A figure that a window lacks is the others'."""
    found: dict[str, float | None] = {}
    for name in Metrics.model_fields:
        values = [value for one in windows if (value := getattr(one, name)) is not None]
        if not values:
            found[name] = None
        elif name in MEANS_OF_LOGS and all(value > 0 for value in values):
            found[name] = math.exp(sum(math.log(value) for value in values) / len(values))
        elif name in LARGEST:
            found[name] = max(values)
        else:
            found[name] = sum(values) / len(values)
    return Metrics(**found)


def _idle_cpu(arm: str, frames: Sequence[Frame]) -> float | None:
    """The share of a CPU that an arm's server used in the measured windows of the others; None without any."""
    others = {frame["name"] for frame in of_kind(frames, "turn") if frame["arm"] != arm}
    ticks = [frame for frame in of_kind(frames, "tick") if frame["arm"] == arm and frame.get("window") in others]
    used = seconds = 0.0
    for window in others:
        found = [frame for frame in ticks if frame["window"] == window]
        if len(found) > 1:
            used += found[-1]["cpu_seconds"] - found[0]["cpu_seconds"]
            seconds += (found[-1]["t_ns"] - found[0]["t_ns"]) / 1e9
    return used / seconds if seconds else None


def _not_idle(frames: Sequence[Frame]) -> list[Rejection]:
    """The rejection of a whole block in which a server worked while another one was loaded; empty when none did."""
    for hello in of_kind(frames, "ready"):
        share = _idle_cpu(hello["arm"], frames)
        if share is not None and share > IDLE_SHARE:
            words = f"{hello['arm']} used {share:.1%} of a CPU while others were loaded, the limit is {IDLE_SHARE:.1%}"
            return [Rejection("not-idle", f"{words}; the arms of this point are measured apart")]
    return []


def moved_apart(records: Sequence[Record], point_key: str) -> str:
    """Why a point's arms are no longer loaded in turns, from the campaign's records; "" when they are."""
    for one in records:
        if one.point_key == point_key:
            for reason in one.rejections:
                if reason.reason == "not-idle":
                    return reason.detail
    return ""

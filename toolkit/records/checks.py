"""Decides whether a trial counts: a check for each known way in which such a benchmark goes wrong.

A check takes the trial, its frames and its measurement, and yields rejections. Its docstring says what it guards
against; its limits are the scenario's. The order of CHECKS matters: reports show a trial's first rejection as the
cause, so a check whose finding explains others comes before them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from toolkit.agent.frames import Frame, gap
from toolkit.loadgen import oha, rewrk
from toolkit.records.disturbances import disturbed, not_pinned, saturated_load_generator
from toolkit.records.exits import agent_exit, agent_exit_text, container_exit_text
from toolkit.records.metrics import Measurement, first_of_kind
from toolkit.records.reasons import Rejection
from toolkit.records.worker_checks import gil_state, not_our_server
from toolkit.trial.model import Trial

MAX_COLD_SECONDS = 5.0
MIN_ACHIEVED_SHARE = 0.99
"""The least share of a constant rate that must be answered: the latencies of unanswered requests are unknown."""


SHORT_SECONDS, OPENING_SECONDS = 4, 0.1
"""rewrk opens its connections within the window's own time: in a window below so many seconds that takes a visible share of
it (up to 9% of a second was seen, with 64 threads on one CPU), which is no starvation."""


Check = Callable[[Trial, Sequence[Frame], Measurement], Iterator[Rejection]]


def rejections(
    trial: Trial, frames: Sequence[Frame], measurement: Measurement, without: Collection[Check] = ()
) -> list[Rejection]:
    """All rejections of a trial, the cause first; empty when it counts. without: checks that are not made."""
    return [found for check in CHECKS if check not in without for found in check(trial, frames, measurement)]


def backend_failed(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A problem of the backend: a port in use, an image that is not available, a node that is gone."""
    outcome = first_of_kind(frames, "outcome")
    if outcome is None:
        yield Rejection("interrupted", "the trial was interrupted: its backend reported no outcome")
    elif outcome.get("problem"):
        problem = outcome["problem"]
        yield Rejection(problem["reason"], problem["detail"])


def out_of_memory(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A server that reached its memory limit, as the kernel (cgroup) or the PSS watchdog reports."""
    limit = trial.scenario.resources.server.memory_bytes
    watched, ended = first_of_kind(frames, "memory_limit"), first_of_kind(frames, "server_exit")
    never_ready = first_of_kind(frames, "ready") is None
    if watched:
        words = f"the server used {watched['used_bytes']:,} bytes, its limit is {limit:,}"
        yield Rejection("out-of-memory", words, hopeless=never_ready)
    elif (ended and ended["oom_kills"]) or agent_exit(frames, "serve").get("oom_killed"):
        words = f"the kernel killed the server: its limit of {limit:,} bytes was reached"
        words += container_exit_text(agent_exit(frames, "serve"))
        yield Rejection("out-of-memory", words, hopeless=never_ready)


def server_failed(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A server that did not start, did not answer, or ended before it was stopped."""
    never_ready = first_of_kind(frames, "ready") is None
    for frame in frames:
        if frame["kind"] == "server_failed":
            yield Rejection("server-did-not-start", frame["text"], hopeless=True)
        elif frame["kind"] == "not_ready":
            words = f"no answer within {frame['seconds']} s. {_log_end(measurement)}"
            yield Rejection("server-not-ready", words, hopeless=True)
        elif frame["kind"] == "server_exit" and frame["by_itself"]:
            how = frame["signal"] or f"exit code {frame['code']}"
            container = container_exit_text(agent_exit(frames, "serve"))
            words = f"the server ended by itself ({how}){container}. {_log_end(measurement)}"
            yield Rejection("server-died", words, hopeless=never_ready)
    ended = agent_exit(frames, "serve")
    reported = any(frame["kind"] in ("server_exit", "server_failed") for frame in frames)
    if ended.get("code") and not reported:
        yield Rejection(
            "server-died",
            f"the server's agent ended with it{agent_exit_text(ended)}. {_log_end(measurement)}",
            never_ready,
        )


def _log_end(measurement: Measurement) -> str:
    log = measurement.server.get("log") or ["it printed nothing"]
    # Indented lines are the frames of a traceback; the line that names the error is not indented.
    lines = [line for line in log if not line.partition(": ")[2].startswith(" ")]
    return (_app_error(measurement) + " Its last output: " + " | ".join(lines[-3:])).lstrip()


def _app_error(measurement: Measurement) -> str:
    """The line that names the error of the last traceback in the server's log, in words; "" when there is no traceback."""
    log = [line.partition(": ")[2] for line in measurement.server.get("log", ())]
    starts = [number for number, line in enumerate(log) if line.startswith("Traceback (most recent call last)")]
    after = log[starts[-1] + 1 :] if starts else []
    # An empty line stands where the middle of a long log is omitted.
    found = next((line for line in after if line and not line.startswith(" ")), "")
    return f"The app's own error: {found.rstrip('.')}." if found else ""


def load_failed(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A generator that is missing, crashed, or printed nothing and exited 0 (as rewrk does when refused)."""
    failed = first_of_kind(frames, "load_failed")
    if failed:
        yield Rejection("load-missing", failed["text"])
    if agent_exit(frames, "load").get("code"):
        ended = agent_exit_text(agent_exit(frames, "load"))
        yield Rejection("load-failed", f"the load generator's agent ended early{ended}")
    for frame in frames:
        if frame["kind"] == "window_end" and frame["code"] != 0:
            yield Rejection(
                "load-failed",
                f"window {frame['name']}: exit {frame['signal'] or frame['code']}: {frame['stderr'][-200:]}",
            )
    if measurement.load_problem:
        yield Rejection("load-failed", measurement.load_problem)
    if measurement.result is not None and measurement.result.requests_total == 0:
        yield Rejection("no-answers", "no request was answered in the measured window")


def frames_missing(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A side of which frames are missing, the last one included."""
    for side in ("server", "load"):
        missing = gap([frame for frame in frames if frame["side"] == side])
        if missing:
            yield Rejection("frames-missing", f"{side}: {missing}")


def different_kernels(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """Two sides that ran on different kernels, so that their clocks cannot be compared."""
    boots = {frame["boot_id"] for frame in frames if frame["kind"] == "hello"}
    if len(boots) > 1:
        yield Rejection(
            "different-kernels", f"the two sides ran on different kernels, by their boot ids: {sorted(boots)}"
        )


def _validated_answers(trial: Trial, measurement: Measurement) -> Iterator[dict[str, Any]]:
    """Counts of validated answers, without those of a rate that a search tries: these belong to the rate (rates.py)."""
    excluded = {window.name for window in trial.windows} if trial.seeks_rate else set()
    yield from (one for one in measurement.validated if one["when"] not in excluded)


def wrong_answers(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """Errors counted as successes: validated answers, and the size of all others, must be as expected."""
    for one in _validated_answers(trial, measurement):
        if one["wrong"]:
            words = f"{one['wrong']} of {one['count']} ({one['when']}): {one['first_problem']}"
            words = f"{words}. {_app_error(measurement)}".removesuffix(". ")
            yield Rejection("wrong-answers", words, hopeless=one["when"] == "before" and one["wrong"] == one["count"])
    result = measurement.result
    if not isinstance(result, rewrk.Result) or not measurement.wire_bytes or not result.requests_total:
        return
    # Beyond its counted answers rewrk can only have read those in flight at the deadline, one on each connection.
    extra = result.transfer_total_bytes - result.requests_total * measurement.wire_bytes
    if not 0 <= extra <= trial.point.connections * measurement.wire_bytes:
        yield Rejection(
            "wrong-answers",
            f"{result.requests_total:,} answers of {measurement.wire_bytes} bytes should be {result.requests_total * measurement.wire_bytes:,} bytes,"
            f" rewrk read {result.transfer_total_bytes:,.0f}: some answers had another size or were missing",
        )


def dropped_connections(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """Keep-alive connections that the server closed: rewrk opens new ones without reporting it."""
    for one in _validated_answers(trial, measurement):
        if one["errors"]:
            words = f"{one['errors']} of {one['count']} ({one['when']}): {one['first_problem']}"
            hopeless = one["when"] == "before" and one["errors"] == one["count"]
            yield Rejection("dropped-connections", words, hopeless)
    if measurement.server_closed:
        yield Rejection("dropped-connections", f"the server closed {measurement.server_closed} connections under load")


def starved_connections(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """Connections that were not served evenly: by Little's law requests/s x latency must be the number of connections,
    less what the deadline cut off; the window must be long enough for that."""
    result, seconds = measurement.result, measurement.seconds
    if not isinstance(result, rewrk.Result) or not seconds or not result.requests_total:
        return
    limits, connections = trial.scenario.limits, trial.point.connections
    latency_s = result.latency_mean_ms / 1000
    if seconds < limits.latency_multiples * latency_s * 0.98:
        yield Rejection(
            "window-too-short",
            f"{seconds} s is less than {limits.latency_multiples} mean latencies of {latency_s:.2f} s",
        )
    # The agent's own requests are in flight too; they are few, and count on both sides.
    observed = measurement.observed.get("latency_total_ms", 0) / 1000 / seconds
    expected = connections * (1 - latency_s / (2 * seconds)) + observed
    in_flight = result.requests_per_second * latency_s + observed
    opening = OPENING_SECONDS / seconds if seconds < SHORT_SECONDS else 0.0
    if not -limits.littles_law - opening <= in_flight / expected - 1 <= limits.littles_law:
        yield Rejection(
            "starved-connections",
            f"{in_flight:.1f} requests were in flight on average, with {connections} connections {expected:.1f} are expected",
        )


def rate_not_kept(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A constant rate that was not achieved, or only with errors: the latencies are then those of another load."""
    result, rate_rps = measurement.result, trial.scenario.load.rate_rps
    if not isinstance(result, oha.Result) or trial.seeks_rate or not rate_rps:
        return
    if result.errors:
        yield Rejection(
            "wrong-answers", f"{result.errors:,} errors at a constant rate, the first: {result.first_error}"
        )
    elif result.requests_per_second < MIN_ACHIEVED_SHARE * rate_rps:
        yield Rejection(
            "rate-not-kept",
            f"{result.requests_per_second:,.0f} of {rate_rps:,} requests/s were answered, the minimum is"
            f" {MIN_ACHIEVED_SHARE:.0%}",
        )


def stalled(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A server that stopped answering for a while, which a mean over the window would hide."""
    if measurement.result is None or trial.seeks_rate:
        return
    limit_ms = max(trial.scenario.limits.stall_ms, 10 * measurement.result.latency_mean_ms)
    under_load = [one["latency_max_ms"] or 0 for one in measurement.validated if one["when"] == measurement.window_name]
    longest_ms = max([measurement.result.latency_max_ms, *under_load])
    if longest_ms > limit_ms:
        yield Rejection("stalled", f"one request took {longest_ms:,.0f} ms, the limit is {limit_ms:,.0f} ms")


def cold(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A server that cooled down: the measured window must follow the warm-up closely."""
    if measurement.seconds is not None and (
        measurement.warm_gap_seconds is None or measurement.warm_gap_seconds > MAX_COLD_SECONDS
    ):
        yield Rejection(
            "cold",
            f"measuring began {measurement.warm_gap_seconds} s after the warm-up, the limit is {MAX_COLD_SECONDS} s",
        )


def incomplete(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """Missing figures that a verdict needs."""
    missing = [
        name for name, value in (("memory", measurement.memory_mb), ("CPU", measurement.cpu_seconds)) if value is None
    ]
    if measurement.result is not None and missing:
        yield Rejection("not-sampled", f"no sample of {' and '.join(missing)} in the measured window")
    if measurement.result is None and not measurement.load_problem:
        yield Rejection("not-measured", "the measured window did not end")


CHECKS: tuple[Check, ...] = (
    backend_failed,
    out_of_memory,
    server_failed,
    load_failed,
    gil_state,
    wrong_answers,
    dropped_connections,
    not_our_server,
    frames_missing,
    different_kernels,
    starved_connections,
    rate_not_kept,
    stalled,
    cold,
    not_pinned,
    saturated_load_generator,
    disturbed,
    incomplete,
)

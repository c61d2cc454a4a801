"""Whether a trial counts: every known way in which such a benchmark goes wrong, as a check that can reject it.

Each check is a function of the trial, its frames and its figures that yields rejections. Its docstring says what it
guards against; the numbers are the scenario's limits. Order matters: the first rejection is the cause that is shown,
so what explains the others comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from toolkit.agent.frames import Frame, gap
from toolkit.loadgen import oha, rewrk
from toolkit.records.disturbances import Found, disturbed, first, not_pinned, saturated_loader
from toolkit.records.exits import agent_words, container_words, exit_of
from toolkit.records.metrics import Measured
from toolkit.trial.model import Trial

MAX_COLD_SECONDS = 5.0
MIN_ACHIEVED = 0.99
"""Of a constant rate. What is missing was still waiting at the end, so no latency tells of it."""


Check = Callable[[Trial, Sequence[Frame], Measured], Iterator[Found]]


def rejections(trial: Trial, frames: Sequence[Frame], seen: Measured) -> list[Found]:
    """All that speaks against this trial, its cause first; empty when it counts."""
    return [found for check in CHECKS for found in check(trial, frames, seen)]


def backend_failed(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """What the backend itself met: a port taken, an image not to be had, a node gone."""
    outcome = first(frames, "outcome")
    if outcome is None:
        yield Found("interrupted", "the trial was cut short: its backend reported no outcome")
    elif outcome.get("problem"):
        problem = outcome["problem"]
        yield Found(problem["reason"], problem["detail"], problem.get("environmental", False))


def out_of_memory(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """The memory limit was reached, seen by the kernel (cgroup) or by the watchdog on PSS."""
    limit = trial.scenario.resources.server.memory_bytes
    watched, ended = first(frames, "memory_limit"), first(frames, "server_exit")
    if watched:
        yield Found("out-of-memory", f"the server used {watched['used_bytes']:,} bytes, its limit is {limit:,}")
    elif (ended and ended["oom_kills"]) or exit_of(frames, "serve").get("oom_killed"):
        words = f"the kernel killed the server: its limit of {limit:,} bytes was reached"
        yield Found("out-of-memory", words + container_words(exit_of(frames, "serve")))


def server_failed(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A server that never started, never answered, or ended before it was told to."""
    for frame in frames:
        if frame["kind"] == "server_failed":
            yield Found("server-did-not-start", frame["text"])
        elif frame["kind"] == "not_ready":
            yield Found("server-not-ready", f"no answer within {frame['seconds']} s. {_last_words(seen)}")
        elif frame["kind"] == "server_exit" and frame["by_itself"]:
            how = frame["signal"] or f"exit code {frame['code']}"
            container = container_words(exit_of(frames, "serve"))
            yield Found("server-died", f"the server ended by itself ({how}){container}. {_last_words(seen)}")
    left = exit_of(frames, "serve")
    if left.get("code") and first(frames, "server_exit") is None and first(frames, "server_failed") is None:
        yield Found("server-died", f"what watches the server ended with it{agent_words(left)}. {_last_words(seen)}")


def _last_words(seen: Measured) -> str:
    log = seen.server.get("log") or ["it printed nothing"]
    # The line that says it is the last that is no part of a traceback's frames, which are indented.
    said = [line for line in log if not line.partition(": ")[2].startswith(" ")]
    return "Its last words: " + " | ".join(said[-3:])


def load_failed(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A generator that is missing, crashed, or (as rewrk does when refused) printed nothing and exited 0."""
    failed = first(frames, "load_failed")
    if failed:
        yield Found("load-missing", failed["text"])
    if exit_of(frames, "load").get("code"):
        yield Found("load-failed", f"what watches the load ended early{agent_words(exit_of(frames, 'load'))}")
    for frame in frames:
        if frame["kind"] == "window_end" and frame["code"] != 0:
            yield Found(
                "load-failed",
                f"window {frame['name']}: exit {frame['signal'] or frame['code']}: {frame['stderr'][-200:]}",
            )
    if seen.load_problem:
        yield Found("load-failed", seen.load_problem)
    if seen.result is not None and seen.result.requests_total == 0:
        yield Found("load-failed", "not one request was answered in the measured window")


def frames_missing(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A side whose frames are not all there, down to the last."""
    for side in ("server", "load"):
        missing = gap([frame for frame in frames if frame["side"] == side])
        if missing:
            yield Found("frames-missing", f"{side}: {missing}")


def different_kernels(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Two sides whose clocks cannot be compared."""
    boots = {frame["boot_id"] for frame in frames if frame["kind"] == "hello"}
    if len(boots) > 1:
        yield Found("different-kernels", f"the two sides ran under different boots: {sorted(boots)}")


def _answers(trial: Trial, seen: Measured) -> Iterator[dict[str, Any]]:
    """Counts of looked-at answers; those at a rate that a search tries belong to that rate (see rates.py)."""
    tried = {window.name for window in trial.windows} if trial.searching else set()
    yield from (one for one in seen.validated if one["when"] not in tried)


def wrong_answers(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Errors counted as success: the validated requests, and the bytes of all others, must be the expected ones."""
    for one in _answers(trial, seen):
        if one["wrong"]:
            yield Found("wrong-answers", f"{one['wrong']} of {one['count']} ({one['when']}): {one['first_problem']}")
    result = seen.result
    if not isinstance(result, rewrk.Result) or not seen.wire_bytes or not result.requests_total:
        return
    # What rewrk read beyond its counted answers can only be those under way at the deadline, one on each connection.
    extra = result.transfer_total_bytes - result.requests_total * seen.wire_bytes
    if not 0 <= extra <= trial.point.connections * seen.wire_bytes:
        yield Found(
            "wrong-answers",
            f"{result.requests_total:,} answers of {seen.wire_bytes} bytes should be {result.requests_total * seen.wire_bytes:,} bytes,"
            f" rewrk read {result.transfer_total_bytes:,.0f}: some answers were of another size, or none",
        )


def dropped_connections(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Keep-alive connections that the server closed, which rewrk opens anew without a word."""
    for one in _answers(trial, seen):
        if one["errors"]:
            yield Found(
                "dropped-connections", f"{one['errors']} of {one['count']} ({one['when']}): {one['first_problem']}"
            )
    if seen.server_closed:
        yield Found("dropped-connections", f"the server closed {seen.server_closed} connections under load")


def gil_state(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """The GIL silently back on, or the wrong build: asked inside the serving workers before and after the load."""
    looks = [frame for frame in frames if frame["kind"] == "runtime"]
    if not all(frame["workers"] for frame in looks):
        yield Found(
            "runtime-unknown", f"no worker answered {trial.scenario.app.runtime_path}: the GIL's state is not known"
        )
    free_threaded = trial.arm.role == "free-threaded"
    for frame in looks:
        for worker in frame["workers"]:
            if worker.get("gil_disabled_build", free_threaded) != free_threaded:
                yield Found("wrong-build", f"{frame['when']} the load: the server's ABI is {worker.get('abi')}")
                return
            if worker["gil_enabled"] == free_threaded:
                state = "on" if worker["gil_enabled"] else "off"
                yield Found(
                    f"gil-{state}",
                    f"{frame['when']} the load the GIL was {state} in process {worker['pid']}. {_gil_words(seen)}",
                )
                return


def _gil_words(seen: Measured) -> str:
    return " ".join(line for line in seen.server.get("log", ()) if "GIL" in line)


def not_our_server(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Somebody else's server on the port (SO_REUSEPORT lets two share it): answers must come from our processes."""
    strangers = {worker["pid"] for worker in seen.runtimes if "pid" in worker} - seen.pids
    if seen.pids and strangers:
        yield Found("port-taken", f"process {sorted(strangers)} answered, the server's are {sorted(seen.pids)}")


def starved_connections(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Little's law: requests/s x latency is the concurrency, less what the deadline cut off; and enough latencies."""
    result, seconds = seen.result, seen.seconds
    if not isinstance(result, rewrk.Result) or not seconds or not result.requests_total:
        return
    limits, connections = trial.scenario.limits, trial.point.connections
    latency_s = result.latency_mean_ms / 1000
    if seconds < limits.latency_multiples * latency_s * 0.98:
        yield Found(
            "window-too-short",
            f"{seconds} s is less than {limits.latency_multiples} mean latencies of {latency_s:.2f} s",
        )
    expected = connections * (1 - latency_s / (2 * seconds))
    in_flight = result.requests_per_second * latency_s
    if abs(in_flight / expected - 1) > limits.littles_law:
        yield Found(
            "starved-connections",
            f"{in_flight:.1f} requests were under way on average, {connections} connections should keep {expected:.1f}",
        )


def rate_not_kept(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A constant rate that was not achieved, or not without errors: its latencies are those of another load."""
    result, rate_rps = seen.result, trial.scenario.load.rate_rps
    if not isinstance(result, oha.Result) or trial.searching or not rate_rps:
        return
    if result.errors:
        yield Found("wrong-answers", f"{result.errors:,} of the answers at a constant rate: {result.first_error}")
    elif result.requests_per_second < MIN_ACHIEVED * rate_rps:
        words = f"{result.requests_per_second:,.0f} of {rate_rps:,} requests/s were answered, {MIN_ACHIEVED:.0%} is the least"
        yield Found("rate-not-kept", words)


def stalled(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """A server that stood still for a while: a mean over the window would hide it."""
    if seen.result is None or trial.searching:
        return
    limit_ms = max(trial.scenario.limits.stall_ms, 10 * seen.result.latency_mean_ms)
    under_load = [one["latency_max_ms"] or 0 for one in seen.validated if one["when"] == seen.window_name]
    longest_ms = max([seen.result.latency_max_ms, *under_load])
    if longest_ms > limit_ms:
        yield Found("stalled", f"one request took {longest_ms:,.0f} ms, {limit_ms:,.0f} ms is the limit")


def cold(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Code that was not warm: measuring must follow warming closely."""
    if seen.seconds is not None and (seen.warm_gap_seconds is None or seen.warm_gap_seconds > MAX_COLD_SECONDS):
        yield Found(
            "cold", f"measuring began {seen.warm_gap_seconds} s after the warm-up, {MAX_COLD_SECONDS} s is the most"
        )


def incomplete(trial: Trial, frames: Sequence[Frame], seen: Measured) -> Iterator[Found]:
    """Figures that a verdict needs and that are not there."""
    missing = [name for name, value in (("memory", seen.memory_mb), ("CPU", seen.cpu_seconds)) if value is None]
    if seen.result is not None and missing:
        yield Found("not-sampled", f"no sample of {' and '.join(missing)} in the measured window")
    if seen.result is None and not seen.load_problem:
        yield Found("not-measured", "the measured window did not end")


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
    saturated_loader,
    disturbed,
    incomplete,
)

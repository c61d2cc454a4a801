"""Checks of the workers that answered: processes of this trial, on the right build, with the GIL as the arm has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.agent.frames import Frame
from toolkit.records.metrics import Measurement, of_kind
from toolkit.records.reasons import Rejection
from toolkit.scenario.model import WRAPPED_RUNTIME_PATH
from toolkit.trial.model import Trial


def gil_state(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """A GIL that is silently on again, or the wrong build, as the workers report it before and after the load."""
    samples = of_kind(frames, "runtime")
    for frame in samples:
        if not frame["workers"]:
            yield Rejection("runtime-unknown", _unknown_runtime(trial, frame), hopeless=frame["when"] == "before")
            break
    free_threaded = trial.arm.role == "free-threaded"
    for frame in samples:
        for worker in frame["workers"]:
            if worker.get("gil_disabled_build", free_threaded) != free_threaded:
                words = f"{frame['when']} the load the server's ABI was {worker.get('abi')}"
                yield Rejection("wrong-build", words, hopeless=frame["when"] == "before")
                return
            if worker["gil_enabled"] == free_threaded:
                state = "on" if worker["gil_enabled"] else "off"
                yield Rejection(
                    f"gil-{state}",
                    f"{frame['when']} the load the GIL was {state} in process {worker['pid']}. {_gil_warnings(measurement)}",
                    hopeless=frame["when"] == "before",
                )
                return


def _unknown_runtime(trial: Trial, frame: Frame) -> str:
    """Why the state of the GIL is unknown. A path that the app itself answers has a remedy."""
    path = trial.scenario.app.runtime_path
    if not frame["not_ours"]:
        return f"{frame['when']} the load no worker answered {path}: the state of the GIL is unknown"
    return (
        f"{path} is a page of the app, which answered {frame['other_answer']}: the state of the GIL is unknown; write"
        f" `app: {{wrapped: true}}`, and gilfree answers {WRAPPED_RUNTIME_PATH} itself"
    )


def _gil_warnings(measurement: Measurement) -> str:
    return " ".join(line for line in measurement.server.get("log", ()) if "GIL" in line)


def not_our_server(trial: Trial, frames: Sequence[Frame], measurement: Measurement) -> Iterator[Rejection]:
    """Another server on the same port, which SO_REUSEPORT allows: answers must come from the trial's processes."""
    strangers = {worker["pid"] for worker in measurement.worker_states} - measurement.pids
    if measurement.pids and strangers:
        yield Rejection(
            "port-taken",
            f"processes {sorted(strangers)} answered, the server's processes are {sorted(measurement.pids)}",
        )

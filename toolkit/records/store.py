"""Records: the results of one trial each, and the file that keeps them.

`record(trial, frames)` is pure and the only way from frames to a record, whether the frames arrive live or are read
from logs. Everything later (tables, claims, statistics, plans) reads records alone. Numbers are stored raw with their
unit in the name and formatted once, in report/. Memory is in MB of 1,000,000 bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from toolkit.agent.frames import Frame
from toolkit.errors import GilfreeError
from toolkit.records import checks
from toolkit.records.metrics import Measurement, measure
from toolkit.records.rates import rates
from toolkit.records.reasons import Outcome, Rejection, outcome_of
from toolkit.records.schema_1 import upgraded
from toolkit.trial.block import Mode
from toolkit.trial.model import Trial

SCHEMA = 2
READABLE_SCHEMAS = (1, 2)
"""Schema 1 had `accepted` instead of `outcome`, and neither `mode` nor `windows`."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metrics(_Model):
    """Figures of the measured window; None where there is no data. metrics.py says how each is calculated."""

    requests_per_second: float | None = None
    latency_mean_ms: float | None = None
    latency_max_ms: float | None = None
    latency_std_ms: float | None = None
    latency_p99_ms: float | None = None
    memory_mb: float | None = None
    uss_mb: float | None = None
    rss_mb: float | None = None
    working_set_mb: float | None = None
    memory_high_mb: float | None = None
    working_set_high_mb: float | None = None
    cpu_seconds_per_1000_requests: float | None = None
    server_cpus_used: float | None = None
    loader_saturation: float | None = None
    loader_cpus_used: float | None = None
    steal: float | None = None
    foreign_cpu: float | None = None
    throttled_periods: float | None = None
    loader_throttled_periods: float | None = None
    ready_seconds: float | None = None
    frequency_mhz: float | None = None
    undetected_error_rate: float | None = None
    undetected_error_rate_per_worker: float | None = None


class WindowFigures(_Model):
    """A measured window of a trial: its name, its length as measured, and its figures."""

    name: str
    seconds: float | None
    metrics: Metrics


class DroppedQuad(_Model):
    """A quad that a disturbance made useless: its number, the arm whose window showed it, and why, by name and in words."""

    quad: int
    arm: str
    reason: str
    detail: str


class Turns(_Model):
    """How the arm of a record took turns with the others of its block.

    quads: how many there were; 0: each arm had one long window, for the `reason`. kept: the windows of this arm that its
    figures are of; dropped: what made the others useless. undropped: this arm's requests/s over all of its windows.
    idle_cpu: the share of a CPU that it used while others were loaded; None: it was alone.
    """

    quads: int
    reason: str
    kept: list[str]
    dropped: list[DroppedQuad]
    undropped_requests_per_second: float | None
    idle_cpu: float | None


class Record(_Model):
    """One trial: which one, its outcome and the reasons for it, its figures, its settings and what happened.

    `metrics` are the figures of the first measured window, `windows` those of each. In turns `metrics` are those of all
    kept windows together; see turns.py. mode_reason: why the block was loaded apart; "" in turns.
    """

    record_schema: int = SCHEMA
    trial: str
    campaign: str
    scenario: str
    backend: str
    slot: str
    point_key: str
    point: dict[str, Any]
    block: int
    arm: str
    role: str
    attempt: int
    wall_time: float | None
    mode: Mode
    outcome: Outcome
    rejections: list[Rejection]
    metrics: Metrics
    windows: list[WindowFigures]
    load: dict[str, Any]
    server: dict[str, Any]
    limits: dict[str, Any]
    notes: list[str]
    mode_reason: str = ""
    turns: Turns | None = None

    @property
    def accepted(self) -> bool:
        """Whether the trial counts."""
        return self.outcome == "counted"


def record(trial: Trial, frames: Sequence[Frame], mode_reason: str = "") -> Record:
    """The record of a trial that ran apart, from all its frames of both sides and of the backend. Pure."""
    measurement = measure(trial, frames)
    found = assembled(trial, frames, measurement, checks.rejections(trial, frames, measurement))
    rate_search = {"load": {**measurement.load, "rates": rates(trial, frames)}} if trial.seeks_rate else {}
    windows = _windows(trial, frames, measurement)
    return found.model_copy(update={"windows": windows, "mode_reason": mode_reason, **rate_search})


def assembled(trial: Trial, frames: Sequence[Frame], measurement: Measurement, rejections: list[Rejection]) -> Record:
    """A record of mode apart with the figures of one measurement, and without windows. Pure."""
    outcome = next((frame for frame in reversed(frames) if frame["kind"] == "outcome"), {})
    return Record(
        trial=trial.id,
        campaign=trial.campaign,
        scenario=trial.scenario.name,
        backend=outcome.get("backend", "unknown"),
        slot=outcome.get("slot", "unknown"),
        point_key=trial.point.key,
        point=trial.point.model_dump(),
        block=trial.block,
        arm=trial.arm.name,
        role=trial.arm.role,
        attempt=trial.attempt,
        wall_time=measurement.wall_time,
        mode="apart",
        outcome=outcome_of(rejections),
        rejections=rejections,
        metrics=Metrics(**measurement.metrics()),
        windows=[],
        load=measurement.load,
        server={
            **measurement.server,
            "outcome": {k: v for k, v in outcome.items() if k not in ("seq", "t_ns", "side", "kind")},
        },
        limits=trial.scenario.limits.model_dump(),
        notes=[*_notes(measurement), *outcome.get("notes", ())],
    )


STRANGERS_SHARE = 0.01
"""From this share of the memory on a record notes how much of it other processes share."""


def _windows(trial: Trial, frames: Sequence[Frame], first: Measurement) -> list[WindowFigures]:
    """The figures of each measured window that ran to its end; `first` is the measurement of the first of them."""
    found = []
    for window in trial.load_windows:
        if window.measured:
            one = first if window.name == first.window_name else measure(trial, frames, window.name)
            if one.seconds is not None:
                found.append(WindowFigures(name=window.name, seconds=one.seconds, metrics=Metrics(**one.metrics())))
    return found


def _notes(measurement: Measurement) -> list[str]:
    notes = []
    if (
        measurement.requested_seconds is not None
        and measurement.seconds is not None
        and measurement.seconds > measurement.requested_seconds
    ):
        notes.append(
            f"window extended from {measurement.requested_seconds} s to {measurement.seconds} s: it must last 10 latencies"
        )
    if measurement.sizes_note:
        notes.append(measurement.sizes_note)
    shared = sorted(set(measurement.load_cpus) & set(measurement.server.get("cpus") or ()))
    if shared:
        notes.append(
            f"server and load generator share CPUs {', '.join(map(str, shared))}: the figures show directions, no sizes"
        )
    strangers_mb = measurement.server.get("strangers_mb", 0.0)
    if measurement.memory_mb and strangers_mb > STRANGERS_SHARE * measurement.memory_mb:
        notes.append(
            f"other processes map files of the server too: {strangers_mb:.1f} MB of its pages, a part of which PSS gives to"
            " them, are counted for the server"
        )
    return notes


class Store:
    """trials.jsonl: append-only, one record a line, each synced to the disk before the next trial starts."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> list[Record]:
        """All records, without a last line that was cut off by a kill. Those of schema 1 are read as `mode` apart.

        Raises GilfreeError that gives file and line for any other line that is not a record, or one of another schema.
        """
        return list(self._parse())

    def append(self, one: Record) -> None:
        """Add a record, after removing an incomplete last line that an earlier run left."""
        line = one.model_dump_json() + "\n"
        with self.file.open("ab+") as file:
            _remove_incomplete_line(file)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _parse(self) -> Iterable[Record]:
        if not self.file.exists():
            return
        lines = self.file.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):  # what follows the last newline is incomplete or empty
            try:
                yield _parsed(line)
            except _UnknownSchema as error:
                raise GilfreeError(
                    f"{self.file}:{number}: a record of schema {error}, this gilfree reads"
                    f" {' and '.join(map(str, READABLE_SCHEMAS))}",
                    "read it with the gilfree that wrote it (campaign.json names its version)",
                ) from None
            except ValueError as error:
                raise GilfreeError(
                    f"{self.file}:{number}: not a record: {_first_problem(error)}",
                    "restore the file, or remove that line and run the campaign again with --resume",
                ) from error


class _UnknownSchema(Exception):
    """A record of a schema that this version cannot read."""


def _parsed(line: bytes) -> Record:
    """The record on one line. Raises ValueError for what is none, and _UnknownSchema."""
    if line.startswith(_HEAD):  # the common case needs no second reading
        return Record.model_validate_json(line)
    data = json.loads(line)
    schema = data.get("record_schema") if isinstance(data, dict) else None
    if schema is not None and schema not in READABLE_SCHEMAS:
        raise _UnknownSchema(schema)
    return Record.model_validate(upgraded(data) if schema == 1 else data)


_HEAD = f'{{"record_schema":{SCHEMA},'.encode()


def _first_problem(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"not JSON: {error}"
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]


def _remove_incomplete_line(file: Any) -> None:
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    whole = file.read().rfind(b"\n") + 1
    file.truncate(whole)
    file.seek(0, os.SEEK_END)

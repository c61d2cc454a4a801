"""Records: what one trial came to, and the file that keeps them.

`record(trial, frames)` is pure and the only way from frames to a record, live or read again from logs. Everything after
it (tables, claims, statistics, plans) reads records alone. Numbers are stored raw with their unit in the name; they are
formatted once, in report/. Memory is in MB of 1,000,000 bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from toolkit.agent.frames import Frame
from toolkit.errors import GilfreeError
from toolkit.records import checks
from toolkit.records.metrics import Measured, measure
from toolkit.records.rates import rates
from toolkit.trial.model import Trial

SCHEMA = 1


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rejection(_Model):
    """Why a trial does not count. `environmental`: the machine's doing, not the server's."""

    reason: str
    detail: str
    environmental: bool


class Metrics(_Model):
    """Figures of the measured window; None where they could not be had. See measured.py for how each is made."""

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
    steal: float | None = None
    foreign_cpu: float | None = None
    throttled_periods: float | None = None
    loader_throttled_periods: float | None = None
    ready_seconds: float | None = None
    frequency_mhz: float | None = None
    undetected_error_rate: float | None = None


class Record(_Model):
    """One trial: who it was, whether it counts, what was asked and what happened."""

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
    accepted: bool
    rejections: list[Rejection]
    metrics: Metrics
    load: dict[str, Any]
    server: dict[str, Any]
    limits: dict[str, Any]
    notes: list[str]


def record(trial: Trial, frames: Sequence[Frame]) -> Record:
    """The record of one trial from all its frames of both sides and of the backend. Pure."""
    seen = measure(trial, frames)
    found = checks.rejections(trial, frames, seen)
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
        wall_time=seen.wall_time,
        accepted=not found,
        rejections=[Rejection(reason=r.reason, detail=r.detail, environmental=r.environmental) for r in found],
        metrics=Metrics(**seen.metrics()),
        load={**seen.load, "rates": rates(trial, frames)} if trial.searching else seen.load,
        server={
            **seen.server,
            "outcome": {k: v for k, v in outcome.items() if k not in ("seq", "t_ns", "side", "kind")},
        },
        limits=trial.scenario.limits.model_dump(),
        notes=_notes(seen),
    )


def _notes(seen: Measured) -> list[str]:
    notes = []
    if seen.asked_seconds is not None and seen.seconds is not None and seen.seconds > seen.asked_seconds:
        notes.append(f"window extended from {seen.asked_seconds} s to {seen.seconds} s: it must last 10 latencies")
    if seen.wire_bytes is None:
        notes.append("the answer's size is not constant, so wrong bodies of another size could not be counted")
    return notes


class Store:
    """trials.jsonl: append-only, one record a line, each written through to the disk before the next trial starts."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> list[Record]:
        """All records; a last line torn by a kill is left out. Raises GilfreeError for any other line that is not one."""
        return list(self._parse())

    def append(self, one: Record) -> None:
        """Add a record; a torn last line of an earlier run is cut off first."""
        line = one.model_dump_json() + "\n"
        with self.file.open("ab+") as file:
            _cut_torn_line(file)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _parse(self) -> Iterable[Record]:
        if not self.file.exists():
            return
        lines = self.file.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):  # what follows the last newline is torn or empty
            try:
                yield Record.model_validate_json(line)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(str(part) for part in problem["loc"])
                raise GilfreeError(
                    f"{self.file}:{number}: not a record of schema {SCHEMA}: {where}: {problem['msg']}",
                    "restore the file, or remove that line and run the campaign again with --resume",
                ) from error


def _cut_torn_line(file: Any) -> None:
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

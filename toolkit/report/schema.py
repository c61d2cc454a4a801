"""The types of the report's JSON: docs/report-schema.json is generated from these, and a test compares the two.

`report_schema` changes when a reader of the old form would misread the new one. `table` and `comparison` are what
`gilfree show --json` (with the `decision` added) and `gilfree compare --json` print.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolkit.analysis.comparison import finite
from toolkit.report.page import Page

SCHEMA = 2
"""In schema 1 `rejected` held failed trials too."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DecisionData(_Model):
    """The decision in words. `firm`: there are enough complete blocks, and they are not too noisy for a verdict."""

    first: str
    lines: list[str]
    firm: bool


class RowData(_Model):
    """One arm at one point; figures are by metric: requests_per_second, latency_mean_ms, memory_mb; null where one is missing.

    `blocks`: trials that count; `concluded`: trials that counted or failed; `failed` and `rejected`: trials by reason;
    `percentiles`: median latencies in ms by p50, p90, p99, p99.9, where the load generator reports them.
    """

    endpoint: str
    path: str
    arm: str
    role: str
    workers: int
    threads: int | None
    connections: int
    setting: str
    assumed_connections: bool
    published: dict[str, float | None]
    unreachable: list[str]
    measured: dict[str, float | None]
    low: dict[str, float | None]
    high: dict[str, float | None]
    percentiles: dict[str, float]
    blocks: int
    concluded: int
    failed: dict[str, int]
    rejected: dict[str, int]


class RatioData(_Model):
    """Candidate over baseline at one point, by metric; `low` and `high` are the ends of the 95% interval."""

    point: str
    endpoint: str
    path: str
    workers: int
    threads: int | None
    connections: int
    baseline: str
    candidate: str
    blocks: int
    ratio: dict[str, float | None]
    low: dict[str, float | None]
    high: dict[str, float | None]


class StoppedData(_Model):
    """A point that was given up, or with `point` null the campaign, after a failure before any load; and what to do."""

    point: str | None
    reason: str
    remedy: str


class TableData(_Model):
    """The published table with measured columns, as `gilfree show --json` prints it, with the decision added."""

    campaign: str
    title: str
    rows: list[RowData]
    ratios: list[RatioData]
    claims: list[dict[str, Any]]
    trials: int
    failed: dict[str, int]
    rejected: dict[str, int]
    stopped: list[StoppedData]
    caveats: list[str]
    notes: list[str]


class JudgedData(_Model):
    """One primary metric of a contrast: medians, their ratio with its 95% interval, p, and the verdict with its reason."""

    metric: str
    n: int
    baseline: float | None
    candidate: float | None
    ratio: float | None
    low: float | None
    high: float | None
    p: float | None
    holm_p: float | None
    smallest_effect: float | None
    bootstrap_low: float | None
    bootstrap_high: float | None
    verdict: Literal["higher", "lower", "equivalent", "inconclusive"]
    method: Literal["none", "t", "sign-flip", "permutation"] = Field(description="What gave the interval")
    words: str = Field(description="The verdict, or in a quick run how large a difference can be")
    reason: str


class ContrastData(_Model):
    """Which arm is compared with which: candidate over baseline."""

    kind: Literal["variants", "against", "aa"]
    baseline: str
    candidate: str


class PointData(BaseModel):
    """A contrast at one point; later versions may add keys."""

    contrast: ContrastData
    point: dict[str, Any]
    key: str
    blocks: int
    family: list[JudgedData]
    described: list[dict[str, Any]]


class ComparisonData(BaseModel):
    """What `gilfree compare --json` prints; later versions may add keys."""

    compare_schema: int
    campaign: str
    first_line: str
    too_noisy: str
    procedure: Literal["quick", "full"] = Field(description="Which statistical procedure judged the campaign")
    procedure_words: str
    contrasts: list[ContrastData]
    best: list[dict[str, Any]]
    points: list[PointData]
    noise: dict[str, Any]
    caveats: list[str]


class UncountedData(_Model):
    """A trial that does not count, with the reason that decided it."""

    point: str
    arm: str
    block: int
    attempt: int
    reason: str
    detail: str


class CommandData(_Model):
    """A command line and what it does."""

    what: str
    line: str


class CampaignData(_Model):
    """One campaign."""

    campaign: str
    title: str
    created: str
    decision: DecisionData
    table: TableData
    comparison: ComparisonData
    environment: dict[str, str]
    packages: dict[str, str]
    commands: list[CommandData]
    failed: list[UncountedData] = Field(description="An arm failed by itself")
    rejected: list[UncountedData] = Field(description="The environment spoiled the trial")


class ReportData(_Model):
    """The file that `gilfree report --json` writes."""

    model_config = ConfigDict(extra="forbid", title="gilfree report")

    report_schema: Literal[2] = Field(description="The number of this schema")
    campaigns: list[CampaignData]


def as_json(pages: Sequence[Page]) -> str:
    """The report of these pages as JSON; figures that are not finite are null."""
    found = finite({"report_schema": SCHEMA, "campaigns": [one.data() for one in pages]})
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def json_schema() -> str:
    """The text of docs/report-schema.json."""
    made = ReportData.model_json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **made}, indent=1) + "\n"

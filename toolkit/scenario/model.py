"""Scenarios: what is measured, as strict data. A file in scenarios/ is one published table.

Errors are found before anything starts: unknown keys, wrong types and impossible combinations raise `GilfreeError` with
file, line and remedy. Published rows and claims name a variant by its role (`gil`, `free-threaded`), so that the same
file serves any series; `published.series` is the series of the published figures.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, field_validator, model_validator

from toolkit import units
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.matrix import DEFAULT_LOOP as DEFAULT_LOOP
from toolkit.scenario.matrix import Count, Loop, MatrixCell
from toolkit.scenario.matrix import Point as Point
from toolkit.scenario.targets import Target

WRAPPED_RUNTIME_PATH = "/-/gilfree/runtime"

Seconds = Annotated[int, BeforeValidator(units.whole_seconds_of)]
Bytes = Annotated[int, BeforeValidator(units.process_bytes_of)]
Cpus = Annotated[float, BeforeValidator(units.cpus_of)]
Role = Literal["gil", "free-threaded"]
ArmSet = Literal["variants", "aa", "variants+aa"]
"""What a block holds: both variants, each variant twice (A/A), or both with the GIL build a second time."""
Metric = Literal["requests_per_second", "latency_mean_ms", "memory_mb", "cpu_seconds_per_1000_requests"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class App(_Model):
    """The app that is served. `wrapped`: the agent's wrapper answers `runtime_path`, because the app does not."""

    target: Target
    interface: Literal["asgi", "wsgi"]
    threadpool: Count | None = None
    runtime_path: str = "/runtime"
    wrapped: bool = False
    project: str | None = None


class Endpoint(_Model):
    """A path and the answer that is expected from it."""

    path: str = Field(
        pattern=r"^/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$", description="a path as it is sent: /, then what a URL may hold"
    )
    status: int = Field(default=200, ge=100, le=599)
    json_body: Any = Field(default=None, alias="json")
    text: str | None = None
    any_body: StrictBool = False

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _exactly_one_expectation(self) -> Self:
        given = [self.json_body is not None, self.text is not None, self.any_body]
        if sum(given) != 1:
            raise ValueError(
                "the expected answer is missing or given twice; give exactly one of `json`, `text` and `any_body: true`"
            )
        return self

    def expected(self) -> dict[str, Any]:
        """The expected answer as part of an agent's argument: one of the keys `any_body`, `json` and `text`."""
        if self.any_body:
            return {"any_body": True}
        return {"json": self.json_body} if self.text is None else {"text": self.text}


class GranianSettings(_Model):
    """Server settings that are the same at every point. servers/granian.py says why the others are omitted."""

    runtime_threads: Count = 1
    runtime_mode: Literal["mt", "st"] = "mt"
    task_impl: Literal["asyncio"] = "asyncio"  # from 3.12 on Granian takes it even when asked for rust
    backlog: int = Field(default=2048, ge=128)
    backpressure: Count = 2048
    http: Literal["1"] = "1"
    ws: StrictBool = False
    log_level: Literal["warning", "error", "info", "debug"] = "warning"


class Load(_Model):
    """How a server is loaded, and how often (`rounds`: blocks at every point).

    With `rate`, oha sends requests at that constant rate; without it, rewrk sends them as fast as answers come.
    """

    generator: Literal["rewrk", "oha"] = "rewrk"
    rate_rps: Count | None = Field(default=None, alias="rate")
    threads: Count | None = None  # None: one for each CPU of the load generator
    warmup_seconds: Seconds = Field(default=3, alias="warmup")
    duration_seconds: Seconds = Field(default=10, alias="duration")
    max_seconds: Seconds = Field(default=60, alias="longest")
    rounds: Count = 10
    validate_requests: Count = 2000
    validate_seconds: float = Field(default=1.0, gt=0, le=60)

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _rate_only_with_oha(self) -> Self:
        if (self.generator == "oha") != (self.rate_rps is not None):
            raise ValueError("only oha sends at a constant rate; give both `generator: oha` and `rate`, or neither")
        return self


class ServerResources(_Model):
    """CPU and memory of the server: whole CPUs to pin it to, or `auto`: the physical cores that the load does not use."""

    cpus: Literal["auto"] | Cpus = "auto"
    memory_bytes: Bytes = Field(default=1 << 30, alias="memory")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LoadResources(_Model):
    """CPU and memory of the load generator; `auto` is a quarter of the physical cores, at least one."""

    cpus: Literal["auto"] | Cpus = "auto"
    memory_bytes: Bytes = Field(default=256 << 20, alias="memory")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Resources(_Model):
    """CPU and memory of the two sides."""

    server: ServerResources = ServerResources()
    load: LoadResources = LoadResources()


class Limits(_Model):
    """When a trial is rejected. Shares are fractions of 1; records/checks.py says what each limit guards against."""

    throttled_periods: float = Field(default=0.01, ge=0, le=1)
    steal: float = Field(default=0.02, ge=0, le=1)
    foreign_cpu: float = Field(default=0.03, ge=0, le=1)
    loader_saturation: float = Field(default=0.8, gt=0, le=1)
    littles_law: float = Field(default=0.05, gt=0, le=1)
    latency_multiples: float = Field(default=10, ge=1)
    stall_ms: float = Field(default=1500, gt=0)
    retries: int = Field(default=3, ge=0)
    rejected_share: float = Field(default=1 / 3, gt=0, le=1)


class Cell(_Model):
    """One side of a claim: a variant and the points that have the settings given here."""

    variant: Role
    endpoint: str
    workers: Count | None = None
    threads: Count | None = None
    connections: Count | None = None
    loop: Loop | None = None
    threadpool: Count | None = None

    def matches(self, point: Point) -> bool:
        """Whether the point has all settings that this cell gives."""
        given = self.model_dump(exclude={"variant"}, exclude_none=True)
        return all(getattr(point, name) == value for name, value in given.items())


class Requires(_Model):
    """What must be true on this machine for a claim to be testable."""

    series: tuple[str, ...] = ()
    server_cpus_at_least: Count = 1
    release_build: bool = False


class Claim(_Model):
    """A statement to judge: the ratio of a metric in cell `of` to that in `against`, and the band it must lie in."""

    id: str
    text: str
    metric: Metric
    of: Cell
    against: Cell
    low: float = Field(gt=0, allow_inf_nan=False)
    high: float = Field(gt=0, allow_inf_nan=False)
    why: str
    requires: Requires = Requires()

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"the band's low end {self.low} is not below its high end {self.high}; give a lower `low`")
        return self


class PublishedRow(_Model):
    """A row of the published table; a figure that the table omits is None."""

    variant: Role
    endpoint: str
    workers: Count
    threads: Count = 1
    connections: Count
    requests_per_second: float | None = None
    latency_mean_ms: float | None = None
    memory_mb: float | None = None
    assumed: tuple[Literal["connections"], ...] = ()
    unreachable: tuple[Metric, ...] = ()

    def matches(self, point: Point, role: str) -> bool:
        """Whether this row is about the variant `role` at that point."""
        mine = (self.variant, self.endpoint, self.workers, self.threads, self.connections)
        return mine == (role, point.endpoint, point.workers, point.threads, point.connections)


class Published(_Model):
    """The published figures that this scenario is compared with, and the machine they come from."""

    source: str
    series: str
    server_cpus: Count
    memory_gb: float
    notes: tuple[str, ...] = ()
    rows: tuple[PublishedRow, ...]


class Scenario(_Model):
    """One table: an app, the points to measure, how to load it, the limits of a valid trial, and the claims to judge."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        description="a name of at most 31 lower-case letters, digits and dashes that begins with a letter",
    )
    title: str
    app: App
    endpoints: dict[str, Endpoint] = Field(min_length=1)
    matrix: tuple[MatrixCell, ...] = Field(min_length=1)
    granian: GranianSettings = GranianSettings()
    load: Load = Load()
    resources: Resources = Resources()
    limits: Limits = Limits()
    arms: ArmSet = "variants"
    cluster: ClusterSettings | None = None
    published: Published | None = None
    claims: tuple[Claim, ...] = ()

    @field_validator("endpoints")
    @classmethod
    def _plain_names(cls, value: dict[str, Endpoint]) -> dict[str, Endpoint]:
        for name in value:
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", name):
                raise ValueError(
                    f"{name!r} cannot be part of a label; name the endpoint with at most 16 lower-case letters, digits and"
                    " dashes, beginning with a letter"
                )
        return value

    def points(self) -> list[Point]:
        """All points of the matrix in its order, each once."""
        return list(dict.fromkeys(point for cell in self.matrix for point in cell.points()))

    def with_load(self, **load: Any) -> Scenario:
        """The same scenario with other load settings (fields of `Load`); None keeps the scenario's own value."""
        given = {name: value for name, value in load.items() if value is not None}
        return self.model_copy(update={"load": self.load.model_copy(update=given)})

"""Scenarios: what is measured, as strict data. A file in scenarios/ is one published table.

Errors are found before anything starts: unknown keys, wrong types and impossible combinations raise `GilfreeError` with
file, line and remedy. Published rows and claims name a variant by its role (`gil`, `free-threaded`), so that the same
file serves any series; `published.series` is the series of the published figures.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator, model_validator

from toolkit.errors import GilfreeError
from toolkit.scenario.bounds import (
    MAX_CLAIMS,
    MAX_CONNECTIONS,
    MAX_POINTS,
    MAX_TRIALS,
    Bytes,
    Cpus,
    LatencyMultiples,
    RatePerSecond,
    Requests,
    Retries,
    Rounds,
    Seconds,
    Share,
    SharePositive,
    StallMs,
    Threads,
    ValidateSeconds,
)
from toolkit.scenario.claims import Cell as Cell
from toolkit.scenario.claims import Claim as Claim
from toolkit.scenario.claims import Metric as Metric
from toolkit.scenario.claims import Published as Published
from toolkit.scenario.claims import PublishedRow as PublishedRow
from toolkit.scenario.claims import Requires as Requires
from toolkit.scenario.claims import Role as Role
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.matrix import DEFAULT_LOOP as DEFAULT_LOOP
from toolkit.scenario.matrix import MatrixCell
from toolkit.scenario.matrix import Point as Point
from toolkit.scenario.targets import Target

WRAPPED_RUNTIME_PATH = "/-/gilfree/runtime"

ArmSet = Literal["variants", "aa", "variants+aa"]
"""What a block holds: both variants, each variant twice (A/A), or both with the GIL build a second time."""

ARM_COUNTS: dict[ArmSet, int] = {"variants": 2, "aa": 4, "variants+aa": 3}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class App(_Model):
    """The app that is served. `wrapped`: the agent's wrapper answers `runtime_path`, because the app does not.

    Without a path of its own a wrapped app has WRAPPED_RUNTIME_PATH, so that a page of the app is not hidden.
    """

    target: Target
    interface: Literal["asgi", "wsgi"]
    threadpool: Threads | None = None
    runtime_path: str = "/runtime"
    wrapped: bool = False
    project: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _wrapped_path(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("wrapped") is True and "runtime_path" not in data:
            return {**data, "runtime_path": WRAPPED_RUNTIME_PATH}
        return data


class Twin(_Model):
    """The endpoint `of` that answers the same, but with something that this one works `without`: AnyIO's thread pool."""

    of: str
    without: str = Field(min_length=1, max_length=60)


class Endpoint(_Model):
    """A path and the answer that is expected from it. `twin`: given where it shows what part of another one's cost is."""

    path: str = Field(
        pattern=r"^/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$", description="a path as it is sent: /, then what a URL may hold"
    )
    status: int = Field(default=200, ge=100, le=599, strict=True)
    json_body: Any = Field(default=None, alias="json")
    text: str | None = None
    any_body: StrictBool = False
    twin: Twin | None = None

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

    runtime_threads: Threads = 1
    runtime_mode: Literal["mt", "st"] = "mt"
    task_impl: Literal["asyncio"] = "asyncio"  # from 3.12 on Granian takes it even when asked for rust
    backlog: int = Field(default=2048, ge=128, le=65_535, strict=True)
    backpressure: int = Field(default=2048, ge=1, le=2 * MAX_CONNECTIONS, strict=True)
    http: Literal["1"] = "1"
    ws: StrictBool = False
    log_level: Literal["warning", "error", "info", "debug"] = "warning"


class Load(_Model):
    """How a server is loaded, and how often (`rounds`: blocks at every point).

    With `rate`, oha sends requests at that constant rate; without it, rewrk sends them as fast as answers come.
    """

    generator: Literal["rewrk", "oha"] = "rewrk"
    rate_rps: RatePerSecond | None = Field(default=None, alias="rate")
    threads: Threads | None = None  # None: one for each CPU of the load generator
    warmup_seconds: Seconds = Field(default=3, alias="warmup")
    duration_seconds: Seconds = Field(default=10, alias="duration")
    max_seconds: Seconds = Field(default=60, alias="longest")
    rounds: Rounds = 10
    validate_requests: Requests = 2000
    validate_seconds: ValidateSeconds = 1.0

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _rate_only_with_oha(self) -> Self:
        if (self.generator == "oha") != (self.rate_rps is not None):
            raise ValueError("only oha sends at a constant rate; give both `generator: oha` and `rate`, or neither")
        return self


class ServerResources(_Model):
    """CPU and memory of the server: whole CPUs to pin it to, or `auto`: the physical cores that the load does not use.

    `share`: on a machine with too few cores for both, server and load generator share those of the server.
    """

    cpus: Literal["auto"] | Cpus = "auto"
    share: StrictBool = False
    memory_bytes: Bytes = Field(default=1 << 30, alias="memory")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _share_of_a_number(self) -> Self:
        if self.share and self.cpus == "auto":
            raise ValueError(
                "`share` needs a number of CPUs: `auto` is what the load generator leaves; give `cpus` too, such as 2"
            )
        return self


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

    throttled_periods: Share = 0.01
    steal: Share = 0.02
    foreign_cpu: Share = 0.03
    loader_saturation: SharePositive = 0.8
    littles_law: SharePositive = 0.05
    latency_multiples: LatencyMultiples = 10
    stall_ms: StallMs = 1500
    retries: Retries = 3
    rejected_share: SharePositive = 1 / 3


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
    claims: tuple[Claim, ...] = Field(default=(), max_length=MAX_CLAIMS)

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

    @field_validator("matrix")
    @classmethod
    def _points_that_can_be_measured(cls, value: tuple[MatrixCell, ...]) -> tuple[MatrixCell, ...]:
        count = sum(cell.size for cell in value)
        if count > MAX_POINTS:
            raise ValueError(
                f"these are {count:,} points, and one campaign has at most {MAX_POINTS:,};"
                " give fewer values, or make several scenarios of them"
            )
        return value

    @property
    def trials(self) -> int:
        """How many trials a campaign has when none is repeated; arms of `--against` come on top."""
        return len(self.points()) * self.load.rounds * ARM_COUNTS[self.arms]

    def points(self) -> list[Point]:
        """All points of the matrix in its order, each once."""
        paths = self._paths()
        return list(dict.fromkeys(point for cell in self.matrix for point in cell.points(paths)))

    def _paths(self) -> dict[str, str]:
        """The paths of the endpoints by name, without those that several endpoints share: names tell these apart."""
        counts = Counter(one.path for one in self.endpoints.values())
        return {name: one.path for name, one in self.endpoints.items() if counts[one.path] == 1}

    def with_load(self, **load: Any) -> Scenario:
        """The same scenario with other load settings (fields of `Load`); None keeps the scenario's own value.

        Raises GilfreeError naming the field for a value that a scenario's file may not have either, or for more trials
        than a campaign may have.
        """
        given = {name: value for name, value in load.items() if value is not None}
        try:
            Load.model_validate({**self.load.model_dump(), **given})
        except ValidationError as error:
            problem = error.errors()[0]
            raise GilfreeError(
                f"load.{'.'.join(map(str, problem['loc']))}: {problem['input']}: {problem['msg']}"
            ) from None
        changed = self.model_copy(update={"load": self.load.model_copy(update=given)})
        if changed.trials > MAX_TRIALS:
            raise GilfreeError(f"{self.name}: {trials_in_words(changed)}", "give fewer blocks")
        return changed


def trials_in_words(scenario: Scenario) -> str:
    """How many trials a campaign would have, and that these are too many."""
    return (
        f"{len(scenario.points()):,} points x {scenario.load.rounds:,} rounds x {ARM_COUNTS[scenario.arms]} arms are"
        f" {scenario.trials:,} trials, and one campaign has at most {MAX_TRIALS:,}"
    )

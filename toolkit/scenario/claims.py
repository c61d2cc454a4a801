"""What a scenario claims and compares itself with: cells of the matrix, statements about them, published figures."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from toolkit.scenario.bounds import MAX_POINTS, Connections, Figure, MemoryGb, Ratio, Threads, WholeCpus, Workers
from toolkit.scenario.matrix import Loop, Point

Role = Literal["gil", "free-threaded"]
Metric = Literal["requests_per_second", "latency_mean_ms", "memory_mb", "cpu_seconds_per_1000_requests"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cell(_Model):
    """One side of a claim: a variant and the points that have the settings given here."""

    variant: Role
    endpoint: str
    workers: Workers | None = None
    threads: Threads | None = None
    connections: Connections | None = None
    loop: Loop | None = None
    threadpool: Threads | None = None

    def matches(self, point: Point) -> bool:
        """Whether the point has all settings that this cell gives."""
        given = self.model_dump(exclude={"variant"}, exclude_none=True)
        return all(getattr(point, name) == value for name, value in given.items())


class Requires(_Model):
    """What must be true on this machine for a claim to be testable.

    How the interpreters were built is no part of it: a claim is a ratio of two figures of such builds, and other builds
    than release ones are a caveat of its verdict. Campaigns of earlier versions hold a `release_build`, which is ignored.
    """

    series: tuple[str, ...] = ()
    server_cpus_at_least: WholeCpus = 1

    @model_validator(mode="before")
    @classmethod
    def _without_release_build(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or "release_build" not in value:
            return value
        if not (info.context or {}).get("recorded"):
            raise ValueError(
                "`release_build` has no effect: a claim is a ratio, which is judged on any build, with a caveat on others"
                " than release builds; remove `release_build`"
            )
        return {name: one for name, one in value.items() if name != "release_build"}


class Claim(_Model):
    """A statement to judge: the ratio of a metric in cell `of` to that in `against`, and the band it must lie in."""

    id: str
    text: str
    metric: Metric
    of: Cell
    against: Cell
    low: Ratio
    high: Ratio
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
    workers: Workers
    threads: Threads = 1
    connections: Connections
    requests_per_second: Figure | None = None
    latency_mean_ms: Figure | None = None
    memory_mb: Figure | None = None
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
    server_cpus: WholeCpus
    memory_gb: MemoryGb
    notes: tuple[str, ...] = ()
    rows: tuple[PublishedRow, ...] = Field(max_length=2 * MAX_POINTS)

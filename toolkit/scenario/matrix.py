"""The matrix of a scenario: its points, and the cells of the file, each of which stands for one or more points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from toolkit.scenario.bounds import Connections, Threads, Workers

DEFAULT_LOOP: Literal["asyncio"] = "asyncio"

SERVER_SETTINGS = ("workers", "threads", "loop", "threadpool")
"""The settings of a point that are the server's, so that an arm may have its own. Connections are the load's and the same
for all arms."""

LONGEST_PATH = 40
"""How many characters of an endpoint's path tables show."""

Loop = Literal["asyncio", "uvloop", "rloop"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Point(_Model):
    """One combination of settings that is measured. `threads`: blocking threads of each worker on WSGI; 1 on ASGI.

    `path`: what the endpoint requests, for people; None where it is unknown. Points with equal keys are equal.
    """

    endpoint: str
    workers: Workers = 1
    threads: Threads = 1
    connections: Connections
    loop: Loop = DEFAULT_LOOP
    threadpool: Threads | None = None
    path: str | None = Field(default=None, exclude=True, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def shown_endpoint(self) -> str:
        """The endpoint as tables and sentences name it: by its path, cut where it is very long."""
        path = self.path or f"/{self.endpoint}"
        return path if len(path) <= LONGEST_PATH else path[: LONGEST_PATH - 1] + "…"

    @property
    def key(self) -> str:
        """An identifier for records and labels: `json-w1-t64-c128`, with loop and thread pool only when they are set."""
        parts = [self.endpoint, f"w{self.workers}", f"t{self.threads}", f"c{self.connections}"]
        parts += [self.loop] if self.loop != DEFAULT_LOOP else []
        parts += [f"p{self.threadpool}"] if self.threadpool else []
        return "-".join(parts)

    def label(self, *, omit: Collection[str] = ()) -> str:
        """A short name for people: `/books/1 1w 64t 128c`, without the settings named in `omit`.

        Threads are given only where there are several, loop and thread pool only where they are set.
        """
        parts = {
            "endpoint": self.shown_endpoint,
            "workers": f"{self.workers}w",
            "threads": f"{self.threads}t" if self.threads > 1 else "",
            "connections": f"{self.connections}c",
            "loop": self.loop if self.loop != DEFAULT_LOOP else "",
            "threadpool": f"pool {self.threadpool}" if self.threadpool else "",
        }
        return " ".join(text for name, text in parts.items() if text and name not in omit)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class MatrixCell(_Model):
    """An entry of `matrix`: each value may be a list; the points are all combinations."""

    endpoint: Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_as_list)]
    workers: Annotated[tuple[Workers, ...], Field(min_length=1), BeforeValidator(_as_list)] = (1,)
    threads: Annotated[tuple[Threads, ...], Field(min_length=1), BeforeValidator(_as_list)] = (1,)
    connections: Annotated[tuple[Connections, ...], Field(min_length=1), BeforeValidator(_as_list)]
    loop: Annotated[tuple[Loop, ...], Field(min_length=1), BeforeValidator(_as_list)] = (DEFAULT_LOOP,)
    threadpool: Annotated[tuple[Threads | None, ...], Field(min_length=1), BeforeValidator(_as_list)] = (None,)

    @property
    def size(self) -> int:
        """How many points the cell stands for, without making them."""
        return math.prod(len(getattr(self, name)) for name in MatrixCell.model_fields)

    def points(self, paths: Mapping[str, str] | None = None) -> Iterator[Point]:
        """All combinations of the values, the last key varying fastest. paths: those of the endpoints, by name."""
        names = list(MatrixCell.model_fields)
        for values in itertools.product(*(getattr(self, name) for name in names)):
            yield Point(**dict(zip(names, values, strict=True)), path=(paths or {}).get(values[0]))

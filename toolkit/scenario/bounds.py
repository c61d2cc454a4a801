"""The range of every number in a scenario: what a machine could have, and what a campaign could measure.

A number beyond it is a mistake. Refusing it with its line is better than a tool that works on it for hours.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from toolkit import units

MAX_CONNECTIONS = 60_000
"""About as many ports as one address can connect from to one port."""

MAX_THREADS_OF_A_SERVER = 32_768
"""Workers times threads: as many as Linux has process ids by default."""

MAX_POINTS = 1000
MAX_TRIALS = 100_000
"""Of one campaign: ten days with windows of one second."""

MAX_CLAIMS = 200


def _no_bool(value: Any) -> Any:
    """YAML's true would pass as 1."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()!r} is not a number; write the digits")
    return value


Workers = Annotated[int, Field(ge=1, le=units.MAX_CPUS, strict=True)]
Threads = Annotated[int, Field(ge=1, le=units.MAX_CPUS, strict=True)]
Connections = Annotated[int, Field(ge=1, le=MAX_CONNECTIONS, strict=True)]
Rounds = Annotated[int, Field(ge=1, le=units.MAX_ROUNDS, strict=True)]
Requests = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
RatePerSecond = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
WholeCpus = Annotated[int, Field(ge=1, le=units.MAX_CPUS, strict=True)]

Seconds = Annotated[int, BeforeValidator(units.whole_seconds_of)]
Bytes = Annotated[int, BeforeValidator(units.process_bytes_of)]
Cpus = Annotated[float, BeforeValidator(units.cpus_of)]

_NO_BOOL = BeforeValidator(_no_bool)
Share = Annotated[float, Field(ge=0, le=1), _NO_BOOL]
SharePositive = Annotated[float, Field(gt=0, le=1), _NO_BOOL]
Retries = Annotated[int, Field(ge=0, le=100), _NO_BOOL]
LatencyMultiples = Annotated[float, Field(ge=1, le=1000), _NO_BOOL]
StallMs = Annotated[float, Field(gt=0, le=3_600_000), _NO_BOOL]
ValidateSeconds = Annotated[float, Field(gt=0, le=60), _NO_BOOL]
MemoryGb = Annotated[float, Field(gt=0, le=65_536), _NO_BOOL]
Ratio = Annotated[float, Field(gt=0, le=1e6), _NO_BOOL]
Figure = Annotated[float, Field(gt=0, le=1e12), _NO_BOOL]
"""A published figure, in the unit of its metric."""

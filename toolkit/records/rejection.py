"""Why a trial does not count: what checks yield and records keep."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Rejection:
    """One reason against a trial. `environmental`: caused by the machine, not the server, so that a retry may help."""

    reason: str
    detail: str
    environmental: bool = False

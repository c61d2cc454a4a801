"""What a campaign comes to, as data: the comparison of every contrast at every point, and best against best."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.analysis.families import Described, Judged
from toolkit.analysis.noise import Noise
from toolkit.campaign.contrasts import Contrast
from toolkit.scenario.model import Point

SCHEMA = 1


@dataclass(frozen=True)
class PointComparison:
    """A contrast with identical settings on both sides. `stopped`: why early stopping ended it, "" without."""

    contrast: Contrast
    point: Point
    key: str
    blocks: int
    family: tuple[Judged, ...]
    described: tuple[Described, ...]
    stopped: str = ""


@dataclass(frozen=True)
class Best:
    """Each side at its own best workers, threads, loop and pool for one endpoint and number of connections.

    Both had the same CPUs and the same memory limit. `choices`: how many settings each side chose from, by its median
    requests/s; `caveat` says what that choosing does to the figure.
    """

    contrast: Contrast
    endpoint: str
    connections: int
    baseline: Point
    candidate: Point
    choices: int
    blocks: int
    family: tuple[Judged, ...]
    described: tuple[Described, ...]
    caveat: str


@dataclass(frozen=True)
class Comparison:
    """What a campaign comes to. `too_noisy`: why no verdict can be trusted, "" when it can; then `first_line` says it."""

    campaign: str
    title: str
    contrasts: tuple[Contrast, ...]
    best: tuple[Best, ...]
    points: tuple[PointComparison, ...]
    noise: Noise
    too_noisy: str
    first_line: str
    caveats: tuple[str, ...]
    looks: str
    blocks: int

    def of(self, kind: str) -> list[PointComparison]:
        """The points of one kind of contrast."""
        return [one for one in self.points if one.contrast.kind == kind]

    def data(self) -> dict[str, Any]:
        """As plain data for JSON, with null for what is not a finite number."""
        found = asdict(self)
        for mine, one in zip(found["points"], self.points, strict=True):
            mine["point"] = one.point.model_dump()
        for mine, best in zip(found["best"], self.best, strict=True):
            mine["baseline"], mine["candidate"] = best.baseline.model_dump(), best.candidate.model_dump()
        return {"compare_schema": SCHEMA, **finite(found)}


def finite(value: Any) -> Any:
    """The same data with None for infinities and NaN, which JSON has no words for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value

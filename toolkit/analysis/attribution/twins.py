"""What part of a difference belongs to something that the server uses at one endpoint and not at its twin. Pure.

FastAPI runs a plain `def` in AnyIO's thread pool and an `async def` on the event loop. Where the plain function loses 45%
on the free-threaded build and its twin 5%, the pool accounts for most of it, and the interpreter for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from toolkit.campaign.contrasts import Contrast
from toolkit.scenario.model import Point, Scenario

MOST = 0.5

Part = Literal["most", "some", "not shown"]


class Rate(Protocol):
    """A compared metric, such as `MetricComparison`: medians of both arms, their ratio, its interval and its verdict."""

    @property
    def metric(self) -> str: ...
    @property
    def baseline(self) -> float | None: ...
    @property
    def candidate(self) -> float | None: ...
    @property
    def ratio(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def verdict(self) -> str: ...


@dataclass(frozen=True)
class TwinComparison:
    """An endpoint whose requests/s differ between the arms, and its twin at the same settings, which is `without` something.

    Which part that something accounts for: `most`, where the intervals leave it more than half of the difference (of the
    logarithms) at their least favourable ends; `some`, where they do not overlap; else it is `not shown`.
    """

    contrast: Contrast
    plain: Point
    twin: Point
    without: str
    plain_rate: Rate
    twin_rate: Rate

    @property
    def part(self) -> Part:
        """The part of the plain endpoint's difference that its twin does not have."""
        plain, twin = self.plain_rate, self.twin_rate
        if None in (plain.low, plain.high, twin.low, twin.high):
            return "not shown"
        plain_low, plain_high, twin_low, twin_high = (
            math.log(end) for end in (plain.low, plain.high, twin.low, twin.high) if end
        )
        if plain_high >= 0:  # the same as a loss: turned around
            plain_low, plain_high, twin_low, twin_high = -plain_high, -plain_low, -twin_high, -twin_low
        if plain_high >= 0 or twin_low <= plain_high:
            return "not shown"
        return "most" if twin_low > (1 - MOST) * plain_high else "some"


def twins(scenario: Scenario, points: Sequence[tuple[Contrast, Point, Sequence[Rate]]]) -> tuple[TwinComparison, ...]:
    """Every pair of a contrast of the variants in which the plain endpoint's requests/s have a verdict.

    points: contrast, point and primary metrics of each comparison.
    """
    rates = {
        (contrast, point): metric
        for contrast, point, family in points
        for metric in family
        if metric.metric == "requests_per_second" and contrast.kind == "variants"
    }
    found = []
    for (contrast, point), rate in rates.items():
        twin = scenario.endpoints[point.endpoint].twin
        if twin is None:
            continue
        plain = next((one for one in scenario.points() if _with_endpoint(point, twin.of) == one), None)
        plain_rate = rates.get((contrast, plain)) if plain else None
        if plain and plain_rate and plain_rate.verdict in ("higher", "lower"):
            found.append(TwinComparison(contrast, plain, point, twin.without, plain_rate, rate))
    return tuple(found)


def _with_endpoint(point: Point, endpoint: str) -> Point:
    return point.model_copy(update={"endpoint": endpoint})

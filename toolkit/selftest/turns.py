"""Whether taking turns changes what is measured: differences inside blocks, where the machine is the same for both sides.

A block's quads differ in one thing: windows of 4 s instead of the usual ones, or idle servers that are stopped meanwhile.
The log ratio of the arms in such a quad, less that in the block's plain quads, is a *double difference*; it is 0 where the
thing changes nothing. Two apps that differ by a known CPU time an answer show whether a difference is found at all. And the
spread of the log ratio over blocks in turns is compared with that over blocks apart, alternately, at the same time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any, Literal

from scipy.special import fdtri, stdtrit  # type: ignore[import-untyped]

from toolkit.agent.frames import Frame
from toolkit.agent.turns import order
from toolkit.backends import Backend
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.records.store import Record, record
from toolkit.records.turns import block_records
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials, Mode, Quad
from toolkit.trial.model import Arm, Trial

METRICS = ("requests_per_second", "cpu_seconds_per_1000_requests", "memory_mb")
LONG_SECONDS = 4
CONDITIONS = {"plain": Quad(), "long": Quad(LONG_SECONDS), "stopped": Quad(stopped=True), "plain again": Quad()}
PLANTED_SECONDS = 0.00005
"""By how much the answers of the two apps in apps/planted.py differ."""

LEVEL = 0.90
TOLERANCE, TREND_TOLERANCE = 0.02, 0.01
"""What double differences, and the trend from quad to quad, may be at the most."""

Values = dict[str, list[float]]


@dataclass(frozen=True)
class Finding:
    """A mean of log ratios over `blocks` with its interval, and the bounds that the whole interval must keep."""

    name: str
    blocks: int
    mean: float
    low: float
    high: float
    at_least: float
    at_most: float

    @property
    def shown(self) -> Literal["yes", "no", "too noisy"]:
        """Whether the interval lies inside the bounds, wholly outside, or neither."""
        if self.at_least <= self.low and self.high <= self.at_most:
            return "yes"
        return "no" if self.high < self.at_least or self.low > self.at_most else "too noisy"

    def text(self) -> str:
        """One line for people."""
        return (
            f"{self.name}: {self.mean:+.2%} ({LEVEL:.0%} interval {self.low:+.2%} to {self.high:+.2%}, {self.blocks} blocks);"
            f" it must lie within {self.at_least:+.1%} and {self.at_most:+.1%}: {self.shown}"
        )


@dataclass(frozen=True)
class Spread:
    """Standard deviations of a point's log ratio over blocks apart and in turns, and their ratio with its 95% interval."""

    point: str
    apart: float
    turns: float
    blocks: tuple[int, int]
    ratio: float = field(init=False)
    low: float = field(init=False)
    high: float = field(init=False)

    def __post_init__(self) -> None:
        degrees = self.blocks[0] - 1, self.blocks[1] - 1
        ratio = self.apart / self.turns
        object.__setattr__(self, "ratio", ratio)
        object.__setattr__(self, "low", ratio / math.sqrt(fdtri(*degrees, 0.975)))
        object.__setattr__(self, "high", ratio / math.sqrt(fdtri(*degrees, 0.025)))

    def text(self) -> str:
        """One line for people."""
        return (
            f"{self.point}: requests/s spread by {self.apart:.3f} over {self.blocks[0]} blocks apart and by {self.turns:.3f}"
            f" over {self.blocks[1]} in turns: {self.ratio:.1f} times (95% interval {self.low:.1f} to {self.high:.1f})"
        )


def double_differences(
    scenario: Scenario, arms: Sequence[Arm], backend: Backend, blocks: int, say: Say
) -> list[Finding]:
    """Blocks at the scenario's first point whose quads differ, in random order. Raises GilfreeError as `_blocks`."""
    found: Values = {}

    def run(number: int, attempt: int) -> str:
        names = list(CONDITIONS)
        random.Random(f"turns/{number}").shuffle(names)
        quads = tuple(CONDITIONS[name] for name in names)
        records = _in_turns(backend, scenario, arms, (number, attempt), quads)
        effects = block_effects(records, names)
        for name, value in (effects or {}).items():
            found.setdefault(name, []).append(value)
        return "" if effects is not None else why_lost(records)

    _blocks("windows and idling", run, blocks, say)
    return [
        finding(name, values, TREND_TOLERANCE if name.startswith("trend") else TOLERANCE)
        for name, values in found.items()
    ]


def block_effects(records: Sequence[Record], names: Sequence[str]) -> dict[str, float] | None:
    """Double differences of a block by condition and metric, and the trend from quad to quad; None where a quad is lost.

    records: of two arms, the baseline first. names: of the block's quads, in their order. Pure.
    """
    ratios = quad_ratios(records, len(names))
    if ratios is None:
        return None
    found = {}
    for metric in METRICS:
        at = dict(zip(names, ratios[metric], strict=True))
        plain = (at["plain"] + at["plain again"]) / 2
        found[f"windows of {LONG_SECONDS} s, {metric}"] = at["long"] - plain
        found[f"idle server stopped, {metric}"] = at["stopped"] - plain
    rates = ratios[METRICS[0]]
    found["trend from quad to quad, requests_per_second"] = (rates[-1] - rates[0]) / (len(rates) - 1)
    return found


def quad_ratios(records: Sequence[Record], quads: int) -> dict[str, list[float]] | None:
    """By metric, the log ratio of the second arm to the first in each quad; None unless all quads were kept. Pure."""
    quad_of = {f"turn-{number}": quad for number, (quad, _) in enumerate(order(len(records), quads), 1)}
    means: list[dict[str, list[float]]] = []
    for one in records:
        if not one.accepted or one.turns is None or len(one.turns.kept) != 2 * quads:
            return None
        logs: dict[str, list[list[float]]] = {metric: [[] for _ in range(quads)] for metric in METRICS}
        for window in one.windows:
            for metric in METRICS:
                value = getattr(window.metrics, metric)
                if not value:
                    return None
                logs[metric][quad_of[window.name]].append(math.log(value))
        means.append({metric: [fmean(values) for values in of_quads] for metric, of_quads in logs.items()})
    first, second = means
    return {m: [b - a for a, b in zip(first[m], second[m], strict=True)] for m in METRICS}


def planted_scenarios() -> tuple[Scenario, Scenario]:
    """The scenarios of the two apps, to be served from the folder apps/."""
    plain, planted = (
        Scenario.model_validate(
            {
                "name": "planted",
                "title": "answers that cost a known CPU time",
                "app": {"target": f"planted:{name}", "interface": "asgi", "wrapped": True},
                "endpoints": {"planted": {"path": "/", "text": "done"}},
                "matrix": [{"endpoint": "planted", "connections": 16}],
                "load": {"warmup": 2, "duration": 5},
            }
        )
        for name in ("plain", "planted")
    )
    return plain, planted


def planted_difference(
    plain: Scenario, planted: Scenario, arm: Arm, backend: Backend, blocks: int, say: Say
) -> list[Finding]:
    """Blocks of one build that serves two apps, which differ by PLANTED_SECONDS of CPU an answer."""
    found: list[float] = []
    expected: list[float] = []
    other = replace(arm, name=f"{arm.name}-planted")

    def run(number: int, attempt: int) -> str:
        records = _in_turns(backend, plain, (arm, other), (number, attempt), scenarios={other.name: planted})
        values = [one.metrics.cpu_seconds_per_1000_requests for one in records if one.accepted]
        if len(values) != 2 or not values[0] or not values[1]:
            return why_lost(records)
        found.append(math.log(values[1] / values[0]))
        expected.append(math.log1p(1000 * PLANTED_SECONDS / values[0]))
        return ""

    _blocks("planted difference", run, blocks, say)
    size = fmean(expected)
    words = f"planted {PLANTED_SECONDS * 1e6:.0f} µs of CPU an answer ({size:+.1%})"
    made = finding(words, found, TOLERANCE)
    return [replace(made, at_least=max(size / 4, size - TOLERANCE), at_most=size + TOLERANCE)]


def spread(scenario: Scenario, arms: Sequence[Arm], backend: Backend, blocks: int, say: Say) -> Spread:
    """The spread of requests/s at the scenario's first point, over blocks in turns and apart, alternately."""
    found: dict[Mode, list[float]] = {"turns": [], "apart": []}

    def run(number: int, attempt: int) -> str:
        modes: tuple[Mode, ...] = ("turns", "apart") if number % 2 == 0 else ("apart", "turns")
        pair: dict[Mode, float] = {}
        for mode in modes:
            where = (number, attempt)
            records = (
                _in_turns(backend, scenario, arms, where) if mode == "turns" else _apart(backend, scenario, arms, where)
            )
            rates = [one.metrics.requests_per_second for one in records if one.accepted]
            if len(rates) != 2 or not rates[0] or not rates[1]:
                return why_lost(records)
            pair[mode] = math.log(rates[1] / rates[0])
        for mode, value in pair.items():
            found[mode].append(value)
        return ""

    point = scenario.points()[0]
    _blocks(f"{point.key} in turns and apart", run, blocks, say)
    return Spread(
        point.label(), stdev(found["apart"]), stdev(found["turns"]), (len(found["apart"]), len(found["turns"]))
    )


def finding(name: str, values: Sequence[float], tolerance: float) -> Finding:
    """The mean of log ratios, at least two, with Student's interval, which is to lie within the tolerance around 0. Pure."""
    n, mean = len(values), fmean(values)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * stdev(values) / math.sqrt(n)
    return Finding(name, n, mean, mean - half, mean + half, -tolerance, tolerance)


def why_lost(records: Sequence[Record]) -> str:
    """Why a block gives no figures: the first reason against one of its arms, a dropped quad, or why windows were long."""
    for one in records:
        for rejection in one.rejections:
            return f"{one.arm}: {rejection.reason}: {rejection.detail}"
    for one in records:
        if one.turns and one.turns.dropped:
            return f"a quad was dropped: {one.turns.dropped[0].detail}"
    return next((one.turns.reason for one in records if one.turns and one.turns.reason), "a figure is missing")


def _blocks(what: str, run: Callable[[int, int], str], blocks: int, say: Say) -> None:
    """Run blocks until so many count: `run` returns why one does not, or "". Raises GilfreeError when more do not count
    than are to count."""
    done = lost = 0
    while done < blocks:
        why = run(done, 1 + lost)
        if not why:
            done += 1
            say(f"{what}: block {done} of {blocks}")
            continue
        lost += 1
        say(f"{what}: block {done + 1} is run again: {why}")
        if lost > blocks:
            raise GilfreeError(f"{what}: {lost} blocks did not count, the last: {why}", "try on a quiet machine")


def _trials(
    scenario: Scenario, arms: Sequence[Arm], where: tuple[int, int], scenarios: Mapping[str, Scenario]
) -> tuple[Trial, ...]:
    number, attempt = where
    ordered = arms if number % 2 == 0 else arms[::-1]
    point = scenario.points()[0]
    return tuple(Trial("turns", scenarios.get(arm.name, scenario), point, number, arm, attempt) for arm in ordered)


def _in_turns(
    backend: Backend,
    scenario: Scenario,
    arms: Sequence[Arm],
    where: tuple[int, int],
    quads: tuple[Quad, ...] = (Quad(), Quad()),
    scenarios: Mapping[str, Scenario] | None = None,
) -> list[Record]:
    """The records of one block in turns, in the order of `arms`."""
    block = BlockTrials(_trials(scenario, arms, where, scenarios or {}), "turns", quads=quads)
    return _sorted(arms, block_records(block, _frames(backend, block)))


def _apart(backend: Backend, scenario: Scenario, arms: Sequence[Arm], where: tuple[int, int]) -> list[Record]:
    block = BlockTrials(_trials(scenario, arms, where, {}))
    frames = _frames(backend, block)
    made = [record(one, [frame for frame in frames if frame["arm"] == one.arm.name]) for one in block.trials]
    return _sorted(arms, made)


def _frames(backend: Backend, block: BlockTrials) -> list[Frame]:
    return list(backend.run(block, backend.slots()[0]))


def _sorted(arms: Sequence[Arm], records: Sequence[Record]) -> list[Record]:
    by_arm: dict[str, Any] = {one.arm: one for one in records}
    return [by_arm[arm.name] for arm in arms]

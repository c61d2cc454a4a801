"""The search for knees as a plan over a campaign: which servers are loaded with which rates next. Pure.

All state is in the records, as with every plan: a record's windows are named after the step that they are of, so a
search is read back from them. In a block all arms go on together, each with its own rates, until each has its knee.
Blocks go over all points before the next begins, so that a budget that ends early leaves every point with something.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.campaign.plan import Block
from toolkit.capacity.knee.profile import MEMORY_HEADROOM
from toolkit.capacity.knee.search import FIRST_LADDER, MOST_BETWEEN, Knee, Rules, Step, Tried, judged, search
from toolkit.records.store import Record
from toolkit.scenario.model import Load, Point, Scenario
from toolkit.trial.model import Window

TRIAL_OVERHEAD_SECONDS = 5
VERIFY_BLOCK = 1000
"""Trials that try a knee out afterwards have a block of their own, beyond all that look for it."""


@dataclass(frozen=True)
class KneeSettings:
    """What campaign.json holds under `knee`: rules, blocks, budget, and what recommendations are to allow for."""

    rules: Rules
    blocks: int = 3
    budget_seconds: int | None = None
    headroom: float = 0.7
    memory_headroom: float = MEMORY_HEADROOM

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> KneeSettings | None:
        """Those of a campaign; None when it does not look for a knee."""
        given = description.get("knee")
        if not given:
            return None
        return cls(**{**given, "rules": Rules(**given["rules"])})


@dataclass(frozen=True)
class KneePlan:
    """Looks for the knee of every arm at every point, in each of `settings.blocks` blocks anew."""

    campaign: str
    points: tuple[Point, ...]
    arms: tuple[str, ...]
    settings: KneeSettings
    load: Load
    retries: int

    def next(self, records: Sequence[Record], running: Collection[Block]) -> Block | None:
        """The next step of the first block that is neither at its end nor under way, as far as the budget goes."""
        busy = {(block.point.key, block.index) for block in running}
        spent = self.spent_seconds(records)
        for index, point in self.order():
            if (point.key, index) in busy:
                continue
            steps = {arm: step for arm in self.arms if isinstance(step := self.state(records, point, index, arm), Step)}
            if not steps:
                continue
            cost = sum(self.step_seconds(step) for step in steps.values())
            if self.settings.budget_seconds is not None and spent + cost > self.settings.budget_seconds:
                return None
            attempt = 1 + max((one.attempt for one in _of(records, point, index)), default=0)
            arms = list(steps)
            random.Random(f"{self.campaign}/{point.key}/{index}/{attempt}").shuffle(arms)
            windows = {arm: self.windows(step) for arm, step in steps.items()}
            return Block(point, index, attempt, tuple(arms), windows)
        return None

    def total(self) -> int:
        """Knees to be found: one for each point, block and arm."""
        return len(self.points) * self.settings.blocks * len(self.arms)

    def expected(self, records: Sequence[Record]) -> int:
        """The same, whatever was measured."""
        return self.total()

    def order(self) -> Iterator[tuple[int, Point]]:
        """Blocks and points in the order they are measured in."""
        for index in range(self.settings.blocks):
            points = list(self.points)
            random.Random(f"{self.campaign}/{index}").shuffle(points)
            yield from ((index, point) for point in points)

    def state(self, records: Sequence[Record], point: Point, index: int, arm: str) -> Step | Knee:
        """How far the search of one arm in one block is."""
        own = [record for record in _of(records, point, index) if record.arm == arm]
        failed = [record for record in own if not record.accepted and not _probed(record)]
        if len(failed) > self.retries:
            rejection = failed[-1].rejections[0]
            return Knee(None, None, False, note=f"given up: {rejection.reason}: {rejection.detail}")
        here = [record for record in records if record.point_key == point.key and record.arm == arm]
        probes = [record.metrics.requests_per_second for record in here if _probed(record)]
        earlier = None
        for before in range(index):
            found = search(tried([r for r in here if r.block == before], self.settings.rules), 1.0)
            if isinstance(found, Knee) and found.finished and found.knee_rps:
                earlier = found.knee_rps
        return search(tried(own, self.settings.rules), probes[-1] if probes else None, earlier)

    def windows(self, step: Step) -> tuple[Window, ...]:
        """A step as windows; empty for a probe, which is the scenario's own one."""
        rules = self.settings.rules
        at_least = rules.confirm_seconds if step.name == "confirm" else rules.ladder_seconds
        rates = enumerate(step.rates)
        return tuple(Window(f"{step.name}-{i}", rules.seconds(rate, at_least), rate) for i, rate in rates)

    def step_seconds(self, step: Step) -> float:
        """About how long a step takes on one arm."""
        windows = self.windows(step)
        return self._overhead() + (sum(w.seconds for w in windows) if windows else self.load.duration_seconds)

    def seconds_of(self, record: Record) -> float:
        """About how long a recorded trial took."""
        windows: Mapping[str, int] = record.load.get("windows") or {}
        return self._overhead() + sum(seconds for name, seconds in windows.items() if name != "warmup")

    def spent_seconds(self, records: Sequence[Record]) -> float:
        """About how long all recorded trials took; what a budget is held against."""
        return sum(self.seconds_of(record) for record in records)

    def estimate_seconds(self) -> float:
        """About how long all will take, if every search goes its usual way at rates that need no longer windows."""
        rules = self.settings.rules
        first = Step("ladder", (10**6,) * len(FIRST_LADDER))
        between = Step("refine", (10**6,) * (MOST_BETWEEN // 2))
        block = self.step_seconds(first) + self.step_seconds(between)
        block += 2 * (self._overhead() + rules.confirm_seconds)
        probe = self.step_seconds(Step("probe", ()))
        return len(self.points) * len(self.arms) * (probe + self.settings.blocks * block)

    def _overhead(self) -> float:
        return self.load.warmup_seconds + 2 * self.load.validate_seconds + TRIAL_OVERHEAD_SECONDS

    def knees(self, records: Sequence[Record]) -> dict[tuple[str, int, str], Knee]:
        """By point, block and arm the searches that have ended."""
        found = {}
        for index, point in self.order():
            for arm in self.arms:
                state = self.state(records, point, index, arm)
                if isinstance(state, Knee):
                    found[point.key, index, arm] = state
        return found

    def unmeasured(self, records: Sequence[Record]) -> list[str]:
        """What has no knee yet, in words."""
        done = self.knees(records)
        return [
            f"{arm} {point.key} block {index + 1}"
            for index, point in self.order()
            for arm in self.arms
            if (point.key, index, arm) not in done
        ]


def knee_plan(name: str, scenario: Scenario, arms: Sequence[str], description: Mapping[str, Any]) -> KneePlan:
    """The plan of a campaign that looks for knees."""
    settings = KneeSettings.of(description)
    assert settings is not None
    return KneePlan(name, tuple(scenario.points()), tuple(arms), settings, scenario.load, scenario.limits.retries)


def tried(records: Sequence[Record], rules: Rules) -> list[Tried]:
    """All rates of accepted trials of one search, in the order they were measured. Rates tried out afterwards are none."""
    return [
        judged(entry, rules, fresh=step_of(entry) == "confirm")
        for record in sorted(records, key=lambda one: one.attempt)
        if record.accepted
        for entry in record.load.get("rates", ())
        if not step_of(entry).startswith("verify")
    ]


def step_of(entry: Mapping[str, Any]) -> str:
    """The step that an entry of `load.rates` belongs to, from its window's name."""
    return str(entry["name"]).rpartition("-")[0]


def _probed(record: Record) -> bool:
    """Whether this is a closed-loop trial that gave a figure: it only says where a ladder begins, so it need not count."""
    return "rates" not in record.load and record.metrics.requests_per_second is not None


def _of(records: Sequence[Record], point: Point, index: int) -> list[Record]:
    return [record for record in records if record.point_key == point.key and record.block == index]

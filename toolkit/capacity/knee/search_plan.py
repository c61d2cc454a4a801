"""The search plan: a campaign plan that decides which servers are loaded with which rates next, to find knees. Pure.

All state is in the records, as with every campaign plan: the windows of a record are named after the step of the search,
so a search is read back from them. In a block all arms take their steps together, each with its own rates, until each has
its knee. A block is measured at all points before the next block begins, so a budget that ends early leaves every point
with some knees.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.campaign.plan import Block
from toolkit.capacity.knee.profile import MEMORY_HEADROOM
from toolkit.capacity.knee.search import (
    FIRST_LADDER,
    MOST_REFINEMENTS,
    KneeRules,
    RateResult,
    SearchResult,
    Step,
    evaluate_rate,
    search,
)
from toolkit.records.reasons import deciding
from toolkit.records.store import Record
from toolkit.scenario.model import Load, Point, Scenario
from toolkit.trial.model import Window

TRIAL_OVERHEAD_SECONDS = 5
"""Starting and stopping servers, for estimates of durations."""
VERIFY_BLOCK = 1000
"""Index of the block that verifies knees, beyond the blocks that search for them."""


@dataclass(frozen=True)
class KneeSettings:
    """The settings of a search, as campaign.json holds them under `knee`; the headrooms are for recommendations."""

    rules: KneeRules
    blocks: int = 3
    budget_seconds: int | None = None
    headroom: float = 0.7
    memory_headroom: float = MEMORY_HEADROOM

    def data(self) -> dict[str, Any]:
        """The settings as plain data for campaign.json."""
        return asdict(self)

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> KneeSettings | None:
        """The settings in a campaign's description; None when the campaign does not search for knees."""
        given = description.get("knee")
        if not given:
            return None
        return cls(**{**given, "rules": KneeRules(**given["rules"])})


@dataclass(frozen=True)
class KneeSearchPlan:
    """Searches for the knee of every arm at every point, in each of `settings.blocks` blocks again."""

    campaign: str
    points: tuple[Point, ...]
    arms: tuple[str, ...]
    settings: KneeSettings
    load: Load
    retries: int

    def next(
        self, records: Sequence[Record], running: Collection[Block], without: Collection[str] = ()
    ) -> Block | None:
        """The next step of the first block that is neither finished nor running; None when the budget does not allow it."""
        busy = {(block.point.key, block.index) for block in running}
        spent = self.spent_seconds(records)
        for index, point in self.order():
            if (point.key, index) in busy or point.key in without:
                continue
            steps = {arm: step for arm in self.arms if isinstance(step := self.state(records, point, index, arm), Step)}
            if not steps:
                continue
            cost = sum(self.step_seconds(step) for step in steps.values())
            if self.settings.budget_seconds is not None and spent + cost > self.settings.budget_seconds:
                return None
            attempt = 1 + max((one.attempt for one in _records_of(records, point, index)), default=0)
            arms = list(steps)
            random.Random(f"{self.campaign}/{point.key}/{index}/{attempt}").shuffle(arms)
            windows = {arm: self.windows(step) for arm, step in steps.items()}
            return Block(point, index, attempt, tuple(arms), windows)
        return None

    def total(self) -> int:
        """How many knees there are to find: one for each point, block and arm."""
        return len(self.points) * self.settings.blocks * len(self.arms)

    def expected(self, records: Sequence[Record]) -> int:
        """As `total`: it does not depend on the records."""
        return self.total()

    def finished(self, records: Sequence[Record]) -> int:
        """How many searches have ended."""
        return len(self.knees(records))

    def order(self) -> Iterator[tuple[int, Point]]:
        """Blocks and points in the order in which they are measured."""
        for index in range(self.settings.blocks):
            points = list(self.points)
            random.Random(f"{self.campaign}/{index}").shuffle(points)
            yield from ((index, point) for point in points)

    def state(self, records: Sequence[Record], point: Point, index: int, arm: str) -> Step | SearchResult:
        """The state of the search of one arm at one point in one block: its next step, or its end."""
        own = [record for record in _records_of(records, point, index) if record.arm == arm]
        without_result = [record for record in own if not record.accepted and not _is_probe(record)]
        failed = any(record.outcome == "failed" for record in without_result)  # by itself: another attempt is no remedy
        if failed or len(without_result) > self.retries:
            rejection = deciding(without_result[-1].rejections)
            words = f"{rejection.reason}: {rejection.detail}" if rejection else "no result"
            return SearchResult(None, None, False, note=f"given up: {words}")
        here = [record for record in records if record.point_key == point.key and record.arm == arm]
        probes = [record.metrics.requests_per_second for record in here if _is_probe(record)]
        earlier = None
        for before in range(index):
            found = search(rate_results([r for r in here if r.block == before], self.settings.rules), 1.0)
            if isinstance(found, SearchResult) and found.finished and found.knee_rps:
                earlier = found.knee_rps
        return search(rate_results(own, self.settings.rules), probes[-1] if probes else None, earlier)

    def windows(self, step: Step) -> tuple[Window, ...]:
        """The windows of a step; empty for a probe, which has the window of the scenario."""
        rules = self.settings.rules
        at_least = rules.confirm_seconds if step.name == "confirm" else rules.ladder_seconds
        rates = enumerate(step.rates)
        return tuple(Window(f"{step.name}-{i}", rules.seconds(rate, at_least), rate) for i, rate in rates)

    def step_seconds(self, step: Step) -> float:
        """Estimated duration of a step on one arm."""
        windows = self.windows(step)
        return self._overhead() + (sum(w.seconds for w in windows) if windows else self.load.duration_seconds)

    def seconds_of(self, record: Record) -> float:
        """Estimated duration of a recorded trial."""
        windows: Mapping[str, int] = record.load.get("windows") or {}
        return self._overhead() + sum(seconds for name, seconds in windows.items() if name != "warmup")

    def spent_seconds(self, records: Sequence[Record]) -> float:
        """Estimated duration of all recorded trials, which the budget is compared with."""
        return sum(self.seconds_of(record) for record in records)

    def estimate_seconds(self) -> float:
        """Estimated duration of the whole campaign, if every search takes the usual steps and no window has to be lengthened."""
        rules = self.settings.rules
        first = Step("ladder", (10**6,) * len(FIRST_LADDER))
        refinement = Step("refine", (10**6,) * (MOST_REFINEMENTS // 2))
        block = self.step_seconds(first) + self.step_seconds(refinement)
        block += 2 * (self._overhead() + rules.confirm_seconds)
        probe = self.step_seconds(Step("probe", ()))
        return len(self.points) * len(self.arms) * (probe + self.settings.blocks * block)

    def _overhead(self) -> float:
        return self.load.warmup_seconds + 2 * self.load.validate_seconds + TRIAL_OVERHEAD_SECONDS

    def knees(self, records: Sequence[Record]) -> dict[tuple[str, int, str], SearchResult]:
        """The searches that have ended, by point key, block and arm."""
        found = {}
        for index, point in self.order():
            for arm in self.arms:
                state = self.state(records, point, index, arm)
                if isinstance(state, SearchResult):
                    found[point.key, index, arm] = state
        return found

    def unmeasured(self, records: Sequence[Record]) -> list[str]:
        """The searches that have not ended, in words."""
        done = self.knees(records)
        return [
            f"{arm} {point.key} block {index + 1}"
            for index, point in self.order()
            for arm in self.arms
            if (point.key, index, arm) not in done
        ]


def knee_search_plan(
    name: str, scenario: Scenario, arms: Sequence[str], description: Mapping[str, Any]
) -> KneeSearchPlan:
    """The plan of a campaign that searches for knees; `description` is its campaign.json and holds `knee`."""
    settings = KneeSettings.from_description(description)
    assert settings is not None
    return KneeSearchPlan(name, tuple(scenario.points()), tuple(arms), settings, scenario.load, scenario.limits.retries)


def rate_results(records: Sequence[Record], rules: KneeRules) -> list[RateResult]:
    """The results of one search, in the order of measurement: rates of accepted trials, without those of the verification."""
    return [
        evaluate_rate(entry, rules, fresh=step_of(entry) == "confirm")
        for record in sorted(records, key=lambda one: one.attempt)
        if record.accepted
        for entry in record.load.get("rates", ())
        if not step_of(entry).startswith("verify")
    ]


def step_of(entry: Mapping[str, Any]) -> str:
    """The step of the search that an entry of `load.rates` belongs to, from the name of its window."""
    return str(entry["name"]).rpartition("-")[0]


def _is_probe(record: Record) -> bool:
    """Whether this is a closed-loop trial with a result. It only sets where a ladder begins, so it need not be accepted."""
    return "rates" not in record.load and record.metrics.requests_per_second is not None


def _records_of(records: Sequence[Record], point: Point, index: int) -> list[Record]:
    return [record for record in records if record.point_key == point.key and record.block == index]

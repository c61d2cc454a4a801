"""What to run next: a plan is a pure function of the records so far.

The records are the only state, so a campaign is resumed by calling the plan again. The order is random, seeded by
campaign, point and block: a campaign that is started again runs in the same order.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from toolkit.records.reasons import deciding
from toolkit.records.store import Record
from toolkit.scenario.model import Point, Scenario
from toolkit.scenario.point_groups import point_groups
from toolkit.trial.model import Window


@dataclass(frozen=True)
class Block:
    """Every arm once at one point, in this order, on one slot; `attempt` counts from 1.

    `windows`: by arm, the windows of its trial, where they are not the scenario's one window.
    """

    point: Point
    index: int
    attempt: int
    arms: tuple[str, ...]
    windows: Mapping[str, tuple[Window, ...]] = field(default_factory=dict, hash=False)


class Plan(Protocol):
    """Decides what a campaign runs next."""

    def next(
        self, records: Sequence[Record], running: Collection[Block], without: Collection[str] = ()
    ) -> Block | None:
        """The next block to start while `running` are under way; None when there is none, or none yet.

        without: keys of points that were given up and get no more blocks.
        """

    def total(self) -> int:
        """The largest number of blocks that the plan can have."""

    def expected(self, records: Sequence[Record]) -> int:
        """The number of blocks that the plan will have, as far as `records` show."""


@dataclass(frozen=True)
class FixedMatrix:
    """Rounds over all points: each point gets one block before any gets its next, so that drift affects all alike.

    `groups`: points that belong together, each in at least one; they follow each other in a round, in the opposite order in
    every second round, so that little time is between them and drift does not favour one. Those not in `points` have no
    blocks.

    A block in which a trial was rejected or is missing is run again, at most `retries` times. An arm that failed by itself
    has its result: it is not run again in that block, and the block is concluded when every other arm has counted.
    """

    campaign: str
    points: tuple[Point, ...]
    arms: tuple[str, ...]
    rounds: int
    retries: int
    groups: tuple[tuple[Point, ...], ...] = ()

    @classmethod
    def of_scenario(cls, campaign: str, scenario: Scenario, arms: tuple[str, ...], rounds: int) -> FixedMatrix:
        """The matrix of a scenario: points that claims compare are measured one right after the other."""
        points, groups = tuple(scenario.points()), tuple(point_groups(scenario))
        return cls(campaign, points, arms, rounds, scenario.limits.retries, groups)

    def total(self) -> int:
        """Points times rounds."""
        return len(self.points) * self.rounds

    def expected(self, records: Sequence[Record]) -> int:
        """Points times rounds: this plan does not depend on the records."""
        return self.total()

    def next(
        self, records: Sequence[Record], running: Collection[Block], without: Collection[str] = ()
    ) -> Block | None:
        """The first block in seeded order that is neither concluded, nor given up, nor under way."""
        tried = _attempts(records)
        busy = {(block.point.key, block.index) for block in running}
        for index, point in self._cells():
            key = (point.key, index)
            if key in busy or point.key in without:
                continue
            attempts = tried.get(key, {})
            if _concluding(attempts, self.arms) is not None:
                continue
            # An attempt that was interrupted (the tool was killed) does not count as a retry.
            rejected = sum(any(one.outcome == "rejected" for one in found) for found in attempts.values())
            if rejected <= self.retries:
                attempt = max(attempts, default=0) + 1
                closed = _failed(attempts)
                order = tuple(arm for arm in self._order(point, index) if arm not in closed)
                return Block(point, index, attempt, order)
        return None

    def schedule(self) -> Iterator[Block]:
        """All blocks in the order in which `next` gives them when no trial is rejected and none fails."""
        for index, point in self._cells():
            yield Block(point, index, 1, self._order(point, index))

    def _cells(self) -> Iterator[tuple[int, Point]]:
        """Each round's points in the round's own seeded order."""
        for index in range(self.rounds):
            groups = list(self.groups or ((point,) for point in self.points))
            random.Random(f"{self.campaign}/{index}").shuffle(groups)
            in_turn = [point for group in groups for point in (group if index % 2 == 0 else group[::-1])]
            yield from ((index, point) for point in dict.fromkeys(in_turn) if point in self.points)

    def _order(self, point: Point, index: int) -> tuple[str, ...]:
        """A random order for every second block; the block after it has the reverse, so that each arm is first as often."""
        arms = list(self.arms)
        random.Random(f"{self.campaign}/{point.key}/{index // 2}").shuffle(arms)
        return tuple(arms if index % 2 == 0 else arms[::-1])


Attempts = Mapping[int, Sequence[Record]]
"""The records of one block by the number of the attempt."""


def concluded_blocks(records: Iterable[Record], arms: Collection[str]) -> dict[tuple[str, int], list[Record]]:
    """By point key and block index, the blocks in which every arm has counted or failed: one record of each arm.

    An arm that failed in any attempt is represented by its first failed trial, the others by the first attempt in which
    all of them counted.
    """
    found: dict[tuple[str, int], list[Record]] = {}
    for key, attempts in _attempts(records).items():
        concluding = _concluding(attempts, arms)
        if concluding is not None:
            failed = _failed(attempts)
            found[key] = [*failed.values(), *(one for one in concluding if one.arm not in failed)]
    return found


def counted_blocks(records: Iterable[Record], arms: Collection[str]) -> dict[tuple[str, int], list[Record]]:
    """By point key and block index, the counted records of each concluded block; blocks without any are omitted.

    An arm that failed is missing in its block: ratios use the blocks in which both of their arms are present. Trials of
    blocks that were not concluded have no other arm to be compared with and are not here.
    """
    concluded = concluded_blocks(records, arms).items()
    counted = {key: [one for one in found if one.accepted] for key, found in concluded}
    return {key: found for key, found in counted.items() if found}


@dataclass(frozen=True)
class Failures:
    """How often one arm failed by itself at one point: in `failed` of `concluded` trials (those that counted or failed).

    reasons: failed trials by the reason that decided.
    """

    failed: int
    concluded: int
    reasons: Mapping[str, int]


def failures(records: Iterable[Record], arms: Collection[str]) -> dict[tuple[str, str], Failures]:
    """The failures by point key and arm, for every arm of `arms` that has a trial which counted or failed.

    All such trials are in it, whether or not their block was concluded: which trials the environment rejects does not
    depend on what an arm does by itself, so each of the others is one observation of the arm.
    """
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.arm in arms and record.outcome != "rejected":
            found[record.point_key, record.arm].append(record)
    return {
        key: Failures(
            failed=sum(one.outcome == "failed" for one in trials),
            concluded=len(trials),
            reasons=Counter(cause.reason for one in trials if (cause := deciding(one.rejections)) is not None),
        )
        for key, trials in found.items()
    }


def _failed(attempts: Attempts) -> dict[str, Record]:
    """The first failed trial of each arm that failed in a block."""
    found: dict[str, Record] = {}
    for attempt in sorted(attempts):
        for one in attempts[attempt]:
            if one.outcome == "failed":
                found.setdefault(one.arm, one)
    return found


def _concluding(attempts: Attempts, arms: Collection[str]) -> list[Record] | None:
    """The counted records of the first attempt that has one of every arm that did not fail; None when there is none."""
    if not attempts:
        return None
    wanted = set(arms) - _failed(attempts).keys()
    for attempt in sorted(attempts):
        counted = [one for one in attempts[attempt] if one.accepted]
        if {one.arm for one in counted} >= wanted:
            return counted
    return None


def _attempts(records: Iterable[Record]) -> dict[tuple[str, int], dict[int, list[Record]]]:
    found: dict[tuple[str, int], dict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        found[(record.point_key, record.block)][record.attempt].append(record)
    return found

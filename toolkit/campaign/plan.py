"""What to run next: a plan is a pure function of the records so far.

The records are the only state, so a campaign is resumed by calling the plan again. The order is random, seeded by
campaign, point and block: a campaign that is started again runs in the same order.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from toolkit.records.store import Record
from toolkit.scenario.model import Point
from toolkit.trial.model import Window

MIN_TRIALS_TO_STOP = 9


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

    def next(self, records: Sequence[Record], running: Collection[Block]) -> Block | None:
        """The next block to start while `running` are under way; None when there is none, or none yet."""

    def total(self) -> int:
        """The largest number of blocks that the plan can have."""

    def expected(self, records: Sequence[Record]) -> int:
        """The number of blocks that the plan will have, as far as `records` show."""


@dataclass(frozen=True)
class FixedMatrix:
    """Rounds over all points: each point gets one block before any gets its next, so that drift affects all alike.

    A block in which an arm is missing or was rejected is run again as a whole, at most `retries` times.
    """

    campaign: str
    points: tuple[Point, ...]
    arms: tuple[str, ...]
    rounds: int
    retries: int

    def total(self) -> int:
        """Points times rounds."""
        return len(self.points) * self.rounds

    def expected(self, records: Sequence[Record]) -> int:
        """Points times rounds: this plan does not depend on the records."""
        return self.total()

    def next(self, records: Sequence[Record], running: Collection[Block]) -> Block | None:
        """The first block in seeded order that is neither complete, nor given up, nor under way."""
        tried = _attempts(records)
        busy = {(block.point.key, block.index) for block in running}
        for index in range(self.rounds):
            points = list(self.points)
            random.Random(f"{self.campaign}/{index}").shuffle(points)
            for point in points:
                key = (point.key, index)
                if key in busy:
                    continue
                attempts = tried.get(key, {})
                if any(is_complete(found, self.arms) for found in attempts.values()):
                    continue
                # An attempt that was interrupted (the tool was killed) does not count as a retry.
                failed = sum(any(not record.accepted for record in found) for found in attempts.values())
                if failed <= self.retries:
                    attempt = max(attempts, default=0) + 1
                    return Block(point, index, attempt, self._order(point, index, attempt))
        return None

    def _order(self, point: Point, index: int, attempt: int) -> tuple[str, ...]:
        arms = list(self.arms)
        random.Random(f"{self.campaign}/{point.key}/{index}/{attempt}").shuffle(arms)
        return tuple(arms)


def is_complete(records: Iterable[Record], arms: Collection[str]) -> bool:
    """Whether `records`, of one attempt at a block, hold an accepted trial of every arm."""
    return {record.arm for record in records if record.accepted} >= set(arms)


def complete_blocks(records: Iterable[Record], arms: Collection[str]) -> dict[tuple[str, int], list[Record]]:
    """By point key and block index, the records of each block's first complete attempt.

    Only these count: a trial of an incomplete block has no other arm to be compared with.
    """
    found: dict[tuple[str, int], list[Record]] = {}
    for key, attempts in _attempts(records).items():
        for attempt in sorted(attempts):
            if is_complete(attempts[attempt], arms):
                found[key] = attempts[attempt]
                break
    return found


def stop_reason(records: Sequence[Record], share: float) -> str | None:
    """Why a campaign should stop: more than `share` of its trials were rejected for one cause. None: go on."""
    causes = Counter(rejection.reason for record in records for rejection in record.rejections[:1])
    if len(records) < MIN_TRIALS_TO_STOP or not causes:
        return None
    reason, count = causes.most_common(1)[0]
    if count <= share * len(records):
        return None
    return f"{count} of {len(records)} trials were rejected for one cause: {reason}"


def _attempts(records: Iterable[Record]) -> dict[tuple[str, int], dict[int, list[Record]]]:
    found: dict[tuple[str, int], dict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        found[(record.point_key, record.block)][record.attempt].append(record)
    return found

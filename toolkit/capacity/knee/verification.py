"""The verification of a knee: the SLO has to be met at headroom x knee for a minute, and missed at 1.3 x knee. Pure.

A knee that a disturbance made too low, or short windows too high, does not pass both. The verification plan is a campaign
plan: it decides which server is loaded with which rate next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.campaign.plan import Block
from toolkit.capacity.knee.search import evaluate_rate
from toolkit.capacity.knee.search_plan import VERIFY_BLOCK, KneeSettings, step_of
from toolkit.records.reasons import deciding
from toolkit.records.store import Record
from toolkit.scenario.model import Point
from toolkit.trial.model import Window

BEYOND = 1.3
MET_SECONDS, MISSED_SECONDS = 60, 20

Part = Literal["verify-met", "verify-missed"]
PARTS: tuple[Part, ...] = ("verify-met", "verify-missed")


@dataclass(frozen=True)
class Verification:
    """The result of one rate on one fresh server.

    `share`: the rate divided by the knee. `holds`: whether the SLO was met or missed as expected; None when unknown.
    """

    variant: str
    point: str
    part: Part
    share: float
    rate_rps: int
    p99_ms: float | None
    achieved_rps: float | None
    loader_saturation: float | None
    holds: bool | None
    why: str

    @property
    def words(self) -> str:
        """What was expected and what was measured, in one line."""
        expected = "met" if self.part == "verify-met" else "missed"
        outcome = {True: "as expected", False: "NOT as expected", None: "unknown"}[self.holds]
        loader = f", loader {self.loader_saturation:.0%}" if self.loader_saturation is not None else ""
        return (
            f"{self.variant} {self.point}: {self.share:.2f} x knee = {self.rate_rps:,} req/s,"
            f" SLO has to be {expected}: {self.why}{loader}: {outcome}"
        )


@dataclass(frozen=True)
class VerificationPlan:
    """Loads every arm at every point that has a knee, each rate on a fresh server, again while the result is unknown.

    `knees`: by point key and arm name, in requests/s. `retries`: how often a rate is measured again at most.
    """

    knees: Mapping[tuple[str, str], float]
    points: tuple[Point, ...]
    arms: tuple[str, ...]
    settings: KneeSettings
    retries: int

    def next(
        self, records: Sequence[Record], running: Collection[Block], without: Collection[str] = ()
    ) -> Block | None:
        """The next block; None when all rates are decided or out of retries, or while a block is running."""
        if running:
            return None
        for point in (one for one in self.points if one.key not in without):
            for part in PARTS:
                own = [one for one in records if one.block == VERIFY_BLOCK and one.point_key == point.key]
                arms = [arm for arm in self.arms if (point.key, arm) in self.knees and self._undecided(own, arm, part)]
                if arms:
                    attempt = 1 + max((one.attempt for one in own), default=0)
                    windows = {arm: (self.window(point, arm, part),) for arm in arms}
                    return Block(point, VERIFY_BLOCK, attempt, tuple(arms), windows)
        return None

    def total(self) -> int:
        """How many rates have to be verified."""
        return len(PARTS) * len(self.knees)

    def expected(self, records: Sequence[Record]) -> int:
        """As `total`: it does not depend on the records."""
        return self.total()

    def finished(self, records: Sequence[Record]) -> int:
        """How many rates have been loaded; a result that is still unknown counts too."""
        return len(self.verifications(records))

    def window(self, point: Point, arm: str, part: Part) -> Window:
        """The window of such a trial."""
        rate = self.rate(point.key, arm, part)
        at_least = MET_SECONDS if part == "verify-met" else MISSED_SECONDS
        return Window(f"{part}-0", self.settings.rules.seconds(rate, at_least), rate)

    def rate(self, point: str, arm: str, part: Part) -> int:
        """The rate of such a trial in requests/s."""
        share = self.settings.headroom if part == "verify-met" else BEYOND
        return max(1, round(share * self.knees[point, arm]))

    def estimate_seconds(self) -> int:
        """Estimated duration of the whole verification."""
        return len(self.knees) * (MET_SECONDS + MISSED_SECONDS + 20)

    def _undecided(self, own: Sequence[Record], arm: str, part: Part) -> bool:
        """Whether the result is unknown and retries are left. A rejected trial has no rates, but uses up a retry."""
        mine = [one for one in own if one.arm == arm]
        found = list(self._results(mine, part))
        rejected = sum(not one.accepted for one in mine)
        return not any(one.holds is not None for one in found) and len(found) + rejected <= self.retries

    def verifications(self, records: Sequence[Record]) -> list[Verification]:
        """For each point, arm and part the latest result, in this order."""
        own = [one for one in records if one.block == VERIFY_BLOCK]
        last: dict[tuple[str, str, str], Verification] = {}
        for part in PARTS:
            for one in self._results(own, part):
                last[one.point, one.variant, part] = one
        return [last[key] for key in sorted(last)]

    def missing(self, records: Sequence[Record]) -> list[str]:
        """The points, arms and parts without a result, in words."""
        found = {(one.point, one.variant, one.part) for one in self.verifications(records) if one.holds is not None}
        return [
            f"{arm} {point}: {part}" for point, arm in self.knees for part in PARTS if (point, arm, part) not in found
        ]

    def _results(self, records: Sequence[Record], part: Part) -> Iterator[Verification]:
        for record in records:
            failure = deciding(record.rejections) if record.outcome == "failed" else None
            for entry in record.load.get("rates", ()) if record.outcome != "rejected" else ():
                if step_of(entry) != part or (record.point_key, record.arm) not in self.knees:
                    continue
                one = evaluate_rate(entry, self.settings.rules, fresh=True)
                if one.rate_rps != self.rate(record.point_key, record.arm, part):
                    continue  # more blocks have moved the knee since: it is verified again
                passed = one.passed if failure is None else False  # a server that fails by itself keeps no SLO
                holds = None if passed is None or one.loader else passed == (part == "verify-met")
                yield Verification(
                    variant=record.arm,
                    point=record.point_key,
                    part=part,
                    share=one.rate_rps / self.knees[record.point_key, record.arm],
                    rate_rps=one.rate_rps,
                    p99_ms=entry["p99_ms"],
                    achieved_rps=entry["achieved_rps"],
                    loader_saturation=entry["loader_saturation"],
                    holds=holds,
                    why=one.why if failure is None else f"{failure.reason}: {failure.detail}",
                )

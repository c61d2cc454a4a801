"""A knee tried out: at headroom x knee the SLO is to be met for a minute, at 1.3 x the knee it is not. A plan, and pure.

A knee that a burst of bad luck put too low, or windows of seconds too high, does not pass both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.campaign.plan import Block
from toolkit.capacity.knee.campaign_plan import VERIFY_BLOCK, KneeSettings, step_of
from toolkit.capacity.knee.search import judged
from toolkit.records.store import Record
from toolkit.scenario.model import Point
from toolkit.trial.model import Window

BEYOND = 1.3
MET_SECONDS, MISSED_SECONDS = 60, 20

Part = Literal["verify-met", "verify-missed"]
PARTS: tuple[Part, ...] = ("verify-met", "verify-missed")


@dataclass(frozen=True)
class Verified:
    """One rate tried out. `holds` None: it cannot be told. `share`: of the knee."""

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
        """What was expected and what came, in one line."""
        expected = "met" if self.part == "verify-met" else "missed"
        outcome = {True: "as expected", False: "NOT as expected", None: "cannot be told"}[self.holds]
        loader = f", loader {self.loader_saturation:.0%}" if self.loader_saturation is not None else ""
        return (
            f"{self.variant} {self.point}: {self.share:.2f} x knee = {self.rate_rps:,} req/s,"
            f" SLO to be {expected}: {self.why}{loader}: {outcome}"
        )


@dataclass(frozen=True)
class VerifyPlan:
    """Every arm at every point that has a knee, each rate on a fresh server, and again when it could not be told."""

    knees: Mapping[tuple[str, str], float]
    points: tuple[Point, ...]
    arms: tuple[str, ...]
    settings: KneeSettings
    retries: int

    def next(self, records: Sequence[Record], running: Collection[Block]) -> Block | None:
        """The next rate to try out."""
        if running:
            return None
        for point in self.points:
            for part in PARTS:
                own = [one for one in records if one.block == VERIFY_BLOCK and one.point_key == point.key]
                arms = [arm for arm in self.arms if (point.key, arm) in self.knees and self._open(own, arm, part)]
                if arms:
                    attempt = 1 + max((one.attempt for one in own), default=0)
                    windows = {arm: (self.window(point, arm, part),) for arm in arms}
                    return Block(point, VERIFY_BLOCK, attempt, tuple(arms), windows)
        return None

    def total(self) -> int:
        """Rates to be tried out."""
        return len(PARTS) * len(self.knees)

    def expected(self, records: Sequence[Record]) -> int:
        """The same."""
        return self.total()

    def window(self, point: Point, arm: str, part: Part) -> Window:
        """The one window of such a trial."""
        rate = self.rate(point.key, arm, part)
        at_least = MET_SECONDS if part == "verify-met" else MISSED_SECONDS
        return Window(f"{part}-0", self.settings.rules.seconds(rate, at_least), rate)

    def rate(self, point: str, arm: str, part: Part) -> int:
        """Requests a second that such a trial asks for."""
        share = self.settings.headroom if part == "verify-met" else BEYOND
        return max(1, round(share * self.knees[point, arm]))

    def estimate_seconds(self) -> int:
        """About how long it takes."""
        return len(self.knees) * (MET_SECONDS + MISSED_SECONDS + 20)

    def _open(self, own: Sequence[Record], arm: str, part: Part) -> bool:
        """Whether there is no answer yet, and tries are left. A trial that was rejected has no rates, and counts as one."""
        mine = [one for one in own if one.arm == arm]
        found = list(self._found(mine, part))
        rejected = sum(not one.accepted for one in mine)
        return not any(one.holds is not None for one in found) and len(found) + rejected <= self.retries

    def verified(self, records: Sequence[Record]) -> list[Verified]:
        """By point, arm and part the last that was found."""
        own = [one for one in records if one.block == VERIFY_BLOCK]
        last: dict[tuple[str, str, str], Verified] = {}
        for part in PARTS:
            for one in self._found(own, part):
                last[one.point, one.variant, part] = one
        return [last[key] for key in sorted(last)]

    def missing(self, records: Sequence[Record]) -> list[str]:
        """What has no answer, in words."""
        found = {(one.point, one.variant, one.part) for one in self.verified(records) if one.holds is not None}
        return [
            f"{arm} {point}: {part}" for point, arm in self.knees for part in PARTS if (point, arm, part) not in found
        ]

    def _found(self, records: Sequence[Record], part: Part) -> Iterator[Verified]:
        for record in records:
            for entry in record.load.get("rates", ()) if record.accepted else ():
                if step_of(entry) != part or (record.point_key, record.arm) not in self.knees:
                    continue
                one = judged(entry, self.settings.rules, fresh=True)
                if one.rate_rps != self.rate(record.point_key, record.arm, part):
                    continue  # more blocks have moved the knee since: it is tried out anew
                holds = None if one.passed is None or one.loader else one.passed == (part == "verify-met")
                yield Verified(
                    variant=record.arm,
                    point=record.point_key,
                    part=part,
                    share=one.rate_rps / self.knees[record.point_key, record.arm],
                    rate_rps=one.rate_rps,
                    p99_ms=entry["p99_ms"],
                    achieved_rps=entry["achieved_rps"],
                    loader_saturation=entry["loader_saturation"],
                    holds=holds,
                    why=one.why,
                )

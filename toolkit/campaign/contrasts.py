"""Which arms of a campaign are compared: the variants, each arm with its baseline, and an arm with its repetition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.trial.model import Arm

Kind = Literal["variants", "against", "aa"]


@dataclass(frozen=True)
class Contrast:
    """A comparison of two arms, by name; ratios are candidate / baseline.

    `variants`: free-threaded over GIL. `against`: an arm over its baseline (`--against`). `aa`: the same arm twice; the
    interval of such a ratio must include 1.
    """

    kind: Kind
    baseline: str
    candidate: str

    @property
    def label(self) -> str:
        """The name of the comparison in tables: `3.14t / 3.14`."""
        return f"{self.candidate} / {self.baseline}"


def contrasts(arms: Sequence[Arm]) -> tuple[Contrast, ...]:
    """All comparisons that these arms allow: variants first, then with baselines, then A/A."""
    found = []
    main = main_arms(arms)
    gil = next((arm for arm in main if arm.role == "gil"), None)
    free = next((arm for arm in main if arm.role == "free-threaded"), None)
    if gil and free and not all(_of_side(arms, arm, "again") for arm in (gil, free)):
        found.append(Contrast("variants", gil.name, free.name))
    for arm in main:
        for other in _of_side(arms, arm, "reference"):
            found.append(Contrast("against", other.name, arm.name))
    for arm in main:
        for other in _of_side(arms, arm, "again"):
            found.append(Contrast("aa", arm.name, other.name))
    return tuple(found)


def main_arms(arms: Sequence[Arm]) -> list[Arm]:
    """The arms that a campaign measures for their own sake: neither baselines nor repetitions. Claims are about these."""
    return [arm for arm in arms if arm.side == "main"]


def _of_side(arms: Sequence[Arm], arm: Arm, side: str) -> list[Arm]:
    return [other for other in arms if other.side == side and other.role == arm.role]

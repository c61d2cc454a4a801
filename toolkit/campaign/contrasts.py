"""Which arms of a campaign are compared with which: the variants, new with old, and a variant with itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.trial.model import Arm

Kind = Literal["variants", "against", "aa"]


@dataclass(frozen=True)
class Contrast:
    """Candidate over baseline, by the names of their arms.

    `variants`: free-threaded over GIL. `against`: an arm over its reference (`--against`). `aa`: the same arm twice,
    which must come out covering 1.
    """

    kind: Kind
    baseline: str
    candidate: str

    @property
    def words(self) -> str:
        """As it is named in tables: `3.14t / 3.14`."""
        return f"{self.candidate} / {self.baseline}"


def contrasts(arms: Sequence[Arm]) -> tuple[Contrast, ...]:
    """All comparisons that these arms are for: between variants first, then with references, then A/A."""
    found = []
    main = main_arms(arms)
    gil = next((arm for arm in main if arm.role == "gil"), None)
    free = next((arm for arm in main if arm.role == "free-threaded"), None)
    if gil and free and not all(_same(arms, arm, "again") for arm in (gil, free)):
        found.append(Contrast("variants", gil.name, free.name))
    for arm in main:
        for other in _same(arms, arm, "reference"):
            found.append(Contrast("against", other.name, arm.name))
    for arm in main:
        for other in _same(arms, arm, "again"):
            found.append(Contrast("aa", arm.name, other.name))
    return tuple(found)


def main_arms(arms: Sequence[Arm]) -> list[Arm]:
    """The arms that a campaign is about: what published rows and claims speak of."""
    return [arm for arm in arms if arm.side == "main"]


def _same(arms: Sequence[Arm], arm: Arm, side: str) -> list[Arm]:
    return [other for other in arms if other.side == side and other.role == arm.role]

"""The trials of one attempt at a block, and how its servers are loaded: what a backend is given to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolkit.trial.model import Trial, label

Mode = Literal["turns", "apart"]
"""`turns`: all servers of a block are alive, and windows of load alternate between them. `apart`: one after the other."""

MAX_ALIVE = 4
"""So many servers share the CPUs of a block at the most."""


@dataclass(frozen=True)
class Quad:
    """Windows of all arms in one order and then the reverse: with two arms A B B A.

    seconds: of each window; None: as few whole seconds as hold enough. stopped: whether the servers that idle are stopped
    meanwhile (SIGSTOP), which shows what merely idle servers cost.
    """

    seconds: int | None = None
    stopped: bool = False


@dataclass(frozen=True)
class BlockTrials:
    """One trial for each arm of a block, in the order in which they are loaded; all at one point, in one attempt.

    reason: why they are loaded apart; "" in turns, and where nobody asked for turns. quads: of a block in turns.
    """

    trials: tuple[Trial, ...]
    mode: Mode = "apart"
    reason: str = ""
    quads: tuple[Quad, ...] = (Quad(), Quad())

    @property
    def id(self) -> str:
        """Campaign, point, block and attempt as a DNS label; see `Trial.id`."""
        one = self.trials[0]
        return block_id(one.campaign, one.point.key, one.block, one.attempt)

    def trial(self, arm: str) -> Trial:
        """The trial of an arm. Raises KeyError when the block has none of that name."""
        for one in self.trials:
            if one.arm.name == arm:
                return one
        raise KeyError(arm)


def block_id(campaign: str, point_key: str, block: int, attempt: int) -> str:
    """The id of an attempt at a block: the name of its log, and of what the backend makes for the whole block."""
    return label(f"{campaign}-{point_key}-b{block}-a{attempt}", campaign)


def alone(trial: Trial) -> BlockTrials:
    """A block of one trial."""
    return BlockTrials((trial,))


def apart_reason(trials: Sequence[Trial]) -> str:
    """Why these trials cannot be loaded in turns on any backend; "" when they can be. Pure."""
    if any(one.windows for one in trials):
        return "its windows are those of a search or of a soak, which each need a server of their own"
    if len(trials) > MAX_ALIVE:
        return f"{len(trials)} arms are too many to be alive at once, the most are {MAX_ALIVE}"
    return ""

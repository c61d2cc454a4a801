"""How the servers of a block are loaded: in turns where that is possible, else one after the other, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.records.store import Record
from toolkit.records.turns import moved_apart
from toolkit.trial.block import BlockTrials, Mode, apart_reason
from toolkit.trial.model import Trial

STARTED_APART = "its run was started apart"


def campaign_mode(apart: bool) -> dict[str, Mode]:
    """The part of campaign.json that says how its blocks are loaded. apart: whether the user asked for that."""
    return {"mode": "apart" if apart else "turns"}


def block_trials(
    trials: Sequence[Trial], description: Mapping[str, Any], here: str, records: Sequence[Record]
) -> BlockTrials:
    """The block of these trials, with its mode.

    description: the campaign's; one that names no mode was started before there were turns. here: why its backend cannot
    load its arms in turns; "" when it can. records: the campaign's so far: a point at which a server did not idle is
    measured apart from then on.
    """
    asked = "" if description.get("mode") == "turns" else STARTED_APART
    reason = asked or here or apart_reason(trials) or moved_apart(records, trials[0].point.key)
    return BlockTrials(tuple(trials), "apart" if reason else "turns", reason)

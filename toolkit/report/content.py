"""What a report states about one campaign, collected once; HTML, Markdown and JSON only lay it out."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from toolkit.campaign.plan import counted_blocks
from toolkit.campaign.runner import Campaign
from toolkit.records.reasons import Outcome, deciding
from toolkit.records.store import Record
from toolkit.report.environment import environment
from toolkit.report.series import Counted
from toolkit.report.tables import Table, table
from toolkit.servers import granian

MAX_COMMANDS, MAX_LISTED = 12, 50


@dataclass(frozen=True)
class UncountedTrial:
    """A trial that does not count, and the reason that decided it."""

    point: str
    arm: str
    block: int
    attempt: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Command:
    """A command line and what it does."""

    what: str
    line: str


@dataclass(frozen=True)
class Content:
    """Everything that a report states about one campaign but its comparison.

    `failed`: the trials in which an arm failed by itself; `rejected`: those that the environment spoiled.
    """

    table: Table
    created: str
    environment: tuple[tuple[str, str], ...]
    packages: Mapping[str, str]
    commands: tuple[Command, ...]
    failed: tuple[UncountedTrial, ...]
    rejected: tuple[UncountedTrial, ...]
    notes: Mapping[str, int]


def content(campaign: Campaign) -> tuple[Content, Counted, list[Record]]:
    """The content of a campaign, its counted records for the plots, and all records: they are read only once."""
    records = campaign.records()
    arms = [arm.name for arm in campaign.arms]
    counted = Counted(campaign.scenario, arms, counted_blocks(records, arms))
    about = campaign.description
    collected = Content(
        table=table(campaign, records),
        created=str(about.get("created", "")),
        environment=tuple(environment(campaign, records)),
        packages=about.get("packages", {}),
        commands=tuple(commands(campaign, counted)),
        failed=_uncounted(records, "failed"),
        rejected=_uncounted(records, "rejected"),
        notes=dict(Counter(note for record in records for note in record.notes).most_common(10)),
    )
    return collected, counted, records


def _uncounted(records: Sequence[Record], outcome: Outcome) -> tuple[UncountedTrial, ...]:
    return tuple(
        UncountedTrial(one.point_key, one.arm, one.block, one.attempt, cause.reason, cause.detail)
        for one in records
        if one.outcome == outcome and (cause := deciding(one.rejections))
    )


def commands(campaign: Campaign, counted: Counted) -> list[Command]:
    """The command line that measures the same again, and the commands of each trial."""
    argv = [str(word) for word in campaign.description.get("command", [])]
    found = [Command("measure this again", shlex.join(["gilfree", *argv[1:]]))] if argv else []
    scenario = campaign.scenario
    for point in counted.points[:MAX_COMMANDS]:
        server = granian.command(
            scenario, point, python="python", host="127.0.0.1", port=8000, target=scenario.app.target
        )
        found.append(Command(f"server at {point.key}, either variant", shlex.join(server)))
        loads = [one.load["argv"] for arm in counted.arms for one in counted.records(point, arm) if "argv" in one.load]
        if loads:
            found.append(Command(f"load at {point.key}", shlex.join([PurePosixPath(loads[0][0]).name, *loads[0][1:]])))
    return found

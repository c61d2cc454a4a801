"""What a report states about one campaign, collected once; HTML, Markdown and JSON only lay it out."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.analysis.noise import rejection_counts
from toolkit.campaign.plan import counted_blocks
from toolkit.campaign.runner import Campaign
from toolkit.records.reasons import deciding
from toolkit.records.store import Record
from toolkit.report.series import Counted
from toolkit.report.tables import Table, table
from toolkit.servers import granian

MAX_COMMANDS, MAX_REJECTED = 12, 50


@dataclass(frozen=True)
class RejectedTrial:
    """A trial that does not count, and why."""

    point: str
    arm: str
    block: int
    attempt: int
    reason: str
    detail: str
    environmental: bool


@dataclass(frozen=True)
class Command:
    """A command line and what it does."""

    what: str
    line: str


@dataclass(frozen=True)
class Content:
    """Everything that a report states about one campaign but its comparison."""

    table: Table
    created: str
    environment: tuple[tuple[str, str], ...]
    packages: Mapping[str, str]
    commands: tuple[Command, ...]
    rejected: tuple[RejectedTrial, ...]
    rejected_reasons: Mapping[str, int]
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
        rejected=tuple(_rejected(record) for record in records if record.rejections),
        rejected_reasons={one.reason: one.count for one in rejection_counts(records)},
        notes=dict(Counter(note for record in records for note in record.notes).most_common(10)),
    )
    return collected, counted, records


def _rejected(record: Record) -> RejectedTrial:
    first = deciding(record.rejections) or record.rejections[0]
    return RejectedTrial(
        record.point_key, record.arm, record.block, record.attempt, first.reason, first.detail, first.environmental
    )


def environment(campaign: Campaign, records: Sequence[Record]) -> list[tuple[str, str]]:
    """Where and with what a campaign was measured, by name; what is unknown is omitted."""
    about = campaign.description
    pair, machine, tool = about.get("pair", {}), about.get("machine", {}), about.get("rewrk", {})
    cpus, resources = about.get("cpus", {}), campaign.scenario.resources
    gil, free = pair.get("gil", {}), pair.get("free_threaded", {})
    limits = sorted({str(r.server.get("outcome", {}).get("memory_limit")) for r in records} - {"None"})
    found: list[tuple[str, Any]] = [
        ("interpreters", _join(pair.get("version"), pair.get("profile"), pair.get("origin"))),
        ("GIL build configured with", gil.get("config_args")),
        ("free-threaded build configured with", free.get("config_args")),
        ("compiler", gil.get("compiler")),
        ("JIT", _jit(gil, free)),
        ("server", _join(_version("granian", about), campaign.scenario.app.target, campaign.scenario.app.interface)),
        ("load generator", _join(tool.get("name"), tool.get("version"), _short(tool.get("sha256")))),
        ("backend", _join(*sorted({record.backend for record in records}))),
        ("machine", _join(machine.get("cpu_model"), _count(machine.get("cpus"), "CPUs"), machine.get("architecture"))),
        ("memory of the machine", _gb(machine.get("memory_bytes"))),
        ("hypervisor", machine.get("hypervisor")),
        ("frequency governor", machine.get("governor")),
        ("kernel", _join(machine.get("kernel"), machine.get("distribution"))),
        ("cgroup", machine.get("cgroup_version")),
        ("load when it began", _rounded(machine.get("load_1_minute"))),
        ("CPUs of the server", ", ".join(map(str, cpus.get("server", [])))),
        ("CPUs of the loader", ", ".join(map(str, cpus.get("load", [])))),
        ("memory limit of the server", _join(_gb(resources.server.memory_bytes), *limits)),
        ("gilfree", about.get("gilfree")),
        ("results folder", campaign.name),
    ]
    return [(name, str(value)) for name, value in found if value not in (None, "")]


def _jit(gil: Mapping[str, Any], free: Mapping[str, Any]) -> str | None:
    if "jit_enabled" not in gil:
        return None
    return "on" if gil["jit_enabled"] or free.get("jit_enabled") else "off in both"


def _version(name: str, about: Mapping[str, Any]) -> str | None:
    version = about.get("packages", {}).get(name)
    return f"{name} {version}" if version else None


def _join(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part)


def _short(digest: str | None) -> str | None:
    return f"sha256 {digest[:16]}…" if digest else None


def _count(value: Any, unit: str) -> str | None:
    return f"{value} {unit}" if value else None


def _gb(value: float | None) -> str | None:
    return f"{value / 1e9:.1f} GB" if value else None


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


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
            found.append(Command(f"load at {point.key}", shlex.join(["rewrk", *loads[0][1:]])))
    return found

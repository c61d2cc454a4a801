"""Where and with what a campaign was measured: builds, load generator, machine.

The machine is the one that the servers' agents reported. gilfree itself may run elsewhere: on a laptop in front of a cluster,
or of an engine on another host. What is unknown is omitted, never taken from where gilfree ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from toolkit.campaign.runner import Campaign
from toolkit.quantities import quantity_of
from toolkit.records.store import Record

Facts = Mapping[str, Any]


def environment(campaign: Campaign, records: Sequence[Record]) -> list[tuple[str, str]]:
    """Where and with what a campaign was measured, by name; what is unknown is omitted."""
    about = campaign.description
    pair, cpus, resources = about.get("pair", {}), about.get("cpus", {}), campaign.scenario.resources
    gil, free = pair.get("gil", {}), pair.get("free_threaded", {})
    limits = sorted({str(r.server.get("outcome", {}).get("memory_limit")) for r in records} - {"None"})
    machines = machines_of(about, records)
    found: list[tuple[str, Any]] = [
        ("interpreters", _join(pair.get("version"), pair.get("profile"), pair.get("origin"))),
        ("GIL build configured with", gil.get("config_args")),
        ("free-threaded build configured with", free.get("config_args")),
        ("compiler", gil.get("compiler")),
        ("JIT", _jit(gil, free)),
        ("server", _join(_version("granian", about), campaign.scenario.app.target, campaign.scenario.app.interface)),
        ("load generator", "; ".join(_generator(name, about) for name in generators_of(campaign, records))),
        ("backend", _join(*sorted({record.backend for record in records}))),
        ("machine", _of_all(machines, _model)),
        ("memory of the machine", _of_all(machines, lambda one: _gb(one.get("memory_bytes")))),
        ("hypervisor", _of_all(machines, lambda one: one.get("hypervisor"))),
        ("frequency governor", _of_all(machines, lambda one: one.get("governor"))),
        ("kernel", _of_all(machines, lambda one: _join(one.get("kernel"), one.get("distribution")))),
        ("cgroup", _of_all(machines, lambda one: one.get("cgroup_version"))),
        ("load when it began", _of_all(machines, lambda one: _rounded(one.get("load_1_minute")))),
        ("CPUs of the server", ", ".join(map(str, cpus.get("server", [])))),
        ("CPUs of the loader", ", ".join(map(str, cpus.get("load", [])))),
        ("memory limit of the server", _join(_gb(resources.server.memory_bytes), *limits)),
        ("gilfree", about.get("gilfree")),
        ("results folder", campaign.name),
    ]
    return [(name, str(value)) for name, value in found if value not in (None, "")]


def generators_of(campaign: Campaign, records: Sequence[Record]) -> list[str]:
    """The load generators that ran, by the program's name in the records' command lines; without any, the scenario's."""
    ran = {PurePosixPath(one.load["argv"][0]).name for one in records if one.load.get("argv")}
    return sorted(ran) or [campaign.scenario.load.generator]


def machines_of(about: Facts, records: Sequence[Record]) -> list[Facts]:
    """The different machines that trials ran on.

    From the records where they have it. Else from the description: the nodes of a cluster, the engine's host, or, for
    trials on the local backend and a local engine, the machine of gilfree itself.
    """
    reported: list[Facts] = []
    for one in records:
        machine = one.server.get("machine")
        if machine and machine not in reported:
            reported.append(machine)
    backend, own = about.get("backend", "local"), about.get("machine", {})
    if backend == "kubernetes":
        return reported or [_node(one) for one in about.get("identity", {}).get("node", {}).values()]
    engine = about.get("engine", {})
    if backend == "docker" and not engine.get("local", not engine):
        return reported or [{**engine, "distribution": engine.get("operating_system")}]
    if not reported:
        return [own]
    return [{**own, **reported[0]}] if len(reported) == 1 and _same_kernel(own, reported[0]) else reported


def _same_kernel(own: Facts, reported: Facts) -> bool:
    """Whether the trials ran on the machine of gilfree, which knows more about it than an agent reports."""
    return all(own.get(name) == reported.get(name) for name in ("kernel", "cpus", "memory_bytes"))


def _node(one: Facts) -> Facts:
    """What a cluster says of a node, under the names of an agent's facts."""
    memory = one.get("memory")
    return {
        "architecture": one.get("architecture"),
        "kernel": one.get("kernel"),
        "cpus": one.get("cpus"),
        "memory_bytes": float(quantity_of(memory)) if memory else None,
    }


def _of_all(machines: Sequence[Facts], fact: Any) -> str:
    """A fact of every machine, each value once."""
    values = dict.fromkeys(str(value) for one in machines if (value := fact(one)) not in (None, ""))
    return "; ".join(values)


def _model(one: Facts) -> str:
    return _join(one.get("cpu_model"), _count(one.get("cpus"), "CPUs"), one.get("architecture"))


def _generator(name: str, about: Facts) -> str:
    """A generator with its version and hash; of an image whose versions are not recorded, the image's name."""
    tool = about.get(name) or about.get("generators", {}).get(name)
    if tool:
        return _join(name, tool.get("version"), _short(tool.get("sha256")))
    image = about.get("images", {}).get("load")
    image = image.get("name") if isinstance(image, Mapping) else image
    return _join(name, f"from {image}" if image else None)


def _jit(gil: Facts, free: Facts) -> str | None:
    if "jit_enabled" not in gil:
        return None
    return "on" if gil["jit_enabled"] or free.get("jit_enabled") else "off in both"


def _version(name: str, about: Facts) -> str | None:
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

"""Two finished campaigns compared: they share no blocks, so trials are permuted between them.

Whatever changed between the two runs (the machine's temperature, its neighbours, its kernel) is in the figures too, and
no test can take it out. So the result is labelled, refused where it could not mean anything, and feeds no gate: for
a decision both go as arms into one campaign (`gilfree bench --against`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.analysis.comparison import finite
from toolkit.analysis.families import PRIMARY, Judged, judged_metric
from toolkit.campaign.contrasts import main_arms
from toolkit.campaign.plan import complete_blocks
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.scenario.model import Point

SCHEMA = 1
LABEL = "machine drift not excluded"
REMEDY = "measure both as arms of one campaign with `gilfree bench --against`, or compare all the same with --force"
SAME_MACHINE = ("cpu_model", "architecture", "physical_cores", "memory_bytes")
NO_MATTER = {"title", "claims", "published"}
"""Of a scenario: they judge and name, and change no trial. So does the number of blocks."""


@dataclass(frozen=True)
class UnpairedPoint:
    """A variant (`gil`, `free-threaded`) at one point, new over old; `n` is the smaller number of trials."""

    role: str
    point: Point
    key: str
    family: tuple[Judged, ...]


@dataclass(frozen=True)
class Unpaired:
    """A comparison of two campaigns. `differences`: what else differs and was forced past."""

    old: str
    new: str
    label: str
    differences: tuple[str, ...]
    points: tuple[UnpairedPoint, ...]

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        found = asdict(self)
        for mine, point in zip(found["points"], self.points, strict=True):
            mine["point"] = point.point.model_dump()
        return {"unpaired_schema": SCHEMA, **finite(found)}


def compare_campaigns(old: Campaign, new: Campaign, *, force: bool = False) -> Unpaired:
    """New over old for every arm and point that both have. Raises GilfreeError when they are not comparable."""
    before, after = old.records(), new.records()
    obstacles = [*scenario_differences(old, new), *machine_differences(old, new, before, after)]
    if obstacles and not force:
        raise GilfreeError(f"{old.name} and {new.name} cannot be compared: {'; '.join(obstacles)}", REMEDY)
    below, above = _figures(old, before), _figures(new, after)
    shared = [key for key in below if key in above]
    if not shared:
        raise GilfreeError(
            f"{old.name} and {new.name} have no point of one variant in common with complete blocks",
            "see both with `gilfree show`",
        )
    points = {point.key: point for point in new.scenario.points()}
    return Unpaired(
        old.name,
        new.name,
        LABEL,
        (*(f"forced: {one}" for one in obstacles), *_what_changed(old, new)),
        tuple(
            UnpairedPoint(role, points[key], key, _family(below[key, role], above[key, role])) for key, role in shared
        ),
    )


def scenario_differences(old: Campaign, new: Campaign) -> list[str]:
    """Settings of the two scenarios that differ and change what a trial measures."""
    before, after = (_flat(_that_matters(one)) for one in (old, new))
    missing = object()
    return [
        f"scenario {key}: {before.get(key, 'nothing')!r} and {after.get(key, 'nothing')!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, missing) != after.get(key, missing)
    ]


def machine_differences(old: Campaign, new: Campaign, before: Sequence[Record], after: Sequence[Record]) -> list[str]:
    """Facts by which the two ran on different machines, or on different CPUs of one."""
    found = []
    facts = (old.description.get("machine", {}), new.description.get("machine", {}))
    for name in SAME_MACHINE:
        mine, other = (one.get(name) for one in facts)
        if mine != other:
            found.append(f"machine {name}: {mine!r} and {other!r}")
    slots = [sorted({(one.backend, one.slot) for one in records}) for records in (before, after)]
    if slots[0] != slots[1]:
        found.append("run on " + " and on ".join(", ".join(f"{b} {s}" for b, s in one) or "nothing" for one in slots))
    cpus = [one.description.get("cpus") for one in (old, new)]
    if cpus[0] != cpus[1]:
        found.append(f"CPUs: {cpus[0]} and {cpus[1]}")
    return found


def _what_changed(old: Campaign, new: Campaign) -> list[str]:
    """What may be the reason of a difference, and what else may be: versions, builds, packages, kernel."""
    found = []
    for what in ("pair", "packages", "machine"):
        before, after = (_flat(one.description.get(what, {})) for one in (old, new))
        for key in sorted(before.keys() | after.keys()):
            named = what != "pair" or key in ("version", "profile", "origin")
            named = named and (what != "machine" or key in ("kernel", "governor", "turbo_disabled"))
            if named and before.get(key) != after.get(key):
                found.append(f"{what} {key}: {before.get(key)} and {after.get(key)}")
    return found


def _that_matters(campaign: Campaign) -> dict[str, Any]:
    data = campaign.scenario.model_dump(mode="json", exclude=NO_MATTER)
    data["load"].pop("rounds")
    data["matrix"] = sorted(point.key for point in campaign.scenario.points())
    return data


def _flat(data: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        found.update(_flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value})
    return found


def _figures(campaign: Campaign, records: Sequence[Record]) -> dict[tuple[str, str], dict[str, list[float]]]:
    """By point and variant, the values of each primary metric over complete blocks."""
    main = {arm.name for arm in main_arms(campaign.arms)}
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for blocks in complete_blocks(records, [arm.name for arm in campaign.arms]).values():
        for record in blocks:
            if record.arm not in main:
                continue
            for name in PRIMARY:
                value = getattr(record.metrics, name, None)
                if value is not None and value > 0:
                    found[record.point_key, record.role][name].append(value)
    return found


def _family(old: Mapping[str, Sequence[float]], new: Mapping[str, Sequence[float]]) -> tuple[Judged, ...]:
    import numpy as np

    from toolkit.analysis import stats

    names = [name for name in PRIMARY if old.get(name) and new.get(name)]
    family = {
        name: stats.unpaired_estimate(np.log(new[name]), np.log(old[name]), family_size=len(names)) for name in names
    }
    verdicts = stats.judge(family)
    return tuple(judged_metric(name, old[name], new[name], family[name], verdicts[name]) for name in names)

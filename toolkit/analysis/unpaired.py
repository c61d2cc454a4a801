"""Two finished campaigns compared: they share no blocks, so trials are permuted between them.

Whatever changed between the two runs (the machine's temperature, its neighbours, its kernel) is in the figures too, and
no test can remove it. So the result carries a label, is refused where the two are not comparable, and feeds no gate:
for a decision, measure both as arms of one campaign (`gilfree bench --against`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.analysis.failures import FailureRate, failure_rates
from toolkit.analysis.families import PRIMARY, MetricComparison, metric_comparison, primary_metrics
from toolkit.campaign.contrasts import main_arms
from toolkit.campaign.plan import counted_blocks
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.scenario.model import Point

LABEL = "machine drift not excluded"
REMEDY = "measure both as arms of one campaign with `gilfree bench --against`, or compare them anyway with --force"
SAME_MACHINE = ("cpu_model", "architecture", "physical_cores", "memory_bytes")
IRRELEVANT = {"title", "claims", "published"}
"""Keys of a scenario that change no trial. The number of blocks changes none either."""


@dataclass(frozen=True)
class UnpairedPoint:
    """A variant (`gil`, `free-threaded`) at one point, new over old; `n` is the smaller number of trials.

    `failures`: the failure rates of old and new. Where one fails often no metric has a verdict.
    """

    role: str
    point: Point
    key: str
    family: tuple[MetricComparison, ...]
    failures: tuple[FailureRate, ...] = ()


@dataclass(frozen=True)
class Unpaired:
    """A comparison of two campaigns. `differences`: what else differs between them, and what `force` overrode."""

    old: str
    new: str
    label: str
    differences: tuple[str, ...]
    points: tuple[UnpairedPoint, ...]


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
    primary = primary_metrics(new.scenario)
    rates = [_rates(old, before), _rates(new, after)]
    compared = []
    for key, role in shared:
        failed = tuple(one[key, role] for one in rates if (key, role) in one)
        withheld = any(one.often for one in failed)
        family = _family(below[key, role], above[key, role], primary, withheld=withheld)
        compared.append(UnpairedPoint(role, points[key], key, family, failed))
    return Unpaired(
        old.name,
        new.name,
        LABEL,
        (*(f"forced: {one}" for one in obstacles), *_changed_facts(old, new)),
        tuple(compared),
    )


def scenario_differences(old: Campaign, new: Campaign) -> list[str]:
    """The settings in which the two scenarios differ, of those that change what a trial measures."""
    before, after = (_flattened(_relevant_settings(one)) for one in (old, new))
    missing = object()
    return [
        f"scenario {key}: {before.get(key, 'nothing')!r} and {after.get(key, 'nothing')!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, missing) != after.get(key, missing)
    ]


def machine_differences(old: Campaign, new: Campaign, before: Sequence[Record], after: Sequence[Record]) -> list[str]:
    """The facts that show that the two ran on different machines, or on different CPUs of one."""
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


def _changed_facts(old: Campaign, new: Campaign) -> list[str]:
    """Versions, builds, packages and kernel that differ: the possible reasons of a different figure."""
    found = []
    for what in ("pair", "packages", "machine"):
        before, after = (_flattened(one.description.get(what, {})) for one in (old, new))
        for key in sorted(before.keys() | after.keys()):
            named = what != "pair" or key in ("version", "profile", "origin")
            named = named and (what != "machine" or key in ("kernel", "governor", "turbo_disabled"))
            if named and before.get(key) != after.get(key):
                found.append(f"{what} {key}: {before.get(key)} and {after.get(key)}")
    return found


def _relevant_settings(campaign: Campaign) -> dict[str, Any]:
    data = campaign.scenario.model_dump(mode="json", exclude=IRRELEVANT)
    data["load"].pop("rounds")
    data["matrix"] = sorted(point.key for point in campaign.scenario.points())
    return data


def _flattened(data: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        found.update(_flattened(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value})
    return found


def _figures(campaign: Campaign, records: Sequence[Record]) -> dict[tuple[str, str], dict[str, list[float]]]:
    """By point and variant, the values of each primary metric over complete blocks."""
    main = {arm.name for arm in main_arms(campaign.arms)}
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for blocks in counted_blocks(records, [arm.name for arm in campaign.arms]).values():
        for record in blocks:
            if record.arm not in main:
                continue
            for name in PRIMARY:
                value = getattr(record.metrics, name, None)
                if value is not None and value > 0:
                    found[record.point_key, record.role][name].append(value)
    return found


def _rates(campaign: Campaign, records: Sequence[Record]) -> dict[tuple[str, str], FailureRate]:
    """By point and variant, the failure rate of the arm that the campaign measures for its own sake."""
    main = {arm.name for arm in main_arms(campaign.arms)}
    return {(one.key, one.role): one for one in failure_rates(records, main).values()}


def _family(
    old: Mapping[str, Sequence[float]],
    new: Mapping[str, Sequence[float]],
    primary: Sequence[str],
    *,
    withheld: bool,
) -> tuple[MetricComparison, ...]:
    import numpy as np

    from toolkit.analysis.stats.unpaired import unpaired_estimate
    from toolkit.analysis.stats.verdicts import family_verdicts

    names = [name for name in primary if old.get(name) and new.get(name)]
    family = {name: unpaired_estimate(np.log(new[name]), np.log(old[name]), family_size=len(names)) for name in names}
    verdicts = family_verdicts(family)
    if withheld:
        verdicts = {name: replace(one, verdict="inconclusive") for name, one in verdicts.items()}
    return tuple(metric_comparison(name, old[name], new[name], family[name], verdicts[name]) for name in names)

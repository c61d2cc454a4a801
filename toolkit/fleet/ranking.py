"""The fleet's result: every service judged, the ranking, and totals before and after.

- move first: saves even at the worst of the blocks, and its confidence is not low; most money first
- measure first: may save, but the blocks or the likeness to its profile leave it open
- leave: does not save
- unknown, because …: no profile, no figures, no requests; never guessed
- not Python: by a rule
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from toolkit.capacity.nodes.catalogue import Catalogue
from toolkit.errors import GilfreeError
from toolkit.fleet.estimate import Estimate, Need, Sides, estimate, sides
from toolkit.fleet.inventory import Service
from toolkit.fleet.nodes import FleetNodes, Rates, fits_somewhere, fleet_nodes, rates_of
from toolkit.fleet.rules import Rules
from toolkit.fleet.usage import Usage

SCHEMA = 1
Verdict = Literal["move first", "measure first", "leave", "unknown", "not Python"]
VERDICTS: tuple[Verdict, ...] = ("move first", "measure first", "leave", "unknown", "not Python")


@dataclass(frozen=True)
class Judged:
    """One service. Money a month: what moving saves, against the same service sized on 3.14, worst, middle and best."""

    namespace: str
    name: str
    verdict: Verdict
    why: str
    profile: str = ""
    confidence: str = ""
    now: Need | None = None
    gil: Need | None = None
    free: Need | None = None
    saving: tuple[float, float, float] | None = None
    sizing: float | None = None


@dataclass(frozen=True)
class Total:
    """One state of the services that are known: everything they request, and the nodes for it."""

    what: str
    pods: int
    cpu_cores: float
    memory_bytes: int
    nodes: FleetNodes


@dataclass(frozen=True)
class Fleet:
    """What `gilfree fleet` prints. `saving`: of the services to move first, all together, worst to best."""

    judged: tuple[Judged, ...]
    totals: tuple[Total, ...]
    saving: tuple[float, float, float]
    rates: Rates | None
    catalogue: Catalogue
    headroom: float
    refused: Mapping[str, str]

    def of(self, verdict: Verdict) -> list[Judged]:
        """The services of one verdict, in their order."""
        return [one for one in self.judged if one.verdict == verdict]

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        found = asdict(self)
        del found["catalogue"]["types"]
        return {"fleet_schema": SCHEMA, **found}


def judge(
    services: Sequence[Service],
    rules: Rules,
    usage: Mapping[tuple[str, str], Usage],
    catalogue: Catalogue,
    headroom: float = 0.7,
    spare: int = 1,
) -> Fleet:
    """Judge all services. Pure."""
    if not 0 < headroom <= 1:
        raise GilfreeError(f"--headroom {headroom:g} is not a share", "give 0.1 to 1, such as 0.7")
    ready: dict[str, Sides] = {}
    refused: dict[str, str] = {}
    for name, named in rules.profiles.items():
        try:
            ready[name] = sides(named)
        except GilfreeError as error:
            refused[name] = error.message
    estimated: list[tuple[Service, str, Estimate]] = []
    judged: list[Judged] = []
    for service in services:
        found = _estimated(service, rules, usage, ready, refused, catalogue, headroom)
        if isinstance(found, Judged):
            judged.append(found)
        else:
            estimated.append((service, *found))
    rates = rates_of(catalogue, [one.gil for _, _, one in estimated]) if estimated else None
    if rates:
        judged += [_judged(service, profile, one, rates) for service, profile, one in estimated]
    judged.sort(key=_rank)
    moving = [one.saving for one in judged if one.verdict == "move first" and one.saving]
    low, mid, high = (sum(column) for column in zip(*moving, strict=True)) if moving else (0.0, 0.0, 0.0)
    return Fleet(
        judged=tuple(judged),
        totals=_totals(judged, catalogue, spare),
        saving=(low, mid, high),
        rates=rates,
        catalogue=catalogue,
        headroom=headroom,
        refused=refused,
    )


def _estimated(
    service: Service,
    rules: Rules,
    usage: Mapping[tuple[str, str], Usage],
    ready: Mapping[str, Sides],
    refused: Mapping[str, str],
    catalogue: Catalogue,
    headroom: float,
) -> tuple[str, Estimate] | Judged:
    """The profile and the estimate, or the verdict that there is none."""

    def no(why: str, verdict: Verdict = "unknown", profile: str = "") -> Judged:
        return Judged(service.namespace, service.name, verdict, why, profile)

    rule = rules.first(service)
    if rule is None:
        return no("no rule says whether it is Python")
    if rule.profile is None:
        return no("by a rule", "not Python")
    if rule.profile in refused:
        return no(f"its profile is not fit: {refused[rule.profile]}", profile=rule.profile)
    if service.problem:
        return no(service.problem, profile=rule.profile)
    used = usage.get(service.key, Usage())
    missing = used.missing
    if ready[rule.profile].named.own:
        missing = [name for name in missing if name == "requests a second"]
    if missing:
        return no(f"there are no figures of {' and '.join(missing)}", profile=rule.profile)
    found = estimate(service, used, ready[rule.profile], headroom)
    for need in (found.now, found.gil, *found.free):
        if not fits_somewhere(catalogue.types, need):
            words = f"a pod of {need.cpu_millis}m and {need.memory_bytes / (1 << 20):,.0f}Mi fits on no node type"
            return no(words, profile=rule.profile)
    return rule.profile, found


def _judged(service: Service, profile: str, one: Estimate, rates: Rates) -> Judged:
    gil = rates.month(one.gil)
    low, mid, high = sorted(gil - rates.month(free) for free in one.free)
    verdict: Verdict = "leave"
    why = f"{one.why}; " + (
        "it needs the same on both" if one.gil == one.free[1] or abs(mid) < 0.5 else "it would cost more"
    )
    if low > 0 and one.confidence != "low":
        verdict, why = "move first", one.why
    elif high > 0 and (low > 0 or mid > 0):
        verdict = "measure first"
        why = one.why if one.confidence == "low" else f"{one.why}; the blocks leave it open"
    return Judged(
        namespace=service.namespace,
        name=service.name,
        verdict=verdict,
        why=why,
        profile=profile,
        confidence=one.confidence,
        now=one.now,
        gil=one.gil,
        free=one.free[1],
        saving=(low, mid, high),
        sizing=rates.month(one.now) - gil,
    )


def _rank(one: Judged) -> tuple[int, float, str, str]:
    """By verdict, then by money: what is sure for those to move, the middle for the others."""
    money = 0.0
    if one.saving:
        money = one.saving[0] if one.verdict == "move first" else one.saving[1]
    return VERDICTS.index(one.verdict), -money, one.namespace, one.name


def _totals(judged: Sequence[Judged], catalogue: Catalogue, spare: int) -> tuple[Total, ...]:
    known = [one for one in judged if one.now and one.gil and one.free]
    if not known:
        return ()
    states = {
        "as they request now": [one.now for one in known],
        "sized by use, on 3.14": [one.gil for one in known],
        "sized by use, those to move first on 3.14t": [
            one.free if one.verdict == "move first" else one.gil for one in known
        ],
    }
    found = []
    for what, maybe in states.items():
        needs = [need for need in maybe if need is not None]
        found.append(
            Total(
                what=what,
                pods=sum(need.pods for need in needs),
                cpu_cores=sum(need.cpu_cores for need in needs),
                memory_bytes=sum(need.memory_total for need in needs),
                nodes=fleet_nodes(catalogue, needs, spare),
            )
        )
    return tuple(found)

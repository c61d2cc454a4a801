"""The result of a fleet: a verdict for every service, the ranking, and totals before and after.

- move first: it saves even with the worst blocks, and the confidence is not low; the largest saving comes first
- measure first: it may save, but the spread of the blocks or a dissimilar profile leaves that open
- leave: it does not save, or less than is worth the move
- unknown: no profile, no figures or no requests; nothing is guessed
- not Python: a rule says so
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from toolkit.capacity.nodes.catalogue import MIB, Catalogue
from toolkit.errors import GilfreeError
from toolkit.fleet.estimate import Estimate, Need, PairProfile, estimate_needs, pair_profile
from toolkit.fleet.inventory.model import FleetService
from toolkit.fleet.nodes import FleetNodes, MarginalPrices, count_nodes, fits_somewhere, marginal_prices
from toolkit.fleet.rules import FleetRules
from toolkit.fleet.usage import Usage

SCHEMA = 2
MOST_PODS = 150_000
"""Pods that Kubernetes is made for in one cluster; more of one service is a figure typed wrong."""
Verdict = Literal["move first", "measure first", "leave", "unknown", "not Python"]
VERDICTS: tuple[Verdict, ...] = ("move first", "measure first", "leave", "unknown", "not Python")


@dataclass(frozen=True)
class LeastSaving:
    """What a service must save to move first: this `share` of its cost on the GIL build, and this amount a `month`."""

    share: float = 0.05
    month: float = 50.0

    @staticmethod
    def parse(text: str) -> LeastSaving:
        """From `5%,50`, or only one of both; then the other is 0. Raises GilfreeError."""
        share = month = 0.0
        for part in text.split(","):
            number = part.strip().removesuffix("%")
            try:
                value = float(number)
            except ValueError:
                value = -1.0
            if not 0 <= value < math.inf:
                raise GilfreeError(f"--least-saving {text!r} is no share and amount", "write 5%,50 or 5% or 50")
            if part.strip().endswith("%"):
                share = value / 100
            else:
                month = value
        return LeastSaving(share, month)

    def reached(self, saving: float, cost: float) -> bool:
        """Whether a saving a month is enough for a service that costs this much."""
        return saving > 0 and saving >= self.share * cost and saving >= self.month


@dataclass(frozen=True)
class RankedService:
    """One service with its verdict, and `why`.

    `saving`: cost a month of the service sized on the GIL build less that on the free-threaded build; worst, middle and
    best of the blocks. `sizing`: what sizing by use alone saves a month. None where nothing could be estimated.
    """

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
    """Totals of all estimated services in one state: requests, and the nodes for them."""

    what: str
    pods: int
    cpu_cores: float
    memory_bytes: int
    nodes: FleetNodes


@dataclass(frozen=True)
class FleetRanking:
    """The result of `gilfree fleet`.

    `services`: in the order of the ranking. `saving`: of all services to move first together, a month; worst, middle and
    best. `refused`: by name the profiles that are not fit to calculate with, and why. `notes`: what the inventory and the
    usage hold that is not ranked.
    """

    services: tuple[RankedService, ...]
    totals: tuple[Total, ...]
    saving: tuple[float, float, float]
    rates: MarginalPrices | None
    catalogue: Catalogue
    headroom: float
    refused: Mapping[str, str]
    least_saving: LeastSaving = LeastSaving()
    notes: tuple[str, ...] = ()

    def with_verdict(self, verdict: Verdict) -> list[RankedService]:
        """The services with this verdict, in the order of the ranking."""
        return [one for one in self.services if one.verdict == verdict]

    def data(self) -> dict[str, Any]:
        """The ranking as plain data for JSON, without the node types of the catalogue."""
        found = asdict(self)
        del found["catalogue"]["types"]
        return {"fleet_schema": SCHEMA, "judged": found.pop("services"), **found}


def rank_services(
    services: Sequence[FleetService],
    rules: FleetRules,
    usage: Mapping[tuple[str, str], Usage],
    catalogue: Catalogue,
    headroom: float = 0.7,
    spare: int = 1,
    least_saving: LeastSaving = LeastSaving(),
    notes: Sequence[str] = (),
) -> FleetRanking:
    """Give every service its verdict and rank them. Pure.

    `usage`: by namespace and name. `headroom`: the share of its CPU that a pod may use. `spare`: nodes more than needed.
    `notes`: of the inventory and the usage, passed on to the result.
    """
    if not 0 < headroom <= 1:
        raise GilfreeError(f"--headroom {headroom:g} is not a share of the CPU", "give 0.1 to 1, such as 0.7")
    ready: dict[str, PairProfile] = {}
    refused: dict[str, str] = {}
    for name, named in rules.profiles.items():
        try:
            ready[name] = pair_profile(named)
        except GilfreeError as error:
            refused[name] = error.message
    estimated: list[tuple[FleetService, str, Estimate]] = []
    ranked: list[RankedService] = []
    for service in services:
        found = _estimate_or_verdict(service, rules, usage, ready, refused, catalogue, headroom)
        if isinstance(found, RankedService):
            ranked.append(found)
        else:
            estimated.append((service, *found))
    rates = marginal_prices(catalogue, [one.gil for _, _, one in estimated]) if estimated else None
    if rates:
        ranked += [_ranked(service, profile, one, rates, least_saving) for service, profile, one in estimated]
    ranked.sort(key=_sort_key)
    moving = [one.saving for one in ranked if one.verdict == "move first" and one.saving]
    low, mid, high = (sum(column) for column in zip(*moving, strict=True)) if moving else (0.0, 0.0, 0.0)
    return FleetRanking(
        services=tuple(ranked),
        totals=_totals(ranked, catalogue, spare),
        saving=(low, mid, high),
        rates=rates,
        catalogue=catalogue,
        headroom=headroom,
        refused=refused,
        least_saving=least_saving,
        notes=(*notes, *_without_service(services, usage)),
    )


def _without_service(services: Sequence[FleetService], usage: Mapping[tuple[str, str], Usage]) -> list[str]:
    known = {one.key for one in services}
    absent = sorted("/".join(key) for key in usage if key not in known)
    if not absent:
        return []
    more = f" and {len(absent) - 3:,} more" if len(absent) > 3 else ""
    return [f"{len(absent):,} with usage but not in the inventory: {', '.join(absent[:3])}{more}"]


def _estimate_or_verdict(
    service: FleetService,
    rules: FleetRules,
    usage: Mapping[tuple[str, str], Usage],
    ready: Mapping[str, PairProfile],
    refused: Mapping[str, str],
    catalogue: Catalogue,
    headroom: float,
) -> tuple[str, Estimate] | RankedService:
    """The name of the profile and the estimate, or the verdict of a service for which there is none."""

    def without(why: str, verdict: Verdict = "unknown", profile: str = "") -> RankedService:
        return RankedService(service.namespace, service.name, verdict, why, profile)

    rule = rules.first_match(service)
    if rule is None:
        return without("no rule says whether it is Python")
    if rule.profile is None:
        return without(service.problem) if service.without_template else without("by a rule", "not Python")
    if rule.profile in refused:
        return without(f"its profile is not fit: {refused[rule.profile]}", profile=rule.profile)
    if service.problem:
        return without(service.problem, profile=rule.profile)
    used = usage.get(service.key, Usage())
    missing = used.missing
    if ready[rule.profile].named.own:
        missing = [name for name in missing if name == "requests a second"]
    if missing:
        return without(f"there are no figures of {' and '.join(missing)}", profile=rule.profile)
    found = estimate_needs(service, used, ready[rule.profile], headroom)
    for need in (found.now, found.gil, *found.free):
        if need.pods > MOST_PODS:
            return without(f"{need.pods:,} pods are more than a cluster holds ({MOST_PODS:,})", profile=rule.profile)
        if not fits_somewhere(catalogue.types, need):
            words = f"a pod of {need.cpu_millis}m and {need.memory_bytes / MIB:,.0f}Mi fits on no node type"
            return without(words, profile=rule.profile)
    return rule.profile, found


def _ranked(
    service: FleetService, profile: str, one: Estimate, rates: MarginalPrices, least: LeastSaving
) -> RankedService:
    gil = rates.month(one.gil)
    low, mid, high = sorted(gil - rates.month(free) for free in one.free)
    verdict: Verdict = "leave"
    why = f"{one.why}; " + (
        "it needs the same on both variants" if one.gil == one.free[1] or abs(mid) < 0.5 else "it would cost more"
    )
    if least.reached(low, gil) and one.confidence != "low":
        verdict, why = "move first", one.why
    elif mid > 0 and not least.reached(mid if one.confidence != "low" else high, gil):
        why = f"{one.why}; it would save less than {least.share:.0%} or less than {least.month:,.0f} a month"
    elif mid > 0:
        verdict = "measure first"
        why = one.why if one.confidence == "low" else f"{one.why}; the blocks leave it open"
    return RankedService(
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


def _sort_key(one: RankedService) -> tuple[int, float, str, str]:
    """By verdict, then by saving: the worst case of services to move first, the middle of the others."""
    saving = 0.0
    if one.saving:
        saving = one.saving[0] if one.verdict == "move first" else one.saving[1]
    return VERDICTS.index(one.verdict), -saving, one.namespace, one.name


def _totals(ranked: Sequence[RankedService], catalogue: Catalogue, spare: int) -> tuple[Total, ...]:
    known = [one for one in ranked if one.now and one.gil and one.free]
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
                nodes=count_nodes(catalogue, needs, spare),
            )
        )
    return tuple(found)

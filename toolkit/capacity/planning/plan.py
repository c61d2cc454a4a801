"""From measured knees to pods, nodes and money, for each variant: `gilfree plan`.

A pod carries knee × headroom, for each block's knee. Nothing here measures: other nodes, prices, headroom, traffic or a
stricter SLO need no new load. What was not measured well enough to plan with is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from toolkit.capacity.deploy.pod import PodResources
from toolkit.capacity.knee.profile import Profile, VariantProfile, median
from toolkit.capacity.nodes.catalogue import Catalogue, NodeType
from toolkit.capacity.placement.pack import DoesNotFit, limiting, pack
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.result import Asked, Case, Plan, VariantPlan, saving
from toolkit.errors import GilfreeError

MIN_BLOCKS = 3

Podder = Callable[[VariantProfile], PodResources | None]


def make_plan(profile: Profile, asked: Asked, catalogue: Catalogue, pod_of: Podder) -> Plan:
    """Plan every variant of a profile. Raises GilfreeError when it cannot be planned with, saying which and why."""
    _check(asked)
    measured, profile = profile.endpoints(), profile.of_endpoint(asked.endpoint)
    asked = replace(asked, endpoint=next(iter(profile.endpoints()), None))
    builds = {one.profile for one in profile.variants}
    if len(builds) > 1:
        raise GilfreeError(
            f"{profile.campaign}: builds of different profiles are mixed: {', '.join(sorted(builds))}",
            "measure both variants with one: gilfree knee … --profile release",
        )
    roles = list(dict.fromkeys(one.role for one in sorted(profile.variants, key=lambda one: one.role != "gil")))
    if not roles:
        raise GilfreeError(f"{profile.campaign}: no variant was measured", "measure: gilfree knee SCENARIO")
    found = [
        _variant([one for one in profile.variants if one.role == role], asked, catalogue, pod_of, profile)
        for role in roles
    ]
    gil, free = (next((one for one in found if one.role == role), None) for role in ("gil", "free-threaded"))
    return Plan(
        service=profile.service,
        campaign=profile.campaign,
        asked=asked,
        catalogue=catalogue,
        variants=tuple(found),
        saving=saving(gil, free, catalogue.currency) if gil and free else None,
        day=tuple(_day(found, asked, catalogue)),
        caveats=(*_which(asked.endpoint, measured), *_caveats(profile, asked, catalogue, builds)),
    )


def knees(one: VariantProfile, measured_ms: float, asked_ms: float) -> list[float]:
    """The blocks' knees under the SLO that is asked. Raises GilfreeError when they are not fit to plan with."""
    what = f"{one.variant} {one.point}"
    if not one.rates and not one.knees_rps() and one.rejected_total:
        causes = ", ".join(f"{count} × {cause}" for cause, count in sorted(one.rejected.items()))
        raise GilfreeError(f"{what}: all {one.rejected_total} trials were rejected ({causes})", "measure it again")
    if one.loader_saturated:
        raise GilfreeError(
            f"{what}: the load generator, not the server, ended the search, so the knee is only a lower bound",
            "give the loader more CPUs, or the server fewer, and measure again",
        )
    stricter = asked_ms < measured_ms
    found = one.knees_at(asked_ms) if stricter else one.knees_rps()
    if stricter and not found and one.knees_rps():
        seen = [rate.p99_ms for rate in one.rates if rate.passed and rate.p99_ms is not None]
        best = f": the lowest seen was {min(seen):.3g} ms" if seen else ""
        raise GilfreeError(
            f"{what}: p99 under {asked_ms:g} ms was met at no measured rate{best}",
            "that is below what the service needs when idle; ask for more",
        )
    if len(found) < MIN_BLOCKS:
        note = next((f" ({block.note})" for block in one.blocks if block.note and block.knee_rps is None), "")
        raise GilfreeError(
            f"{what}: {len(found)} of {len(one.blocks)} blocks found a knee{note}, a plan needs {MIN_BLOCKS}",
            "go on with the measurement: gilfree knee --resume … with a larger --budget; or plan for another --endpoint",
        )
    return found


def pods_for(rps: float, knee_rps: float, headroom: float, zones: int = 1) -> int:
    """Pods that carry a rate, one in every zone at least."""
    return max(zones, math.ceil(round(rps / (knee_rps * headroom), 9)))


def _variant(
    settings: Sequence[VariantProfile], asked: Asked, catalogue: Catalogue, pod_of: Podder, profile: Profile
) -> VariantPlan:
    """The setting whose plan at the median knee costs least; those that cannot be planned with are named."""
    found: list[VariantPlan] = []
    failed: dict[str, GilfreeError] = {}
    for one in settings:
        try:
            found.append(_setting(one, asked, catalogue, pod_of, profile))
        except GilfreeError as error:
            failed[one.point] = error
    if not found:
        raise next(iter(failed.values()))
    best = min(found, key=lambda one: math.inf if one.mid.month is None else one.mid.month)
    return replace(best, why_not={point: error.message for point, error in failed.items()})


def _setting(one: VariantProfile, asked: Asked, catalogue: Catalogue, pod_of: Podder, profile: Profile) -> VariantPlan:
    carried = knees(one, profile.p99_ms, asked.p99_ms)
    pod = pod_of(one)
    if pod is None:
        raise GilfreeError(f"{one.variant} {one.point}: CPU or memory were not measured", "measure it again")
    cpu = pod.cpu_request_millicores + asked.sidecar_cpu_millis
    memory = pod.memory_request_bytes + asked.sidecar_memory_bytes
    middle = median(carried)
    assert middle is not None, "there are at least three knees"

    def case(knee: float) -> Case:
        return _case(Workload(f"{profile.service} on {one.variant}", cpu, memory, 0), knee, asked, catalogue)

    return VariantPlan(
        variant=one.variant,
        role=one.role,
        point=one.point,
        workers=one.workers,
        threads=one.threads,
        knees_rps=tuple(carried),
        cpu_millis=cpu,
        memory_bytes=memory,
        low=case(min(carried)),
        mid=case(middle),
        high=case(max(carried)),
        reasons=dict(pod.reasons),
    )


def _case(pod: Workload, knee: float, asked: Asked, catalogue: Catalogue) -> Case:
    pods = pods_for(asked.traffic.peak_rps, knee, asked.headroom, asked.zones)
    wanted = Workload(pod.name, pod.cpu_millis, pod.memory_bytes, pods)
    try:
        packed = pack([wanted, *asked.beside], catalogue.types, spare=asked.spare_nodes, zones=asked.zones)
    except DoesNotFit as error:
        if error.never:
            raise
        return Case(knee, pods, problem=error.message)
    kinds = {one.name: one for one in catalogue.types}
    return Case(
        knee_rps=knee,
        pods=pods,
        nodes=dict(packed.counts),
        spare=dict(packed.spare),
        month=catalogue.month(packed.price_hour),
        gap=packed.gap,
        limiting={name: limiting(pod, kinds[name]) for name in packed.counts},
    )


def _day(variants: Sequence[VariantPlan], asked: Asked, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Each hour's highest rate with the pods it needs, and the nodes if they followed and nobody else is on them."""
    found = []
    for hour, rate in asked.traffic.hours:
        row: dict[str, Any] = {"hour": hour, "rps": rate, "pods": {}, "nodes": {}, "price_hour": {}}
        for one in variants:
            pods = pods_for(rate, one.mid.knee_rps, asked.headroom, asked.zones) if rate else asked.zones
            row["pods"][one.variant] = pods
            if not asked.beside and not one.mid.problem:
                pod = Workload(one.variant, one.cpu_millis, one.memory_bytes, pods)
                packed = pack([pod], catalogue.types, spare=asked.spare_nodes, zones=asked.zones)
                row["nodes"][one.variant], row["price_hour"][one.variant] = packed.nodes, packed.price_hour
        found.append(row)
    return found


def _check(asked: Asked) -> None:
    if not 0 < asked.headroom <= 1:
        raise GilfreeError(f"--headroom {asked.headroom:g} is not a share of the knee", "give 0.1 to 1, such as 0.7")
    if asked.zones < 1 or asked.spare_nodes < 0:
        raise GilfreeError(
            f"--zones {asked.zones} --spare-nodes {asked.spare_nodes} cannot be",
            "give 1 zone and 0 spare nodes or more",
        )


def _which(endpoint: str | None, measured: Sequence[str]) -> list[str]:
    others = [one for one in measured if one != endpoint]
    if not others:
        return []
    return [f"planned as if every request went to {endpoint}; also measured, for --endpoint: {', '.join(others)}"]


def _caveats(profile: Profile, asked: Asked, catalogue: Catalogue, builds: set[str]) -> list[str]:
    found = [*profile.caveats]
    if "fast" in builds:
        found.append("builds are of profile fast (no PGO): a release build carries more")
    if asked.p99_ms > profile.p99_ms:
        found.append(
            f"measured for p99 under {profile.p99_ms:g} ms: for {asked.p99_ms:g} ms the knees are lower bounds"
        )
    if profile.cpu_model:
        found.append(f"knees hold for the CPU they were measured on: {profile.cpu_model}")
    found.append("a pod is one server measured alone; neighbours on a busy node may cost it some of its knee")
    unpriced = [one.name for one in catalogue.types if not one.priced]
    if unpriced:
        found.append(f"OpenCost's default prices stand in for {', '.join(unpriced[:5])}")
    found.append(f"prices: {catalogue.name}, {catalogue.date}: {catalogue.about}")
    return found


def one_architecture(types: Sequence[NodeType], wanted: str | None) -> tuple[NodeType, ...]:
    """Node types of one architecture: a knee says nothing of another. Raises GilfreeError when it is not clear which."""
    known = sorted({one.arch for one in types})
    if wanted is None and len(known) > 1:
        raise GilfreeError(
            f"there are nodes of {' and '.join(known)}, and knees hold for one architecture",
            f"say which was measured: --arch {known[0]}",
        )
    found = tuple(one for one in types if wanted is None or one.arch == wanted)
    if not found:
        raise GilfreeError(f"--arch {wanted}: no such nodes, there are {', '.join(known)}", "take one of these")
    return found

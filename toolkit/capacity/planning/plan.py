"""The capacity plan of `gilfree plan`: from measured knees to pods, nodes and cost, for each variant.

A pod carries knee × headroom; the knee of every block counts. Nothing is measured here, so other nodes, prices, headroom,
traffic or a stricter SLO need no new load. Knees that are not fit to plan with are refused with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from toolkit.capacity.deploy.pod import PodResources
from toolkit.capacity.knee.profile import MIN_KNEES, Profile, VariantProfile, median
from toolkit.capacity.nodes.catalogue import Catalogue, NodeType
from toolkit.capacity.placement.pack import DoesNotFit, limiting, pack
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.result import CapacityPlan, Requirements, Sizing, VariantPlan, saving
from toolkit.errors import GilfreeError

PodSizer = Callable[[VariantProfile], PodResources | None]
"""Requests and limits of one pod of a variant; None when its CPU or memory were not measured."""


def make_capacity_plan(
    profile: Profile, requirements: Requirements, catalogue: Catalogue, pod_sizer: PodSizer
) -> CapacityPlan:
    """The capacity plan of every variant of a profile, the GIL build first. Pure.

    Raises GilfreeError, naming variant and setting, when the profile is not fit to plan with or a pod fits on no node.
    """
    _check(requirements)
    endpoints, profile = profile.endpoints(), profile.for_endpoint(requirements.endpoint)
    requirements = replace(requirements, endpoint=next(iter(profile.endpoints()), None))
    builds = profile.build_profiles()
    if len(builds) > 1:
        raise GilfreeError(
            f"{profile.campaign}: builds of different build profiles are mixed: {', '.join(builds)}",
            "measure both variants with the same build profile: gilfree knee … --profile release",
        )
    roles = list(dict.fromkeys(one.role for one in sorted(profile.variants, key=lambda one: one.role != "gil")))
    if not roles:
        raise GilfreeError(f"{profile.campaign}: no variant was measured", "measure: gilfree knee SCENARIO")
    found = [
        _cheapest_setting(
            [one for one in profile.variants if one.role == role], requirements, catalogue, pod_sizer, profile
        )
        for role in roles
    ]
    gil, free = (next((one for one in found if one.role == role), None) for role in ("gil", "free-threaded"))
    return CapacityPlan(
        service=profile.service,
        campaign=profile.campaign,
        requirements=requirements,
        catalogue=catalogue,
        variants=tuple(found),
        saving=saving(gil, free, catalogue.currency) if gil and free else None,
        day=tuple(_day(found, requirements, catalogue)),
        caveats=(
            *_endpoint_caveat(requirements.endpoint, endpoints),
            *_caveats(profile, requirements, catalogue, builds),
        ),
    )


def usable_knees(one: VariantProfile, measured_p99_ms: float, required_p99_ms: float) -> list[float]:
    """The blocks' knees under the required SLO, in requests/s. Raises GilfreeError when they are not fit to plan with."""
    what = f"{one.variant} {one.point}"
    if not one.rates and not one.knees_rps() and one.rejected_total:
        causes = ", ".join(f"{count} × {cause}" for cause, count in sorted(one.rejected.items()))
        raise GilfreeError(f"{what}: all {one.rejected_total} trials were rejected ({causes})", "measure it again")
    if one.loader_saturated:
        raise GilfreeError(
            f"{what}: the load generator, not the server, ended the search, so the knee is only a lower bound",
            "give the loader more CPUs, or the server fewer, and measure again",
        )
    stricter = required_p99_ms < measured_p99_ms
    found = one.knees_at(required_p99_ms) if stricter else one.knees_rps()
    if stricter and not found and one.knees_rps():
        seen = [rate.p99_ms for rate in one.rates if rate.passed and rate.p99_ms is not None]
        lowest = f": the lowest measured p99 was {min(seen):.3g} ms" if seen else ""
        raise GilfreeError(
            f"{what}: no measured rate met p99 under {required_p99_ms:g} ms{lowest}",
            "the service needs more than that even when it is idle; give a higher --slo",
        )
    if len(found) < MIN_KNEES:
        note = next((f" ({block.note})" for block in one.blocks if block.note and block.knee_rps is None), "")
        raise GilfreeError(
            f"{what}: {len(found)} of {len(one.blocks)} blocks found a knee{note}, a plan needs {MIN_KNEES}",
            "continue the measurement: gilfree knee --resume … with a larger --budget; or plan for another --endpoint",
        )
    return found


def pods_for(rps: float, knee_rps: float, headroom: float, zones: int = 1) -> int:
    """How many pods carry a rate at this share of their knee: at least one in every zone."""
    return max(zones, math.ceil(round(rps / (knee_rps * headroom), 9)))


def _cheapest_setting(
    settings: Sequence[VariantProfile],
    requirements: Requirements,
    catalogue: Catalogue,
    pod_sizer: PodSizer,
    profile: Profile,
) -> VariantPlan:
    """The setting that costs least at its median knee, with the settings that cannot be planned with in `why_not`."""
    found: list[VariantPlan] = []
    failed: dict[str, GilfreeError] = {}
    for one in settings:
        try:
            found.append(_plan_setting(one, requirements, catalogue, pod_sizer, profile))
        except GilfreeError as error:
            failed[one.point] = error
    if not found:
        raise next(iter(failed.values()))
    best = min(found, key=lambda one: math.inf if one.mid.month is None else one.mid.month)
    return replace(best, why_not={point: error.message for point, error in failed.items()})


def _plan_setting(
    one: VariantProfile, requirements: Requirements, catalogue: Catalogue, pod_sizer: PodSizer, profile: Profile
) -> VariantPlan:
    knees = usable_knees(one, profile.p99_ms, requirements.p99_ms)
    pod = pod_sizer(one)
    if pod is None:
        raise GilfreeError(f"{one.variant} {one.point}: CPU or memory were not measured", "measure it again")
    cpu = pod.cpu_request_millicores + requirements.sidecar_cpu_millis
    memory = pod.memory_request_bytes + requirements.sidecar_memory_bytes
    middle = median(knees)
    assert middle is not None, "there are at least three knees"

    def sizing(knee: float) -> Sizing:
        return _size(Workload(f"{profile.service} on {one.variant}", cpu, memory, 0), knee, requirements, catalogue)

    return VariantPlan(
        variant=one.variant,
        role=one.role,
        point=one.point,
        workers=one.workers,
        threads=one.threads,
        knees_rps=tuple(knees),
        cpu_millis=cpu,
        memory_bytes=memory,
        low=sizing(min(knees)),
        mid=sizing(middle),
        high=sizing(max(knees)),
        reasons=dict(pod.reasons),
    )


def _size(pod: Workload, knee: float, requirements: Requirements, catalogue: Catalogue) -> Sizing:
    pods = pods_for(requirements.traffic.peak_rps, knee, requirements.headroom, requirements.zones)
    workloads = [replace(pod, replicas=pods), *requirements.colocated]
    try:
        packing = pack(workloads, catalogue.types, spare=requirements.spare_nodes, zones=requirements.zones)
    except DoesNotFit as error:
        if error.never:
            raise
        return Sizing(knee, pods, problem=error.message)
    kinds = {one.name: one for one in catalogue.types}
    return Sizing(
        knee_rps=knee,
        pods=pods,
        nodes=dict(packing.counts),
        spare=dict(packing.spare),
        month=catalogue.month(packing.price_hour),
        gap=packing.gap,
        limiting={name: limiting(pod, kinds[name]) for name in packing.counts},
    )


def _day(variants: Sequence[VariantPlan], requirements: Requirements, catalogue: Catalogue) -> list[dict[str, Any]]:
    """For each hour its highest rate, the pods for it, and the nodes for these pods if no other Deployment is on them."""
    zones, found = requirements.zones, []
    for hour, rate in requirements.traffic.hours:
        row: dict[str, Any] = {"hour": hour, "rps": rate, "pods": {}, "nodes": {}, "price_hour": {}}
        for one in variants:
            pods = pods_for(rate, one.mid.knee_rps, requirements.headroom, zones) if rate else zones
            row["pods"][one.variant] = pods
            if not requirements.colocated and not one.mid.problem:
                pod = Workload(one.variant, one.cpu_millis, one.memory_bytes, pods)
                packing = pack([pod], catalogue.types, spare=requirements.spare_nodes, zones=zones)
                row["nodes"][one.variant], row["price_hour"][one.variant] = packing.nodes, packing.price_hour
        found.append(row)
    return found


def _check(requirements: Requirements) -> None:
    if not 0 < requirements.headroom <= 1:
        raise GilfreeError(
            f"--headroom {requirements.headroom:g} is not a share of the knee", "give 0.1 to 1, such as 0.7"
        )
    if requirements.zones < 1 or requirements.spare_nodes < 0:
        raise GilfreeError(
            f"--zones {requirements.zones} --spare-nodes {requirements.spare_nodes} is not possible",
            "give at least 1 zone and at least 0 spare nodes",
        )


def _endpoint_caveat(endpoint: str | None, measured: Sequence[str]) -> list[str]:
    others = [one for one in measured if one != endpoint]
    if not others:
        return []
    return [f"planned as if every request went to {endpoint}; also measured, for --endpoint: {', '.join(others)}"]


def _caveats(profile: Profile, requirements: Requirements, catalogue: Catalogue, builds: Sequence[str]) -> list[str]:
    found = [*profile.caveats]
    if "fast" in builds:
        found.append("the build profile is fast (no PGO): a release build carries more")
    if requirements.p99_ms > profile.p99_ms:
        found.append(
            f"measured for p99 under {profile.p99_ms:g} ms: for {requirements.p99_ms:g} ms the knees are lower bounds"
        )
    if profile.cpu_model:
        found.append(f"knees hold for the CPU they were measured on: {profile.cpu_model}")
    found.append("a pod is one server measured alone; other pods on a busy node may lower its knee")
    unpriced = [one.name for one in catalogue.types if not one.priced]
    if unpriced:
        found.append(f"OpenCost's default prices are used for {', '.join(unpriced[:5])}")
    found.append(f"prices: {catalogue.name}, {catalogue.date}: {catalogue.about}")
    return found


def one_architecture(types: Sequence[NodeType], wanted: str | None) -> tuple[NodeType, ...]:
    """The node types of one architecture, because a knee holds for the architecture it was measured on.

    `wanted` None: the only architecture of the types. Raises GilfreeError when they have several, or not the wanted one.
    """
    known = sorted({one.arch for one in types})
    if wanted is None and len(known) > 1:
        raise GilfreeError(
            f"there are nodes of {' and '.join(known)}, and knees hold for one architecture",
            f"name the architecture that was measured: --arch {known[0]}",
        )
    found = tuple(one for one in types if wanted is None or one.arch == wanted)
    if not found:
        raise GilfreeError(
            f"--arch {wanted}: no nodes of that architecture, there are {', '.join(known)}", "give one of these"
        )
    return found

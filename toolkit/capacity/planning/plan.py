"""The capacity plan of `gilfree plan`: from measured knees to pods, nodes and cost, for each variant.

A pod carries knee × headroom, less what even pacing hides; the knee of every block counts. Nothing is measured here, so
other nodes, prices, headroom, traffic or a stricter SLO need no new load. A variant whose knees are not fit to plan with is
named with the reason, and the other is still planned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from toolkit.capacity.deploy.pod import PodResources
from toolkit.capacity.knee.profile import Profile, VariantProfile, median
from toolkit.capacity.knee.usable import confidence_of, usable_knees
from toolkit.capacity.nodes.catalogue import Catalogue
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.caveats import plan_caveats
from toolkit.capacity.planning.result import CapacityPlan, Requirements, Saving, Sizing, VariantPlan, saving
from toolkit.capacity.planning.sizing import day_of, sizing_of
from toolkit.errors import GilfreeError

PodSizer = Callable[[VariantProfile], PodResources | None]
"""Requests and limits of one pod of a variant; None when its CPU or memory were not measured."""


def make_capacity_plan(
    profile: Profile, requirements: Requirements, catalogue: Catalogue, pod_sizer: PodSizer
) -> CapacityPlan:
    """The capacity plan of every variant of a profile, the GIL build first. Pure.

    Raises GilfreeError, naming variant and setting, when no variant is fit to plan with or no pod fits on a node.
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
    found: dict[str, VariantPlan] = {}
    failed: dict[str, GilfreeError] = {}
    for role in roles:
        settings = [one for one in profile.variants if one.role == role]
        try:
            found[role] = _cheapest_setting(settings, requirements, catalogue, pod_sizer, profile)
        except GilfreeError as error:
            failed[settings[0].variant] = error
    if not found:
        raise next(iter(failed.values()))
    return CapacityPlan(
        service=profile.service,
        campaign=profile.campaign,
        requirements=requirements,
        catalogue=catalogue,
        variants=tuple(found.values()),
        saving=_saving(found, failed, catalogue),
        day=tuple(day_of(list(found.values()), requirements, catalogue)),
        caveats=tuple(plan_caveats(profile, requirements, catalogue, endpoints, list(found.values()))),
        unplanned={variant: error.message for variant, error in failed.items()},
    )


def _saving(found: dict[str, VariantPlan], failed: dict[str, GilfreeError], catalogue: Catalogue) -> Saving | None:
    if "gil" in found and "free-threaded" in found:
        return saving(found["gil"], found["free-threaded"], catalogue.currency)
    if not failed:
        return None
    variant, error = next(iter(failed.items()))
    return Saving(False, None, None, None, f"no saving shown: {variant} is unknown, because {error.message}")


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
        return sizing_of(Workload(f"{profile.service} on {one.variant}", cpu, memory, 0), knee, requirements, catalogue)

    confidence, why = confidence_of(one, profile, requirements.p99_ms)
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
        confidence=confidence,
        confidence_why=why,
    )


def _check(requirements: Requirements) -> None:
    if not 0 < requirements.headroom <= 1:
        raise GilfreeError(
            f"--headroom {requirements.headroom:g} is not a share of the knee", "give 0.1 to 1, such as 0.7"
        )
    if requirements.survive_zone and requirements.zones < 2:
        raise GilfreeError("--survive zone needs several zones", "give --zones 3")
    if requirements.zones < 1 or requirements.spare_nodes < 0:
        raise GilfreeError(
            f"--zones {requirements.zones} --spare-nodes {requirements.spare_nodes} is not possible",
            "give at least 1 zone and at least 0 spare nodes",
        )

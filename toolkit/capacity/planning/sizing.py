"""From one knee to pods and nodes: what `gilfree plan` calculates for the lowest, the median and the highest knee. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolkit.capacity.knee.pacing import planned_rps, random_arrival_share
from toolkit.capacity.nodes.catalogue import Catalogue
from toolkit.capacity.placement.pack import DoesNotFit, Packing, limiting, pack
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.result import Requirements, Sizing, VariantPlan


def pods_for(rps: float, carried_rps: float, zones: int = 1) -> int:
    """How many pods carry a rate when each carries `carried_rps`: at least one in every zone."""
    return max(zones, math.ceil(round(rps / carried_rps, 9)))


def pods_required(rps: float, knee_rps: float, requirements: Requirements) -> int:
    """The pods for a rate at this knee. With `survive_zone` also as many as carry it at their knee without one zone.

    The pods of a lost zone start again elsewhere; until they serve, those that are left may use their whole knee.
    """
    zones = requirements.zones
    found = pods_for(rps, planned_rps(knee_rps, requirements.headroom, requirements.p99_ms), zones)
    if not requirements.survive_zone or zones < 2:
        return found
    left = math.ceil(round(rps / (knee_rps * random_arrival_share(knee_rps, requirements.p99_ms)), 9))
    while found - math.ceil(found / zones) < left:
        found += 1
    return found


def sizing_of(pod: Workload, knee_rps: float, requirements: Requirements, catalogue: Catalogue) -> Sizing:
    """Pods and nodes at one knee. `pod`: the workload without its replicas. Raises DoesNotFit when a pod fits on no node."""
    pods = pods_required(requirements.traffic.peak_rps, knee_rps, requirements)
    carried = planned_rps(knee_rps, requirements.headroom, requirements.p99_ms)
    try:
        packing = _packed(replace(pod, replicas=pods), requirements.colocated, requirements, catalogue)
    except DoesNotFit as error:
        if error.never:
            raise
        return Sizing(knee_rps, carried, pods, problem=error.message)
    kinds = {one.name: one for one in catalogue.types}
    return Sizing(
        knee_rps=knee_rps,
        carried_rps=carried,
        pods=pods,
        nodes=dict(packing.counts),
        spare=dict(packing.spare),
        month=catalogue.month(packing.price_hour),
        gap=packing.gap,
        limiting={name: limiting(pod, kinds[name]) for name in packing.counts},
        zones=tuple(dict(one) for one in packing.zones),
        uneven=packing.uneven,
    )


def _packed(pods: Workload, colocated: Sequence[Workload], requirements: Requirements, catalogue: Catalogue) -> Packing:
    return pack(
        [pods, *colocated],
        catalogue.types,
        spare=requirements.spare_nodes,
        zones=requirements.zones,
        survive_zone=requirements.survive_zone,
    )


def day_of(variants: Sequence[VariantPlan], requirements: Requirements, catalogue: Catalogue) -> list[dict[str, Any]]:
    """For each hour its highest rate, the pods for it, and the nodes for these pods if no other Deployment is on them."""
    found = []
    for hour, rate in requirements.traffic.hours:
        row: dict[str, Any] = {"hour": hour, "rps": rate, "pods": {}, "nodes": {}, "price_hour": {}}
        for one in variants:
            pods = pods_required(rate, one.mid.knee_rps, requirements)
            row["pods"][one.variant] = pods
            if not requirements.colocated and not one.mid.problem:
                workload = Workload(one.variant, one.cpu_millis, one.memory_bytes, pods)
                packing = _packed(workload, (), requirements, catalogue)
                row["nodes"][one.variant], row["price_hour"][one.variant] = packing.nodes, packing.price_hour
        found.append(row)
    return found

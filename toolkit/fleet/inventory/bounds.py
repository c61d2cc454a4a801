"""Bounds on the pods of a service: its HorizontalPodAutoscaler and its PodDisruptionBudgets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.fleet.inventory.model import FleetService

_PERCENTAGE = re.compile(r"(\d{1,3})%")

SCALED = (None, "Deployment", "Rollout")
"""Kinds that an autoscaler of a service names as its target."""


def bounded_services(services: Sequence[FleetService], bounds: Iterable[Mapping[str, Any]]) -> tuple[FleetService, ...]:
    """The services with the bounds of the autoscalers and disruption budgets that are theirs. Pure.

    An autoscaler names its service; a budget selects it by the labels of its pods. A bound that is not as Kubernetes
    writes it bounds nothing.
    """
    autoscalers: dict[tuple[str, str], Mapping[str, Any]] = {}
    budgets: dict[str, list[Mapping[str, Any]]] = {}
    for one in bounds:
        namespace, spec = str(_mapping(one.get("metadata")).get("namespace") or "default"), _mapping(one.get("spec"))
        if one.get("kind") == "PodDisruptionBudget":
            budgets.setdefault(namespace, []).append(spec)
            continue
        target = _mapping(spec.get("scaleTargetRef"))
        if target.get("kind") in SCALED:
            autoscalers[namespace, str(target.get("name"))] = spec
    return tuple(_bounded(one, autoscalers.get(one.key), budgets.get(one.namespace, [])) for one in services)


def _bounded(
    service: FleetService, autoscaler: Mapping[str, Any] | None, budgets: Sequence[Mapping[str, Any]]
) -> FleetService:
    least, most, replicas = service.least_pods, service.most_pods, service.replicas
    if autoscaler is not None:
        least = max(least, _whole(autoscaler.get("minReplicas")) or 1)
        most = _whole(autoscaler.get("maxReplicas"))
        if replicas > 0:
            # A manifest leaves the number to the autoscaler, which raises it at once.
            replicas = max(replicas, least)
    for budget in budgets:
        if _selects(_mapping(budget.get("selector")), service.pod_labels):
            least = max(least, _least_to_drain(budget.get("minAvailable"), replicas))
    if (least, most, replicas) == (service.least_pods, service.most_pods, service.replicas):
        return service
    return replace(service, least_pods=least, most_pods=most, replicas=replicas)


def _least_to_drain(available: Any, replicas: int) -> int:
    """The fewest pods of which one may be missing under a `minAvailable`: a node can be drained; at most those of today."""
    whole, share = _whole(available), _share(available)
    if whole is not None:
        return min(whole + 1, max(replicas, whole)) if whole > 0 else 0
    if not share:
        return 0
    # Kubernetes rounds a percentage up to whole pods.
    return next((pods for pods in range(1, replicas) if pods - math.ceil(pods * share / 100) >= 1), replicas)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector of Kubernetes selects pods with these labels; an empty one selects all."""
    named = _mapping(selector.get("matchLabels"))
    expressions = selector.get("matchExpressions")
    return all(labels.get(str(name)) == str(value) for name, value in named.items()) and all(
        _meets(_mapping(one), labels) for one in (expressions if isinstance(expressions, list) else ())
    )


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, operator = labels.get(str(expression.get("key"))), expression.get("operator")
    values = expression.get("values")
    among = isinstance(values, list) and value in values
    meets = {"In": among, "NotIn": not among, "Exists": value is not None, "DoesNotExist": value is None}
    return meets.get(str(operator), False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: Any) -> int | None:
    """A whole number; None for a percentage and for what is missing."""
    return value if type(value) is int else None


def _share(value: Any) -> int | None:
    """The number of a percentage; None for anything else."""
    found = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None

"""Objects of Kubernetes as `kubectl get -o json` prints them."""

from __future__ import annotations

from typing import Any

from toolkit.fleet.inventory.model import FleetService, Inventory
from toolkit.fleet.inventory.objects import inventory_of


def container(name: str = "web", cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    """A container with these requests; empty: none."""
    requests = {key: amount for key, amount in (("cpu", cpu), ("memory", memory)) if amount}
    return {"name": name, "image": f"registry/{name}:1", "resources": {"requests": requests}, **more}


def workload(kind: str = "Deployment", name: str = "orders", replicas: Any = 3, **changes: Any) -> dict[str, Any]:
    """An object that runs pods of 1 CPU and 512Mi. `changes`: of the spec of a pod, or `metadata` of its template."""
    metadata = changes.pop("metadata", {"labels": {"app": name}})
    pod = {"containers": [container("web", "1", "512Mi")], **changes}
    return {
        "kind": kind,
        "metadata": {"namespace": "shop", "name": name, "labels": {"lang": "python"}},
        "spec": {"replicas": replicas, "template": {"metadata": metadata, "spec": pod}},
    }


def rollout_of(name: str, deployment: str, replicas: int = 6) -> dict[str, Any]:
    """A Rollout of Argo that uses the template of a Deployment."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    return {
        "kind": "Rollout",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"replicas": replicas, "workloadRef": reference},
    }


def autoscaler(name: str = "orders", least: int = 3, most: int = 10, kind: str = "Deployment") -> dict[str, Any]:
    """A HorizontalPodAutoscaler of a service."""
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": "shop", "name": f"{name}-scaler"},
        "spec": {"minReplicas": least, "maxReplicas": most, "scaleTargetRef": {"kind": kind, "name": name}},
    }


def budget(available: Any, **selector: Any) -> dict[str, Any]:
    """A PodDisruptionBudget."""
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "shop", "name": "budget"},
        "spec": {"minAvailable": available, "selector": selector},
    }


def inventory(*items: Any) -> Inventory:
    """The inventory of a List of these objects."""
    return inventory_of([("", one) for one in items])


def service(*items: Any) -> FleetService:
    """The only service among these objects."""
    (one,) = inventory(*items).services
    return one

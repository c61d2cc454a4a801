"""One service of a fleet as its inventory gives it, whatever it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.quantities import LEAST_MEMORY_BYTES


@dataclass(frozen=True)
class FleetService:
    """One service of the fleet. Requests are those of a whole pod.

    `other_cpu_millis`, `other_memory_bytes`: the part of them that sidecars and injected proxies request, which does not
    change with the Python build. `least_pods`, `most_pods`: the bounds of its autoscaler and disruption budget; None: no
    bound. `labels`: of the service and of its pods, `pod_labels`: of its pods only. `caveat`: what is assumed about it. `without_template`: nothing is known of its pods, so no rule can say that it is not Python. `problem`: why nothing can be calculated for it, else empty.
    """

    namespace: str
    name: str
    replicas: int
    cpu_millis: int
    memory_bytes: int
    images: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    other_cpu_millis: int = 0
    other_memory_bytes: int = 0
    least_pods: int = 0
    most_pods: int | None = None
    caveat: str = ""
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    without_template: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name, the key of its usage."""
        return self.namespace, self.name


@dataclass(frozen=True)
class Inventory:
    """The services of a fleet. `notes`: in words what else the inventory holds, and what could not be read."""

    services: tuple[FleetService, ...]
    notes: tuple[str, ...] = ()


def problem_of(replicas: int, cpu: int, memory: int) -> str:
    """Why nothing can be calculated for a service with these pods, millicores and bytes of a pod; else empty. Pure."""
    if replicas < 1:
        return "it is scaled to no pods"
    absent = [name for name, amount in (("CPU", cpu), ("memory", memory)) if not amount]
    if absent:
        return f"its pods request no {' and no '.join(absent)}"
    if memory < LEAST_MEMORY_BYTES:
        return f"its pods request {memory} bytes of memory: is the unit missing? did you mean {memory}Mi?"
    return ""

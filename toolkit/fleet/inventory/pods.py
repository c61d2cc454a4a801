"""What one pod of a template requests, and the part of it that is not the main container's.

The scheduler counts containers, native sidecars, init containers, the overhead of a runtime class and requests of the whole
pod (capacity/nodes/from_cluster.py). The proxies that meshes add are in proxies.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.capacity.nodes.from_cluster import pod_requests
from toolkit.fleet.inventory.proxies import PROXIES, Proxy, proxies_of
from toolkit.quantities import LEAST_MEMORY_BYTES, quantity_of

MAIN = "kubectl.kubernetes.io/default-container"
"""The annotation that names the main container of a pod."""


@dataclass(frozen=True)
class PodRequests:
    """Requests of a whole pod, in millicores and bytes, and the part of sidecars and proxies (`other_…`).

    `problem`: why they cannot be counted, `caveat`: what was assumed; else empty. `undecided`: proxies that are added if the
    namespace asks for them, which are not counted.
    """

    cpu_millis: int = 0
    memory_bytes: int = 0
    other_cpu_millis: int = 0
    other_memory_bytes: int = 0
    problem: str = ""
    caveat: str = ""
    undecided: tuple[Proxy, ...] = ()


def requests_of(pod: Mapping[str, Any], annotations: Mapping[str, str], labels: Mapping[str, str]) -> PodRequests:
    """The requests of a pod with this spec, and these annotations and labels of its template. Pure."""
    kinds = {key: pod.get(key) or [] for key in ("containers", "initContainers")}
    for found in kinds.values():
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            return PodRequests(problem="its containers are not as Kubernetes writes them")
    containers, inits = kinds.values()
    try:
        proxies = proxies_of([*containers, *inits], annotations, labels)
    except ValueError as error:
        return PodRequests(problem=f"the requests of its proxy cannot be read: {error}")
    added = [one for one in proxies if one.asked_for]
    injected = [one.container for one in added]
    main = _main(containers, annotations)
    sidecars = [one for one in inits if one.get("restartPolicy") == "Always"]
    others = [*(one for one in containers if one is not main), *injected, *sidecars]
    try:
        cpu, memory = pod_requests({**pod, "containers": [*containers, *injected]})
        main_cpu, main_memory = pod_requests({"containers": [main] if main else []})
        other_cpu, other_memory = pod_requests({"containers": others, "overhead": pod.get("overhead")})
        if typo := _memory_typo([*containers, *injected, *inits, pod]):
            return PodRequests(problem=typo)
        of_pod = given_requests(pod)
    except (ValueError, TypeError, AttributeError) as error:
        return PodRequests(problem=f"its requests cannot be read: {error}")
    absent = [
        name
        for name, key, amount in (("CPU", "cpu", main_cpu), ("memory", "memory", main_memory))
        if not amount and key not in of_pod
    ]
    problem = ""
    if absent:
        name = main.get("name") if main else None
        subject = f"its container {name} requests" if name and (others or inits) else "its pods request"
        problem = f"{subject} no {' and no '.join(absent)}"
    return PodRequests(
        cpu,
        memory,
        min(other_cpu, cpu),
        min(other_memory, memory),
        problem,
        caveat="; ".join([*(one.words for one in added), *_not_counted(pod)]),
        undecided=tuple(one for one in proxies if not one.asked_for),
    )


def _not_counted(pod: Mapping[str, Any]) -> list[str]:
    """The overhead that a runtime class adds when a pod is created, which its template does not hold."""
    named = pod.get("runtimeClassName")
    return [f"overhead of its runtime class {named} is not counted"] if named and not pod.get("overhead") else []


def _memory_typo(containers: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with a request of memory that is a quantity, but of less than anybody means; else empty."""
    for one in containers:
        amount = given_requests(one).get("memory")
        if amount is not None and 0 < quantity_of(amount) < LEAST_MEMORY_BYTES:
            text = str(amount)
            cause = "m means a thousandth;" if text.endswith("m") else "is the unit missing?"
            value = text.removesuffix("m")
            meant = f" did you mean {value}Mi?" if value.isdigit() else ""
            return f"its requests are too small: memory {text!r} is {quantity_of(amount):f} bytes: {cause}{meant}"
    return ""


def given_requests(one: Mapping[str, Any]) -> dict[str, Any]:
    """The requests in `resources` of a container or of a whole pod, with limits for those that are missing."""
    resources = one.get("resources") or {}
    return {**(resources.get("limits") or {}), **(resources.get("requests") or {})}


def _main(containers: list[dict[str, Any]], annotations: Mapping[str, str]) -> dict[str, Any] | None:
    """The main container: the one that the annotation names, else the first that is no proxy of a mesh."""
    named = [one for one in containers if one.get("name") == annotations.get(MAIN, "")]
    ordinary = [one for one in containers if one.get("name") not in PROXIES]
    return next(iter([*named, *ordinary, *containers]), None)

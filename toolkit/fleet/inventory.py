"""The services of a fleet: from `kubectl get deploy -A -o json`, a live cluster, or a CSV file.

CSV columns: namespace, name, replicas, cpu, memory, image, labels, annotations; cpu and memory are the requests of one
pod as Kubernetes quantities, labels are written as `app=web;team=shop`. A service without requests does not make a file
of thousands invalid: it stays in the inventory, with the problem.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.capacity.inputs.csv_rows import CsvRow, read_rows
from toolkit.capacity.nodes.from_cluster import pod_requests
from toolkit.errors import GilfreeError
from toolkit.quantities import LEAST_MEMORY_BYTES, cpu_millis_of, memory_bytes_of

COLUMNS = ("namespace", "name", "replicas", "cpu", "memory", "image", "labels", "annotations")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""An annotation that repeats the whole Deployment as text; it is not kept."""


@dataclass(frozen=True)
class FleetService:
    """One service of the fleet. Requests are those of a whole pod.

    `other_cpu_millis`, `other_memory_bytes`: the part of them that sidecars and injected proxies request, which does not
    change with the Python build. `least_pods`, `most_pods`: the bounds of its autoscaler and disruption budget; None: no
    bound. `caveat`: what is assumed about it. `problem`: why nothing can be calculated for it, else empty.
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

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name, the key of its usage."""
        return self.namespace, self.name


def read_inventory(file: Path) -> list[FleetService]:
    """The services in a file: CSV if its name ends in .csv, otherwise JSON of kubectl.

    Raises GilfreeError when the file cannot be read, holds no Deployment or one of them twice, with the line of a CSV.
    """
    found = list(_from_csv(file) if file.suffix == ".csv" else _from_json(file))
    return _checked(found, str(file))


def from_cluster() -> list[FleetService]:
    """The Deployments of the current kubectl context. Raises GilfreeError when they cannot be read or there are none."""
    from toolkit.capacity.nodes.cluster_reader import ClusterReader

    return _checked(list(services_in(ClusterReader().deployments())), "the cluster")


def services_in(items: Iterable[Mapping[str, Any]]) -> Iterator[FleetService]:
    """Services from objects as the Kubernetes API returns them; kinds other than Deployment are skipped."""
    for item in items:
        if item.get("kind") in (None, "Deployment"):
            yield _service(item)


def _checked(found: list[FleetService], where: str) -> list[FleetService]:
    if not found:
        raise GilfreeError(f"{where}: no Deployment in it", "see what `kubectl get deploy -A` shows")
    seen: set[tuple[str, str]] = set()
    for one in found:
        if one.key in seen:
            raise GilfreeError(
                f"{where}: {one.namespace}/{one.name} is given twice", "give the Deployments of one cluster at a time"
            )
        seen.add(one.key)
    return found


def _from_json(file: Path) -> Iterator[FleetService]:
    remedy = "create it with: kubectl get deploy -A -o json"
    try:
        data = json.loads(file.read_bytes(), object_hook=_early_service)
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable file") from None
    except ValueError as error:
        raise GilfreeError(f"{file} is not JSON: {error}", remedy) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise GilfreeError(f"{file}: a Deployment is not as Kubernetes writes them: {error!r}", remedy) from None
    items = [data] if isinstance(data, FleetService) else data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise GilfreeError(f"{file} holds no list of Deployments", remedy)
    for item in items:
        if isinstance(item, FleetService):
            yield item
        elif not isinstance(item, dict) or item.get("kind") in (None, "Deployment"):
            raise GilfreeError(f"{file}: a Deployment is not as Kubernetes writes them: {str(item)[:80]}", remedy)


def _early_service(found: dict[str, Any]) -> Any:
    """Turns each Deployment into a service as soon as it is parsed: thousands of whole Deployments would take much memory."""
    of_kind = found.get("kind") in (None, "Deployment")
    if of_kind and "metadata" in found and isinstance(found.get("spec"), dict) and "template" in found["spec"]:
        return _service(found)
    return found


def _service(item: Mapping[str, Any]) -> FleetService:
    meta, spec = item["metadata"], item["spec"]
    template = spec["template"]
    pod, problem, cpu, memory = template["spec"], "", 0, 0
    containers = [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]
    try:
        cpu, memory = pod_requests(pod)
    except ValueError as error:
        problem = f"its requests cannot be read: {error}"
    replicas = spec.get("replicas", 1)
    return FleetService(
        namespace=meta.get("namespace") or "default",
        name=meta["name"],
        replicas=replicas if isinstance(replicas, int) else 1,
        cpu_millis=cpu,
        memory_bytes=memory,
        images=tuple(one.get("image", "") for one in containers),
        labels={**((template.get("metadata") or {}).get("labels") or {}), **(meta.get("labels") or {})},
        annotations={
            name: value
            for where in (template.get("metadata") or {}, meta)
            for name, value in (where.get("annotations") or {}).items()
            if name != LAST_APPLIED
        },
        problem=problem or _problem_of(replicas, cpu, memory),
    )


def _problem_of(replicas: Any, cpu: int, memory: int) -> str:
    if not isinstance(replicas, int) or replicas < 1:
        return "it is scaled to no pods"
    absent = [name for name, amount in (("CPU", cpu), ("memory", memory)) if not amount]
    if absent:
        return f"its pods request no {' and no '.join(absent)}"
    if memory < LEAST_MEMORY_BYTES:
        return f"its pods request {memory} bytes of memory: m means a thousandth; did you mean Mi?"
    return ""


def _from_csv(file: Path) -> Iterator[FleetService]:
    for row in read_rows(file, ("namespace", "name", "replicas"), COLUMNS):
        replicas = row.number("replicas")
        if replicas is None or replicas != int(replicas):
            raise GilfreeError(
                f"{row.where('replicas')}: {row.text('replicas')!r} is not a number of pods", "write a whole number"
            )
        if not row.text("name"):
            raise GilfreeError(f"{row.where('name')}: the cell is empty", "give every service a name")
        cpu = cpu_millis_of(row.text("cpu"), row.where("cpu")) if row.text("cpu") else 0
        memory = memory_bytes_of(row.text("memory"), row.where("memory")) if row.text("memory") else 0
        yield FleetService(
            namespace=row.text("namespace") or "default",
            name=row.text("name"),
            replicas=int(replicas),
            cpu_millis=cpu,
            memory_bytes=memory,
            images=tuple(row.text("image").split()),
            labels=_pairs(row, "labels"),
            annotations=_pairs(row, "annotations"),
            problem=_problem_of(int(replicas), cpu, memory),
        )


def _pairs(row: CsvRow, column: str) -> dict[str, str]:
    found = {}
    for part in row.text(column).split(";"):
        name, equals, value = part.strip().partition("=")
        if part.strip() and not equals:
            raise GilfreeError(f"{row.where(column)}: {part!r} has no =", "write app=web;team=shop")
        if name:
            found[name] = value
    return found

"""The services of a fleet: from `kubectl get deploy -A -o json`, a live cluster, or a CSV. What is odd stays, with why.

CSV columns: namespace, name, replicas, cpu, memory, image, labels, annotations; amounts as Kubernetes writes them and for
one pod, labels as `app=web;team=shop`. Missing requests do not refuse a file of thousands: that service is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.capacity.inputs.csv import Row, read_rows
from toolkit.capacity.nodes.from_cluster import requests_of
from toolkit.errors import GilfreeError
from toolkit.quantities import LEAST_MEMORY_BYTES, cpu_millis_of, memory_bytes_of

COLUMNS = ("namespace", "name", "replicas", "cpu", "memory", "image", "labels", "annotations")
WHOLE_AGAIN = "kubectl.kubernetes.io/last-applied-configuration"
"""An annotation that holds the Deployment a second time, as text."""


@dataclass(frozen=True)
class Service:
    """One Deployment. Requests are one pod's; `problem`: why nothing can be reckoned with it."""

    namespace: str
    name: str
    replicas: int
    cpu_millis: int
    memory_bytes: int
    images: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What usage is looked up by."""
        return self.namespace, self.name


def read_inventory(file: Path) -> list[Service]:
    """Read a file by its ending. Raises GilfreeError when it cannot be read or holds no service."""
    found = list(_from_csv(file) if file.suffix == ".csv" else _from_json(file))
    return _some(found, str(file))


def from_cluster() -> list[Service]:
    """The Deployments of the current kubectl context."""
    from toolkit.capacity.nodes.cluster_reader import ClusterReader

    return _some(list(services_of(ClusterReader().deployments())), "the cluster")


def services_of(items: Iterable[Mapping[str, Any]]) -> Iterator[Service]:
    """Services from Deployments as the API gives them; other kinds are passed over."""
    for item in items:
        if item.get("kind") in (None, "Deployment"):
            yield _service(item)


def _some(found: list[Service], where: str) -> list[Service]:
    if not found:
        raise GilfreeError(f"{where}: no Deployment in it", "see what `kubectl get deploy -A` shows")
    seen: set[tuple[str, str]] = set()
    for one in found:
        if one.key in seen:
            raise GilfreeError(f"{where}: {one.namespace}/{one.name} is there twice", "one cluster at a time")
        seen.add(one.key)
    return found


def _from_json(file: Path) -> Iterator[Service]:
    what = "make it with: kubectl get deploy -A -o json"
    try:
        data = json.loads(file.read_bytes(), object_hook=_at_once)
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable file") from None
    except ValueError as error:
        raise GilfreeError(f"{file} is not JSON: {error}", what) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise GilfreeError(f"{file}: a Deployment is not as Kubernetes writes them: {error!r}", what) from None
    items = [data] if isinstance(data, Service) else data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise GilfreeError(f"{file} holds no list of Deployments", what)
    for item in items:
        if isinstance(item, Service):
            yield item
        elif not isinstance(item, dict) or item.get("kind") in (None, "Deployment"):
            raise GilfreeError(f"{file}: a Deployment is not as Kubernetes writes them: {str(item)[:80]}", what)


def _at_once(found: dict[str, Any]) -> Any:
    """A Deployment as soon as it is read, for thousands of them whole would take much memory."""
    of_kind = found.get("kind") in (None, "Deployment")
    if of_kind and "metadata" in found and isinstance(found.get("spec"), dict) and "template" in found["spec"]:
        return _service(found)
    return found


def _service(item: Mapping[str, Any]) -> Service:
    meta, spec = item["metadata"], item["spec"]
    template = spec["template"]
    pod, problem, cpu, memory = template["spec"], "", 0, 0
    containers = [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]
    try:
        cpu, memory = requests_of(pod)
    except ValueError as error:
        problem = f"its requests cannot be read: {error}"
    replicas = spec.get("replicas", 1)
    return Service(
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
            if name != WHOLE_AGAIN
        },
        problem=problem or _odd(replicas, cpu, memory),
    )


def _odd(replicas: Any, cpu: int, memory: int) -> str:
    if not isinstance(replicas, int) or replicas < 1:
        return "it is scaled to no pods"
    absent = [name for name, amount in (("CPU", cpu), ("memory", memory)) if not amount]
    if absent:
        return f"its pods request no {' and no '.join(absent)}"
    if memory < LEAST_MEMORY_BYTES:
        return f"its pods request {memory} bytes of memory: m is a thousandth, Mi was meant?"
    return ""


def _from_csv(file: Path) -> Iterator[Service]:
    for row in read_rows(file, ("namespace", "name", "replicas"), COLUMNS):
        replicas = row.number("replicas")
        if replicas is None or replicas != int(replicas):
            raise GilfreeError(f"{row.where('replicas')}: {row.text('replicas')!r} is no number of pods", "write it")
        if not row.text("name"):
            raise GilfreeError(f"{row.where('name')}: nothing there", "give every service its name")
        cpu = cpu_millis_of(row.text("cpu"), row.where("cpu")) if row.text("cpu") else 0
        memory = memory_bytes_of(row.text("memory"), row.where("memory")) if row.text("memory") else 0
        yield Service(
            namespace=row.text("namespace") or "default",
            name=row.text("name"),
            replicas=int(replicas),
            cpu_millis=cpu,
            memory_bytes=memory,
            images=tuple(row.text("image").split()),
            labels=_pairs(row, "labels"),
            annotations=_pairs(row, "annotations"),
            problem=_odd(int(replicas), cpu, memory),
        )


def _pairs(row: Row, column: str) -> dict[str, str]:
    found = {}
    for part in row.text(column).split(";"):
        name, equals, value = part.strip().partition("=")
        if part.strip() and not equals:
            raise GilfreeError(f"{row.where(column)}: {part!r} has no =", "write app=web;team=shop")
        if name:
            found[name] = value
    return found

"""Services from objects as the Kubernetes API, `kubectl` and manifests write them.

A Deployment is a service, and so is a Rollout of Argo: with its own template, or with that of the Deployment it refers to
(`workloadRef`), which it runs in place of the Deployment. HorizontalPodAutoscalers and PodDisruptionBudgets bound the
services that they name, and Namespaces say which pods get a proxy. Objects of other kinds are counted. What is odd about one object is its service's problem and
never the file's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.fleet.inventory.bounds import bounded_services
from toolkit.fleet.inventory.model import FleetService, Inventory, problem_of
from toolkit.fleet.inventory.pods import PodRequests, requests_of
from toolkit.fleet.inventory.proxies import Proxy, meshes_of_namespace

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""An annotation that repeats the whole object as text; it is not kept."""
BOUNDS = ("HorizontalPodAutoscaler", "PodDisruptionBudget")
NAMESPACE = "Namespace"
SERVICES = ("Deployment", "Rollout")
NO_KIND = "without a kind"


@dataclass(frozen=True)
class Workload:
    """What is kept of an object that runs pods. `reference`: kind and name of the object whose template it uses.

    `undecided`: proxies that its pods get if their namespace asks for them.
    """

    kind: str | None
    service: FleetService
    reference: tuple[str, str] | None = None
    undecided: tuple[Proxy, ...] = ()


@dataclass(frozen=True)
class Other:
    """An object of which only the kind is kept."""

    kind: str


def compact(found: dict[str, Any]) -> Any:
    """An object as little as possible of it, for the JSON parser: thousands of whole Deployments would take much memory."""
    kind, spec = found.get("kind"), found.get("spec")
    if not isinstance(found.get("metadata"), dict) or not isinstance(spec, dict):
        return found
    if kind in BOUNDS or kind == NAMESPACE:
        return found
    if kind in SERVICES or (kind is None and ("template" in spec or "workloadRef" in spec)):
        try:
            return _workload(found)
        except (TypeError, ValueError, AttributeError) as error:
            return _odd_workload(found, error)
    return found if kind is None else Other(str(kind))


def inventory_of(items: Iterable[tuple[str, Any]]) -> Inventory:
    """The services among objects, and in words what else is there. Pure.

    `items`: objects as the API returns them, or as `compact` made them, each with the kind that it has if it gives none:
    that of the list that holds it.
    """
    workloads: list[Workload] = []
    bounds: list[Mapping[str, Any]] = []
    meshes: dict[str, set[str]] = {}
    others: Counter[str] = Counter()
    for item_kind, item in items:
        one = compact(item) if isinstance(item, dict) else item
        kind = str((one.get("kind") if isinstance(one, dict) else getattr(one, "kind", None)) or item_kind or NO_KIND)
        if isinstance(one, Workload) and kind in SERVICES:
            workloads.append(replace(one, kind=kind))
        elif isinstance(one, dict) and kind in BOUNDS:
            bounds.append({**one, "kind": kind})
        elif isinstance(one, dict) and kind == NAMESPACE:
            meta = _mapping(one.get("metadata"))
            asked = meshes_of_namespace(_texts(meta.get("labels")), _texts(meta.get("annotations")))
            meshes[str(meta.get("name"))] = asked
        elif isinstance(one, dict) and kind in SERVICES:
            others[f"{kind} without metadata and spec"] += 1
        else:
            others[kind] += 1
    workloads = [_with_proxies(one, meshes.get(one.service.namespace)) for one in workloads]
    return Inventory(bounded_services(_once(_run_by_rollouts(workloads)), bounds), _in_words(others))


def _with_proxies(one: Workload, meshes: Collection[str] | None) -> Workload:
    """The workload with the proxies that its namespace asks for."""
    added = [proxy for proxy in one.undecided if proxy.mesh in meshes] if meshes else []
    if not added:
        return one
    cpu, memory = sum(proxy.cpu_millis for proxy in added), sum(proxy.memory_bytes for proxy in added)
    service = replace(
        one.service,
        cpu_millis=one.service.cpu_millis + cpu,
        memory_bytes=one.service.memory_bytes + memory,
        other_cpu_millis=one.service.other_cpu_millis + cpu,
        other_memory_bytes=one.service.other_memory_bytes + memory,
        caveat="; ".join(filter(None, (one.service.caveat, *(proxy.words for proxy in added)))),
    )
    return replace(one, service=service)


def _in_words(others: Counter[str]) -> tuple[str, ...]:
    if not others:
        return ()
    total = others.total()
    named = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common())
    return (f"{total:,} object{'s' if total > 1 else ''} of other kinds: {named}",)


def _run_by_rollouts(workloads: Sequence[Workload]) -> list[FleetService]:
    """The services, with the template of a Deployment and the pods of the Rollout where a Rollout refers to it."""
    deployments = {one.service.key: one.service for one in workloads if one.kind == "Deployment"}
    found: list[FleetService] = []
    run: set[tuple[str, str]] = set()
    for one in workloads:
        if one.kind != "Rollout":
            continue
        if one.reference is None:
            same = deployments.get(one.service.key)
            if same is not None and same.replicas > 0:
                found.append(replace(one.service, problem="a Rollout and a Deployment of this name both run pods"))
            else:
                found.append(one.service)
            run.add(one.service.key)
            continue
        kind, name = one.reference
        key = one.service.namespace, name
        template = deployments.get(key) if kind == "Deployment" else None
        if template is None:
            words = f"a Rollout runs it with the template of {kind} {name}, which is not in the inventory"
            found.append(replace(one.service, problem=words, without_template=True))
            continue
        run.add(key)
        found.append(_merged(one.service, template))
    return [
        *(one.service for one in workloads if one.kind == "Deployment" and one.service.key not in run),
        *found,
    ]


def _merged(rollout: FleetService, template: FleetService) -> FleetService:
    made = replace(
        template,
        name=rollout.name,
        replicas=rollout.replicas,
        labels={**template.labels, **rollout.labels},
        pod_labels=template.pod_labels,
        annotations={**template.annotations, **rollout.annotations},
    )
    if template.replicas > 0:
        return replace(
            made, problem=f"a Rollout and its Deployment both run it ({template.replicas} pods of the latter)"
        )
    if rollout.replicas < 1:
        return replace(made, problem="it is scaled to no pods")
    requests = problem_of(rollout.replicas, made.cpu_millis, made.memory_bytes)
    return replace(made, problem=requests if template.problem == "it is scaled to no pods" else template.problem)


def _once(services: Iterable[FleetService]) -> list[FleetService]:
    """Each service once; one given twice with different content is a problem of that service."""
    found: dict[tuple[str, str], FleetService] = {}
    for one in services:
        before = found.setdefault(one.key, one)
        if before != one:
            words = "it is given twice, with different content: give the objects of one cluster at a time"
            found[one.key] = replace(before, problem=words)
    return list(found.values())


def _workload(item: Mapping[str, Any]) -> Workload:
    meta, spec = item["metadata"], item["spec"]
    reference = spec.get("workloadRef")
    target = None
    if isinstance(reference, dict):
        target = str(reference.get("kind") or "Deployment"), str(reference.get("name") or "")
    template = _mapping(spec.get("template"))
    of_pods = _mapping(template.get("metadata"))
    pod = _mapping(template.get("spec"))
    pod_labels, pod_annotations = _texts(of_pods.get("labels")), _texts(of_pods.get("annotations"))
    labels = {**pod_labels, **_texts(meta.get("labels"))}
    annotations = {**pod_annotations, **_texts(meta.get("annotations"))}
    annotations.pop(LAST_APPLIED, None)
    replicas = spec.get("replicas", 1)
    replicas = 1 if replicas is None else replicas
    odd = type(replicas) is not int
    bare = not template and target is None
    requests = requests_of(pod, pod_annotations, pod_labels)
    containers = [
        one
        for key in ("containers", "initContainers")
        for one in (pod[key] if isinstance(pod.get(key), list) else ())
        if isinstance(one, dict)
    ]
    service = FleetService(
        namespace=str(meta.get("namespace") or "default"),
        name=str(meta.get("name") or ""),
        replicas=1 if odd else replicas,
        cpu_millis=requests.cpu_millis,
        memory_bytes=requests.memory_bytes,
        images=tuple(str(one.get("image") or "") for one in containers),
        labels=labels,
        annotations=annotations,
        problem=f"its number of replicas cannot be read: {replicas!r}"
        if odd
        else _problem(replicas, requests, meta, bare),
        other_cpu_millis=requests.other_cpu_millis,
        other_memory_bytes=requests.other_memory_bytes,
        caveat=requests.caveat,
        pod_labels=labels if pod_labels == labels else pod_labels,
        without_template=bare,
    )
    return Workload(item.get("kind"), service, target, requests.undecided)


def _odd_workload(item: Mapping[str, Any], error: Exception) -> Workload:
    meta = _mapping(item.get("metadata"))
    service = FleetService(
        namespace=str(meta.get("namespace") or "default"),
        name=str(meta.get("name") or ""),
        replicas=1,
        cpu_millis=0,
        memory_bytes=0,
        labels=_texts(meta.get("labels")),
        problem=f"it is not as Kubernetes writes it: {error}",
        without_template=True,
    )
    return Workload(item.get("kind"), service)


def _problem(replicas: int, requests: PodRequests, meta: Mapping[str, Any], bare: bool) -> str:
    if not meta.get("name"):
        return "it has no name" + (" (generateName)" if meta.get("generateName") else "")
    if bare:
        return "it has no template of a pod"
    if replicas < 1:
        return "it is scaled to no pods"
    return requests.problem or problem_of(replicas, requests.cpu_millis, requests.memory_bytes)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in _mapping(value).items()}

"""Proxies that a service mesh adds when a pod is created: no template holds them, and the scheduler counts them.

They are counted from the labels and annotations of the template, or of the namespace, with the mesh's own default where no
annotation gives an amount, which is then a caveat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.capacity.nodes.from_cluster import pod_requests


@dataclass(frozen=True)
class Injector:
    """How a mesh injects its proxy. `enabled`: label or annotation of a pod, and its values that ask for it.

    `cpu`, `memory`: the annotations with the requests of the proxy; `defaults`: what the mesh requests without them, empty
    where that is nothing. `container`: name of the proxy. `by_namespace`: whether a namespace can ask for it.
    """

    mesh: str
    enabled: str
    values: tuple[str, ...]
    cpu: str
    memory: str
    defaults: Mapping[str, str]
    container: str
    by_namespace: bool = False


INJECTORS = (
    Injector(
        "istio",
        "sidecar.istio.io/inject",
        ("true",),
        "sidecar.istio.io/proxyCPU",
        "sidecar.istio.io/proxyMemory",
        {"cpu": "100m", "memory": "128Mi"},
        "istio-proxy",
        by_namespace=True,
    ),
    Injector(
        "linkerd",
        "linkerd.io/inject",
        ("enabled", "ingress"),
        "config.linkerd.io/proxy-cpu-request",
        "config.linkerd.io/proxy-memory-request",
        {},
        "linkerd-proxy",
        by_namespace=True,
    ),
    Injector(
        "consul",
        "consul.hashicorp.com/connect-inject",
        ("true",),
        "consul.hashicorp.com/sidecar-proxy-cpu-request",
        "consul.hashicorp.com/sidecar-proxy-memory-request",
        {},
        "consul-dataplane",
    ),
    Injector(
        "dapr",
        "dapr.io/enabled",
        ("true",),
        "dapr.io/sidecar-cpu-request",
        "dapr.io/sidecar-memory-request",
        {},
        "daprd",
    ),
)
PROXIES = frozenset(one.container for one in INJECTORS)


@dataclass(frozen=True)
class Proxy:
    """A proxy of a mesh as a container, what it requests, and in words what is assumed about it.

    `asked_for`: whether the pod asks for it; otherwise it is added where the namespace does.
    """

    mesh: str
    container: Mapping[str, Any]
    cpu_millis: int
    memory_bytes: int
    words: str
    asked_for: bool


def proxies_of(
    containers: Sequence[Mapping[str, Any]], annotations: Mapping[str, str], labels: Mapping[str, str]
) -> list[Proxy]:
    """The proxies that meshes add to a pod with these containers, or may add. Raises ValueError for odd requests of one."""
    present = [one.get("name") for one in containers]
    found = []
    for one in INJECTORS:
        wanted = labels.get(one.enabled, annotations.get(one.enabled, "")).lower()
        given = {
            name: amount for name, key in (("cpu", one.cpu), ("memory", one.memory)) if (amount := annotations.get(key))
        }
        asked_for = bool(given) if not wanted else wanted in one.values
        if one.container not in present and (asked_for or (not wanted and one.by_namespace)):
            found.append(_proxy(one, given, asked_for) if given or asked_for else _UNDECIDED[one.mesh])
    return found


def _proxy(one: Injector, given: Mapping[str, str], asked_for: bool) -> Proxy:
    requests = {**one.defaults, **given}
    assumed = [name for name in ("cpu", "memory") if name not in given]
    shown = ", ".join(f"{name} {requests[name]}" for name in assumed if name in requests)
    if shown:
        words = f"is counted with that mesh's default ({shown})"
    elif assumed:
        words = f"is counted without {' and '.join(assumed)}, which no annotation gives"
    else:
        words = f"is counted (cpu {given['cpu']}, memory {given['memory']})"
    container = {"name": one.container, "resources": {"requests": requests}}
    cpu, memory = pod_requests({"containers": [container]})
    return Proxy(one.mesh, container, cpu, memory, f"its {one.mesh} proxy {words}", asked_for)


_UNDECIDED = {one.mesh: _proxy(one, {}, asked_for=False) for one in INJECTORS if one.by_namespace}


def meshes_of_namespace(labels: Mapping[str, str], annotations: Mapping[str, str]) -> set[str]:
    """The meshes whose proxy a namespace with these labels and annotations asks for, for pods that say nothing of it."""
    found = set()
    istio = labels.get("istio-injection")
    if istio == "enabled" or (istio is None and "istio.io/rev" in labels):
        found.add("istio")
    if annotations.get("linkerd.io/inject") in ("enabled", "ingress"):
        found.add("linkerd")
    return found

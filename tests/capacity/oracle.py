"""The real scheduler as the reference for packings: it gets the nodes as Node objects and the Deployments, and places pods.

The nodes are only objects, without a kubelet, so pods are placed and never start. Every object carries one label, a taint
keeps other pods off the nodes, and the context removes everything at its end, by force.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from toolkit.capacity.deploy.manifests import spreading
from toolkit.capacity.nodes.catalogue import NodeType
from toolkit.capacity.placement.scheduler import Workload

client: Any = importlib.import_module("kubernetes.client")
config: Any = importlib.import_module("kubernetes.config")
watch: Any = importlib.import_module("kubernetes.watch")
"""Untyped: the types of the client ask for its own classes, and plain manifests are easier to read."""

LABEL = "gilfree.test/oracle"
SETTLE_SECONDS = 90.0
STALE_MINUTES = 20
"""An older namespace was left by a run that was killed."""


class Oracle:
    """One namespace and its nodes on the cluster of KUBECONFIG."""

    def __init__(self) -> None:
        api = config.new_client_from_config()
        self._core, self._apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self.id = f"oracle-{secrets.token_hex(3)}"
        self._nodes: dict[str, str] = {}
        self._zones: dict[str, str] = {}
        self._workloads: Sequence[Workload] = ()

    @contextlib.contextmanager
    def placed(
        self,
        nodes: Mapping[str, int] | Sequence[Mapping[str, int]],
        types: Sequence[NodeType],
        workloads: Sequence[Workload],
    ) -> Iterator[int]:
        """Create nodes and Deployments and yield the number of pods that stay pending.

        `nodes`: their number by type, or that of each zone; in zones the Deployments spread as the tool's manifests do.
        """
        zonal = [nodes] if isinstance(nodes, Mapping) else nodes
        known = {one.name: one for one in types}
        self._workloads = workloads
        self._sweep()
        try:
            self._core.create_namespace({"metadata": {"name": self.id, "labels": {LABEL: self.id}}})
            with_daemons = {name for zone in zonal for name in zone if known[name].daemon_pods}
            for index, zone in enumerate(zonal):
                for name, count in zone.items():
                    for number in range(count):
                        label = f"zone-{index}" if len(zonal) > 1 else ""
                        self._create_node(f"{self.id}-{index}-{name}-{number}", known[name], label)
            for one in sorted(with_daemons):
                self._daemons(known[one])
            self._service_account()
            for workload in workloads:
                self._apps.create_namespaced_deployment(self.id, self._deployment(workload, len(zonal)))
            yield self.pending()
        finally:
            self._remove(self.id)

    def pending_without(self, kind: NodeType) -> int:
        """Remove a node of this type and count the pods that stay pending; then add it again and check that all are placed."""
        name = next(node for node, of in self._nodes.items() if of == kind.name)
        zone = self._zones.get(name, "")
        self._delete_node(name)
        left = self.pending()
        self._create_node(name, kind, zone)
        if kind.daemon_pods:
            self._daemon(name, kind)
        again = self.pending(until_placed=True)
        assert again == 0, f"{again} pods pending after {name} was added again"
        return left

    def pending_without_nodes(self, kinds: Mapping[str, int]) -> int:
        """Remove this many nodes of each type, for good, and count the pods that stay pending."""
        for kind, count in kinds.items():
            for name in [node for node, of in self._nodes.items() if of == kind][:count]:
                self._delete_node(name)
        return self.pending()

    def pending_without_zone(self, index: int) -> int:
        """Remove all nodes of a zone, for good, and count the pods that stay pending."""
        for name in [node for node, zone in self._zones.items() if zone == f"zone-{index}"]:
            self._delete_node(name)
        return self.pending()

    def _delete_node(self, name: str) -> None:
        self._core.delete_node(name)
        self._nodes.pop(name)
        self._zones.pop(name, None)
        self._core.delete_collection_namespaced_pod(
            self.id, field_selector=f"spec.nodeName={name}", grace_period_seconds=0
        )

    def pending(self, until_placed: bool = False) -> int:
        """How many pods the scheduler found no node for, once it has decided on every pod."""
        wanted = sum(one.replicas for one in self._workloads)
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = self._core.list_namespaced_pod(self.id, label_selector="app")
            state = {pod.metadata.name: _state(pod) for pod in found.items}
            version = found.metadata.resource_version
            watching = watch.Watch()
            for event in (
                watching.stream(
                    self._core.list_namespaced_pod,
                    self.id,
                    label_selector="app",
                    resource_version=version,
                    timeout_seconds=5,
                )
                if not _settled(state, wanted, until_placed)
                else ()
            ):
                name = event["object"].metadata.name
                if event["type"] == "DELETED":
                    state.pop(name, None)
                else:
                    state[name] = _state(event["object"])
                if _settled(state, wanted, until_placed):
                    watching.stop()
            if _settled(state, wanted, until_placed):
                return sum(one == "pending" for one in state.values())
            assert time.monotonic() < deadline, f"the scheduler has not decided within {SETTLE_SECONDS:.0f} s: {state}"

    def _create_node(self, name: str, kind: NodeType, zone: str) -> None:
        size = {"cpu": f"{kind.cpu_millis}m", "memory": str(kind.memory_bytes), "pods": str(kind.pods)}
        zones = {"topology.kubernetes.io/zone": zone} if zone else {}
        now = dt.datetime.now(dt.UTC).isoformat()
        self._core.create_node(
            {
                "metadata": {"name": name, "labels": {LABEL: self.id, "kubernetes.io/hostname": name, **zones}},
                "spec": {"taints": [{"key": LABEL, "value": self.id, "effect": "NoSchedule"}]},
                "status": {
                    "capacity": size,
                    "allocatable": size,
                    "conditions": [
                        {
                            "type": "Ready",
                            "status": "True",
                            "reason": "Oracle",
                            "message": "an object alone",
                            "lastHeartbeatTime": now,
                            "lastTransitionTime": now,
                        }
                    ],
                },
            }
        )
        self._nodes[name] = kind.name
        if zone:
            self._zones[name] = zone

    def _service_account(self) -> None:
        """Wait for the namespace's service account: pods cannot be created before it exists."""
        watching = watch.Watch()
        for event in watching.stream(self._core.list_namespaced_service_account, self.id, timeout_seconds=30):
            if event["object"].metadata.name == "default":
                watching.stop()

    def _daemons(self, kind: NodeType) -> None:
        for name, of in self._nodes.items():
            if of == kind.name:
                self._daemon(name, kind)

    def _daemon(self, node: str, kind: NodeType) -> None:
        """The requests of all daemonsets on a node: one pod with their sum, already bound."""
        requests = {"cpu": f"{kind.daemon_cpu_millis}m", "memory": str(kind.daemon_memory_bytes)}
        self._core.create_namespaced_pod(
            self.id,
            {
                "metadata": {"generateName": "daemon-", "labels": {"daemon": "yes"}},
                "spec": {
                    "nodeName": node,
                    "automountServiceAccountToken": False,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [{"name": "main", "image": "none.invalid/none", "resources": {"requests": requests}}],
                },
            },
        )

    def _deployment(self, one: Workload, zones: int) -> dict[str, Any]:
        requests = {"cpu": f"{one.cpu_millis}m", "memory": str(one.memory_bytes)}
        return {
            "metadata": {"name": one.name},
            "spec": {
                "replicas": one.replicas,
                "selector": {"matchLabels": {"app": one.name}},
                "template": {
                    "metadata": {"labels": {"app": one.name}},
                    "spec": {
                        "topologySpreadConstraints": [
                            {
                                "topologyKey": key,
                                "maxSkew": skew,
                                "whenUnsatisfiable": "ScheduleAnyway",
                                "labelSelector": {"matchLabels": {"app": one.name}},
                            }
                            for key, skew in spreading(zones).items()
                        ],
                        "nodeSelector": {LABEL: self.id},
                        "tolerations": [{"operator": "Exists"}],
                        "automountServiceAccountToken": False,
                        "containers": [
                            {"name": "main", "image": "none.invalid/none", "resources": {"requests": requests}}
                        ],
                    },
                },
            },
        }

    def _sweep(self) -> None:
        """Remove what a killed run left."""
        before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=STALE_MINUTES)
        for one in self._core.list_namespace(label_selector=LABEL).items:
            if one.metadata.creation_timestamp < before:
                self._remove(one.metadata.name)

    def _remove(self, namespace: str) -> None:
        removals: list[Callable[[], Any]] = [
            lambda: self._apps.delete_collection_namespaced_deployment(namespace, propagation_policy="Background"),
            lambda: self._apps.delete_collection_namespaced_replica_set(namespace, propagation_policy="Background"),
            lambda: self._core.delete_collection_namespaced_pod(namespace, grace_period_seconds=0),
            lambda: self._core.delete_collection_node(label_selector=f"{LABEL}={namespace}"),
            lambda: self._core.delete_namespace(namespace, grace_period_seconds=0),
            lambda: self._core.delete_collection_namespaced_pod(namespace, grace_period_seconds=0),
        ]
        for remove in removals:
            with contextlib.suppress(client.ApiException):
                remove()
        self._nodes.clear()
        self._zones.clear()


def _state(pod: Any) -> str:
    """placed, pending (the scheduler has said so) or new."""
    if pod.metadata.deletion_timestamp is not None:
        return "new"
    if pod.spec.node_name:
        return "placed"
    said = [one for one in pod.status.conditions or [] if one.type == "PodScheduled" and one.status == "False"]
    return "pending" if said and said[0].reason == "Unschedulable" else "new"


def _settled(state: Mapping[str, str], wanted: int, until_placed: bool) -> bool:
    good = ("placed",) if until_placed else ("placed", "pending")
    return len(state) == wanted and all(one in good for one in state.values())

"""A trial as a Kubernetes Job. Pure: it needs neither a cluster nor its library, and gives the same object every time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from toolkit.backends.image_placement import image_placement
from toolkit.backends.kubernetes.labels import trial_annotations, trial_labels
from toolkit.manifests import render
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.model import LoadResources, Scenario, ServerResources
from toolkit.trial.contract import AGENT_DIRECTORY, USER, agent_command
from toolkit.trial.load_argument import load_argument
from toolkit.trial.model import (
    READY_TIMEOUT_SECONDS,
    STOP_GRACE_SECONDS,
    Trial,
    serve_argument,
)

READY_FILE = "/tmp/gilfree-ready"
KEEP_SECONDS = 24 * 3600
"""How long a finished Job stays if nobody removes it, so that its logs can be gathered from another machine."""

PULL_SECONDS = 600
"""Part of the pod's deadline: pulling images, which counts from the pod's start."""

MIN_LOAD_CPUS = 0.9
"""Less than a whole CPU, which would be pinned as well: on two cores nothing would be left for the rest of the node."""


@dataclass(frozen=True)
class Shares:
    """The CPUs and the memory of both containers of a trial's pod. Only a whole number of CPUs can be pinned."""

    server_cpus: float
    server_bytes: int
    load_cpus: float
    load_bytes: int

    @property
    def pinned_cpus(self) -> int | None:
        """How many exclusive CPUs the static CPU manager gives the server; None when its share is a fraction."""
        return int(self.server_cpus) if self.server_cpus == int(self.server_cpus) else None


def container_shares(scenario: Scenario, settings: ClusterSettings, node_cpus: float | None = None) -> Shares:
    """The shares that a trial requests. `settings` win over the scenario's own resources.

    `auto` CPUs of the server: as many as a node of `node_cpus` has alongside the loader, at most as many as the published
    figures were measured with (8 without such figures), and 1 when no node is known. `auto` CPUs of the loader: a quarter
    of the server's, rounded up, less a tenth.
    """
    wanted, load = scenario.resources.server, scenario.resources.load
    server_cpus = settings.server.cpus or (None if wanted.cpus == "auto" else wanted.cpus)
    load_cpus = settings.load.cpus or (None if load.cpus == "auto" else load.cpus)
    if server_cpus is None:
        most = min(scenario.published.server_cpus if scenario.published else 8, int(node_cpus or 0))
        fitting = [n for n in range(1, most + 1) if n + (load_cpus or _load_cpus(n)) <= (node_cpus or 0) + 1e-9]
        server_cpus = float(max(fitting, default=1))
    return Shares(
        server_cpus,
        settings.server.memory_bytes or wanted.memory_bytes,
        load_cpus or _load_cpus(server_cpus),
        settings.load.memory_bytes or load.memory_bytes,
    )


def _load_cpus(server_cpus: float) -> float:
    return max(MIN_LOAD_CPUS, math.ceil(server_cpus / 4) - 0.1)


def with_shares(scenario: Scenario, shares: Shares) -> Scenario:
    """The scenario with the shares that its containers get as its resources: records and checks use these."""
    server = ServerResources(cpus=shares.server_cpus, memory=shares.server_bytes)
    load = LoadResources(cpus=shares.load_cpus, memory=shares.load_bytes)
    return scenario.model_copy(
        update={"resources": scenario.resources.model_copy(update={"server": server, "load": load})}
    )


def deadline_seconds(trial: Trial) -> int:
    """How long a trial's pod may take from its start, including pulling images."""
    validating = 2 * math.ceil(trial.scenario.load.validate_seconds)
    return READY_TIMEOUT_SECONDS + trial.longest_load_seconds + validating + PULL_SECONDS


def render_job(
    trial: Trial,
    load_image: str,
    settings: ClusterSettings,
    shares: Shares,
    *,
    node: str | None = None,
    namespace: str = "default",
    suspend: bool = True,
) -> dict[str, Any]:
    """The Job of one trial.

    load_image: the load generator's; the server's is `trial.arm.runtime`, both by digest. node: the one to bind the pod to
    (None: any). suspend: whether the Job is created suspended, to be released when its node is free.
    """
    scenario = with_shares(trial.scenario, shares)
    trial_with_shares = Trial(
        trial.campaign, scenario, trial.point, trial.block, trial.arm, trial.attempt, trial.windows
    )
    placement = image_placement(watch_stdin=False)
    serve = {**serve_argument(trial_with_shares, placement), "ready_file": READY_FILE, "linger": True}
    labels = {**settings.labels, **trial_labels(trial)}
    if settings.queue:
        labels["kueue.x-k8s.io/queue-name"] = settings.queue
    return render(
        "job",
        {
            "name": trial.id,
            "namespace": namespace,
            "labels": labels,
            "annotations": {**settings.annotations, **trial_annotations(trial)},
            "pod_annotations": {
                **settings.annotations,
                "sidecar.istio.io/inject": "false",
                "karpenter.sh/do-not-disrupt": "true",
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
            # A queue owns `suspend`: then the Job is created only when its node is free.
            "suspend": suspend and not settings.queue,
            "deadline_seconds": deadline_seconds(trial),
            "keep_seconds": KEEP_SECONDS,
            "grace_seconds": STOP_GRACE_SECONDS + 5,
            "service_account": settings.service_account,
            "priority_class": settings.priority_class,
            "runtime_class": settings.runtime_class,
            "image_pull_secrets": [{"name": name} for name in settings.image_pull_secrets],
            "node_selector": settings.node_selector,
            "tolerations": [one.model_dump(exclude_none=True) for one in settings.tolerations],
            "node": node,
            "user": USER,
            "trial": _literal(trial.id),
            "ready_file": READY_FILE,
            "ready_seconds": READY_TIMEOUT_SECONDS + 10,
            "agent_directory": AGENT_DIRECTORY,
            "server_image": trial.arm.runtime,
            "server_command": [_literal(word) for word in agent_command("serve", serve)],
            "server_cpu": _cpu(shares.server_cpus),
            "server_memory": str(shares.server_bytes),
            "load_image": load_image,
            "load_command": [
                _literal(word) for word in agent_command("load", load_argument(trial_with_shares, placement))
            ],
            "load_cpu": _cpu(shares.load_cpus),
            "load_memory": str(shares.load_bytes),
        },
    )


def _cpu(cpus: float) -> str:
    return f"{cpus:.0f}" if cpus == int(cpus) else f"{math.ceil(cpus * 1000 - 1e-6)}m"


def _literal(text: str) -> str:
    """A word of a command, protected from Kubernetes, which replaces `$(NAME)` in it and reads `$$` as `$`."""
    return text.replace("$", "$$")

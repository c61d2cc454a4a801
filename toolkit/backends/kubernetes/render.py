"""A trial as a Kubernetes Job. Pure: it needs no cluster and no library of one, and gives the same object every time."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.manifests import render
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.model import LoadResources, Scenario, ServerResources
from toolkit.trial.contract import AGENT_DIRECTORY, APP_DIRECTORY, OHA, PORT, REWRK, SERVER_PYTHON, USER, agent_command
from toolkit.trial.model import (
    READY_TIMEOUT_SECONDS,
    STOP_GRACE_SECONDS,
    Placement,
    Trial,
    load_argument,
    serve_argument,
)

PREFIX = "gilfree.io"
MANAGED = {"app.kubernetes.io/managed-by": "gilfree"}
TRIAL = {**MANAGED, "app.kubernetes.io/component": "trial"}
READY_FILE = "/tmp/gilfree-ready"
KEEP_SECONDS = 24 * 3600
"""How long a finished Job stays if nobody removes it: time enough to gather its logs from another machine."""

SLACK_SECONDS = 600
"""For pulling images, which the pod's deadline counts too."""

LEAST_LOAD_CPUS = 0.9
"""Not a whole CPU: that would be pinned as well, and on two cores nothing would be left for the rest of the node."""


@dataclass(frozen=True)
class Shares:
    """What both containers get: CPUs (of which whole ones can be pinned) and bytes of memory."""

    server_cpus: float
    server_bytes: int
    load_cpus: float
    load_bytes: int

    @property
    def pinned_cpus(self) -> int | None:
        """How many CPUs of its own the server is to have under the static CPU manager; None for a fraction."""
        return int(self.server_cpus) if self.server_cpus == int(self.server_cpus) else None


def container_shares(scenario: Scenario, settings: ClusterSettings, node_cpus: float | None = None) -> Shares:
    """What is asked of a node. `auto` server CPUs: as many as a node of `node_cpus` has beside the loader, at most as many
    as were published with; 1 when no node is known. `auto` loader CPUs: a quarter of the server's, less a tenth."""
    wanted, load = scenario.resources.server, scenario.resources.load
    server_cpus = settings.server.cpus or (None if wanted.cpus == "auto" else wanted.cpus)
    load_cpus = settings.load.cpus or (None if load.cpus == "auto" else load.cpus)
    if server_cpus is None:
        most = scenario.published.server_cpus if scenario.published else 8
        fitting = [n for n in range(1, most + 1) if n + (load_cpus or _load_cpus(n)) <= (node_cpus or 0) + 1e-9]
        server_cpus = float(max(fitting, default=1))
    return Shares(
        server_cpus,
        settings.server.memory_bytes or wanted.memory_bytes,
        load_cpus or _load_cpus(server_cpus),
        settings.load.memory_bytes or load.memory_bytes,
    )


def _load_cpus(server_cpus: float) -> float:
    return max(LEAST_LOAD_CPUS, math.ceil(server_cpus / 4) - 0.1)


def sized(scenario: Scenario, found: Shares) -> Scenario:
    """The scenario with the shares that its containers get, which records and checks are to go by."""
    server = ServerResources(cpus=found.server_cpus, memory=found.server_bytes)
    load = LoadResources(cpus=found.load_cpus, memory=found.load_bytes)
    return scenario.model_copy(
        update={"resources": scenario.resources.model_copy(update={"server": server, "load": load})}
    )


def placement() -> Placement:
    """Where things are inside the pod; a container's cpuset and limits confine them."""
    return Placement(
        python=SERVER_PYTHON,
        app_directory=APP_DIRECTORY,
        agent_directory=AGENT_DIRECTORY,
        rewrk=REWRK,
        host="127.0.0.1",
        port=PORT,
        server_cpus=None,
        load_cpus=None,
        memory_watchdog=False,
        watch_stdin=False,
        oha=OHA,
    )


def deadline_seconds(trial: Trial) -> int:
    """How long a trial's pod may take from its start, pulling included."""
    validating = 2 * math.ceil(trial.scenario.load.validate_seconds)
    return READY_TIMEOUT_SECONDS + trial.longest_load_seconds + validating + SLACK_SECONDS


def render_job(
    trial: Trial,
    load_image: str,
    settings: ClusterSettings,
    found: Shares,
    *,
    node: str | None = None,
    namespace: str = "default",
    suspend: bool = True,
) -> dict[str, Any]:
    """The Job of one trial. `trial.arm.runtime` is the server's image; images are by digest."""
    scenario = sized(trial.scenario, found)
    sized_trial = Trial(trial.campaign, scenario, trial.point, trial.block, trial.arm, trial.attempt, trial.windows)
    serve = {**serve_argument(sized_trial, placement()), "ready_file": READY_FILE, "linger": True}
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
            "server_cpu": _cpu(found.server_cpus),
            "server_memory": str(found.server_bytes),
            "load_image": load_image,
            "load_command": [_literal(word) for word in agent_command("load", load_argument(sized_trial, placement()))],
            "load_cpu": _cpu(found.load_cpus),
            "load_memory": str(found.load_bytes),
        },
    )


def trial_labels(trial: Trial) -> Mapping[str, str]:
    """What a trial's objects are found by; values are cut to what a label may hold."""
    return {
        **TRIAL,
        f"{PREFIX}/campaign": label_value(trial.campaign),
        f"{PREFIX}/scenario": label_value(trial.scenario.name),
        f"{PREFIX}/point": label_value(trial.point.key),
        f"{PREFIX}/arm": label_value(trial.arm.name),
        f"{PREFIX}/block": str(trial.block),
        f"{PREFIX}/attempt": str(trial.attempt),
    }


def trial_annotations(trial: Trial) -> Mapping[str, str]:
    """The same in full, for whoever gathers trials from the cluster alone."""
    return {
        f"{PREFIX}/campaign": trial.campaign,
        f"{PREFIX}/point": trial.point.key,
        f"{PREFIX}/arm": trial.arm.name,
        f"{PREFIX}/image": trial.arm.runtime,
        **({f"{PREFIX}/windows": json.dumps([asdict(window) for window in trial.windows])} if trial.windows else {}),
    }


def label_value(text: str) -> str:
    """`text` as a label's value; what does not fit in is replaced by a hash, so that different texts stay different."""
    if re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", text):
        return text
    plain = re.sub(r"[^-A-Za-z0-9_.]", "-", text)[:40].strip("-_.") or "x"
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _cpu(cpus: float) -> str:
    return f"{cpus:.0f}" if cpus == int(cpus) else f"{math.ceil(cpus * 1000 - 1e-6)}m"


def _literal(text: str) -> str:
    """A word of a command as it is: Kubernetes would replace `$(NAME)` in it, and takes `$$` for `$`."""
    return text.replace("$", "$$")

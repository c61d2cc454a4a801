"""One short pod for each image to be served: whether it can be pulled, which interpreter and packages it holds, and
whether the apps in it can be imported.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import Cluster, Object
from toolkit.backends.kubernetes.labels import PROBE
from toolkit.backends.kubernetes.logs import log_path
from toolkit.errors import GilfreeError
from toolkit.images.image_app import ProbedApp, app_probe_command, check_image_apps
from toolkit.images.image_python import ImagePython, image_python_command, parse_image_python
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.contract import AGENT_DIRECTORY, USER

PROBE_SECONDS = 300
"""How long a probe pod may take, including pulling its image for the first time."""

POLL_SECONDS = 0.3
MEMORY_BYTES = 128 << 20
"""What a probe's container requests."""


def probe_images(
    cluster: Cluster,
    images: Sequence[str],
    settings: ClusterSettings,
    node: str,
    apps: Sequence[ProbedApp] = (),
    memory_bytes: int = MEMORY_BYTES,
) -> list[ImagePython]:
    """The interpreter and the packages of each image, in their order; `apps` are imported in each.

    memory_bytes: the limit for importing the apps, that of their servers.
    Raises GilfreeError with the cluster's own message when an image cannot be pulled or run, and for an app that cannot be
    served.
    """
    names = [_pod_name(image) for image in images]
    try:
        for name, image in zip(names, images, strict=True):
            cluster.create(cluster.path("pods"), _probe_pod(name, image, settings, node, apps, memory_bytes))
        return [_wait_for_answer(cluster, name, image, apps) for name, image in zip(names, images, strict=True)]
    finally:
        for name in names:
            cluster.delete(cluster.path("pods", name), grace_seconds=0)


def _wait_for_answer(cluster: Cluster, name: str, image: str, apps: Sequence[ProbedApp]) -> ImagePython:
    deadline = time.monotonic() + PROBE_SECONDS
    while True:
        pod = cluster.get(cluster.path("pods", name))
        problem = None if pod_state.has_ended(pod) else pod_state.fatal_problem(pod, datetime.now(UTC))
        if problem is not None or time.monotonic() > deadline:
            events = pod_state.event_lines(jobs.list_events(cluster, [name]))
            reason = problem.detail if problem else f"its pod had not ended after {PROBE_SECONDS} s"
            raise GilfreeError(
                f"{image} cannot be run there: {reason}. {' | '.join(events[-3:])}",
                "is it pushed where the cluster can pull it from? gilfree images build --push --registry HOST[/PREFIX];"
                " `cluster: {imagePullSecrets: [NAME]}` for a registry that needs a login",
            )
        if pod_state.has_ended(pod):
            output = cluster.text(log_path(cluster, name), container="probe")
            found = parse_image_python(output, image, output[-300:])
            if apps:
                check_image_apps(cluster.text(log_path(cluster, name), container="app"), apps, image)
            return found
        if cluster.stopping.wait(POLL_SECONDS):
            raise GilfreeError("interrupted")


def _pod_name(image: str) -> str:
    return f"gilfree-probe-{hashlib.sha256(f'{image} {time.time_ns()}'.encode()).hexdigest()[:12]}"


def _probe_pod(
    name: str, image: str, settings: ClusterSettings, node: str, apps: Sequence[ProbedApp], memory_bytes: int
) -> Object:
    containers = [_container("probe", image, image_python_command(), "100m", MEMORY_BYTES)]
    if apps:
        containers.append(_container("app", image, app_probe_command(apps), "1", memory_bytes))
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "nodeName": node,
        "activeDeadlineSeconds": PROBE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": secret} for secret in settings.image_pull_secrets],
        "tolerations": [one.model_dump(exclude_none=True) for one in settings.tolerations],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    if settings.service_account:
        spec["serviceAccountName"] = settings.service_account
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": PROBE}, "spec": spec}


def _container(name: str, image: str, command: Sequence[str], cpu: str, memory_bytes: int) -> Object:
    return {
        "name": name,
        "image": image,
        "command": [word.replace("$", "$$") for word in command],
        "workingDir": AGENT_DIRECTORY,
        "resources": {
            "requests": {"cpu": "100m", "memory": str(MEMORY_BYTES)},
            "limits": {"cpu": cpu, "memory": str(memory_bytes)},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }

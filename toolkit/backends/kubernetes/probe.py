"""One short pod for each image to be served: whether it can be pulled, and which interpreter and packages it holds."""

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
from toolkit.images.image_python import ImagePython, image_python_command, parse_image_python
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.contract import AGENT_DIRECTORY, USER

PROBE_SECONDS = 300
"""How long a probe pod may take, including pulling its image for the first time."""

POLL_SECONDS = 0.3


def probe_images(cluster: Cluster, images: Sequence[str], settings: ClusterSettings, node: str) -> list[ImagePython]:
    """The interpreter and the packages of each image, in their order.

    Raises GilfreeError with the cluster's own message when an image cannot be pulled or run.
    """
    names = [_pod_name(image) for image in images]
    try:
        for name, image in zip(names, images, strict=True):
            cluster.create(cluster.path("pods"), _probe_pod(name, image, settings, node))
        return [_wait_for_answer(cluster, name, image) for name, image in zip(names, images, strict=True)]
    finally:
        for name in names:
            cluster.delete(cluster.path("pods", name), grace_seconds=0)


def _wait_for_answer(cluster: Cluster, name: str, image: str) -> ImagePython:
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
            return parse_image_python(output, image, output[-300:])
        if cluster.stopping.wait(POLL_SECONDS):
            raise GilfreeError("interrupted")


def _pod_name(image: str) -> str:
    return f"gilfree-probe-{hashlib.sha256(f'{image} {time.time_ns()}'.encode()).hexdigest()[:12]}"


def _probe_pod(name: str, image: str, settings: ClusterSettings, node: str) -> Object:
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
        "containers": [
            {
                "name": "probe",
                "image": image,
                "command": [word.replace("$", "$$") for word in image_python_command()],
                "workingDir": AGENT_DIRECTORY,
                "resources": {part: {"cpu": "100m", "memory": "128Mi"} for part in ("requests", "limits")},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    if settings.service_account:
        spec["serviceAccountName"] = settings.service_account
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": PROBE}, "spec": spec}

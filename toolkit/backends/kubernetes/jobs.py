"""Jobs of trials: made once, taken over when they are there already, released, and removed by label."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any

from toolkit.backends.kubernetes.client import ApiError, Cluster, Object
from toolkit.backends.kubernetes.render import MANAGED, PREFIX, Shares, label_value, render_job
from toolkit.backends.kubernetes.watch import PodWatch
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.model import Trial

GONE_SECONDS = 60


def jobs_path(cluster: Cluster, name: str = "") -> str:
    """Where the API has Jobs."""
    return f"/apis/batch/v1/namespaces/{cluster.namespace}/jobs{'/' + name if name else ''}"


def ensure(
    cluster: Cluster,
    trial: Trial,
    load_image: str,
    settings: ClusterSettings,
    found: Shares,
    node: str,
    watch: PodWatch,
) -> None:
    """The trial's Job is there, bound to `node`: that of an earlier run if it fits, else a new one."""
    wanted = render_job(trial, load_image, settings, found, node=node, namespace=cluster.namespace)
    existing = find(cluster, trial.id)
    if existing is not None:
        if (
            bound_node(existing) == node
            and _same(existing, wanted)
            and (not is_finished(existing) or watch.pods_of_job(trial.id))
        ):
            return
        cluster.delete(jobs_path(cluster, trial.id))
        _wait_gone(cluster, trial.id, watch)
    cluster.create(jobs_path(cluster), wanted)


def find(cluster: Cluster, name: str) -> Object | None:
    """A Job, or None."""
    try:
        return cluster.get(jobs_path(cluster, name))
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def release(cluster: Cluster, trial: Trial, settings: ClusterSettings) -> None:
    """Let the Job run. One under a queue is released by its queue, and never by us."""
    if not settings.queue:
        cluster.patch(jobs_path(cluster, trial.id), {"spec": {"suspend": False}})


def bound_node(job: Object) -> str | None:
    """The node that a Job is bound to. Pure."""
    affinity = job["spec"]["template"]["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", ())
    for term in terms:
        for field in term.get("matchFields", ()):
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return None


def is_finished(job: Object) -> bool:
    """Whether a Job has completed or failed. Pure."""
    conditions = job.get("status", {}).get("conditions") or ()
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


def _same(job: Object, wanted: Object) -> bool:
    """Whether a Job's containers run what they should; defaults that the server adds are no difference. Pure."""

    def words(one: Object) -> list[Any]:
        spec = one["spec"]["template"]["spec"]
        return [
            (container["image"], container["command"], container["resources"])
            for container in [*spec["initContainers"], *spec["containers"]]
        ]

    return words(job) == words(wanted)


def _wait_gone(cluster: Cluster, name: str, watch: PodWatch) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    there = True
    while there:
        if time.monotonic() > deadline:
            raise GilfreeError(f"Job {name} of an earlier run does not go away", f"kubectl delete job {name}")
        watch.wait_for(lambda: not any(not pod.get("gilfree_deleted") for pod in watch.pods_of_job(name)), 1.0)
        there = find(cluster, name) is not None
        if there:
            cluster.stopping.wait(0.2)
    watch.forget(name)


def store_description(cluster: Cluster, campaign: str, text: str) -> None:
    """Keep campaign.json as a ConfigMap beside the Jobs, for whoever gathers them; an older one is replaced."""
    path = f"/api/v1/namespaces/{cluster.namespace}/configmaps"
    labels = {**MANAGED, "app.kubernetes.io/component": "campaign", f"{PREFIX}/campaign": label_value(campaign)}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(campaign),
            "labels": labels,
            "annotations": {f"{PREFIX}/campaign": campaign},
        },
        "data": {"campaign.json": text},
    }
    cluster.delete(f"{path}/{config_map_name(campaign)}")
    cluster.create(path, body)


def has_description(cluster: Cluster, campaign: str) -> bool:
    """Whether the campaign's description is there still: `gilfree cluster cancel` removes it."""
    try:
        cluster.get(f"/api/v1/namespaces/{cluster.namespace}/configmaps/{config_map_name(campaign)}")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True


def config_map_name(campaign: str) -> str:
    """The ConfigMap's name, a hash in it where the campaign's own cannot be one. Pure."""
    if re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,98}[a-z0-9])?", campaign):
        return f"gilfree-{campaign}"
    return f"gilfree-{hashlib.sha256(campaign.encode()).hexdigest()[:24]}"


def remove_campaign(cluster: Cluster, campaign: str) -> None:
    """Remove every Job, pod and ConfigMap of a campaign."""
    selector = ",".join(
        f"{key}={value}" for key, value in {**MANAGED, f"{PREFIX}/campaign": label_value(campaign)}.items()
    )
    cluster.delete(jobs_path(cluster), selector)
    cluster.delete(f"/api/v1/namespaces/{cluster.namespace}/configmaps", selector)


def list_events(cluster: Cluster, names: list[str]) -> list[Object]:
    """Events about a Job and its pods; empty when they cannot be had."""
    found: list[Object] = []
    for name in names:
        try:
            listed = cluster.list(
                f"/api/v1/namespaces/{cluster.namespace}/events", fieldSelector=f"involvedObject.name={name}"
            )
        except ApiError:
            continue
        found += listed.get("items", ())
    return found

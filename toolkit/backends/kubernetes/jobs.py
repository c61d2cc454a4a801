"""The Jobs of trials and the descriptions of campaigns in a cluster: created, adopted, released, listed and removed."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any

from toolkit.backends.kubernetes.client import ApiError, Cluster, Object
from toolkit.backends.kubernetes.labels import CAMPAIGN, CAMPAIGN_KEY, campaign_labels, label_selector
from toolkit.backends.kubernetes.render import Shares, render_job
from toolkit.backends.kubernetes.watch import PodWatch, is_deleted
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.model import Trial

REMOVAL_SECONDS = 60


def jobs_path(cluster: Cluster, name: str = "") -> str:
    """The API's path of the namespace's Jobs, or of one of them."""
    return cluster.path("jobs", name, api="/apis/batch/v1")


def ensure(
    cluster: Cluster,
    trial: Trial,
    load_image: str,
    settings: ClusterSettings,
    shares: Shares,
    node: str,
    watch: PodWatch,
) -> None:
    """Make sure that the trial's Job exists, bound to `node`.

    An earlier run's Job is adopted when it runs the same containers on that node and its pod still exists or is yet to
    come; otherwise it is replaced. Raises GilfreeError when it cannot be removed.
    """
    wanted = render_job(trial, load_image, settings, shares, node=node, namespace=cluster.namespace)
    existing = find(cluster, trial.id)
    if existing is not None:
        if (
            bound_node(existing) == node
            and _same_containers(existing, wanted)
            and (not is_finished(existing) or watch.pods_of_job(trial.id))
        ):
            return
        cluster.delete(jobs_path(cluster, trial.id))
        _wait_until_removed(cluster, trial.id, watch)
    cluster.create(jobs_path(cluster), wanted)


def find(cluster: Cluster, name: str) -> Object | None:
    """The Job of that name, or None."""
    try:
        return cluster.get(jobs_path(cluster, name))
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def release(cluster: Cluster, trial: Trial, settings: ClusterSettings) -> None:
    """Let the Job run. A Job under a queue is left alone: its queue releases it."""
    if not settings.queue:
        cluster.patch(jobs_path(cluster, trial.id), {"spec": {"suspend": False}})


def bound_node(job: Object) -> str | None:
    """The node that a Job is bound to, or None. Pure."""
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


def _same_containers(job: Object, wanted: Object) -> bool:
    """Whether a Job's containers have the wanted image, command and resources; the server's defaults do not count. Pure."""

    def containers(one: Object) -> list[Any]:
        spec = one["spec"]["template"]["spec"]
        return [
            (container["image"], container["command"], container["resources"])
            for container in [*spec["initContainers"], *spec["containers"]]
        ]

    return containers(job) == containers(wanted)


def _wait_until_removed(cluster: Cluster, name: str, watch: PodWatch) -> None:
    deadline = time.monotonic() + REMOVAL_SECONDS
    exists = True
    while exists:
        if time.monotonic() > deadline:
            raise GilfreeError(
                f"Job {name} of an earlier run is still there {REMOVAL_SECONDS} s after it was deleted",
                f"kubectl delete job {name}",
            )
        watch.wait_for(lambda: all(is_deleted(pod) for pod in watch.pods_of_job(name)), 1.0)
        exists = find(cluster, name) is not None
        if exists:
            cluster.stopping.wait(0.2)
    watch.forget(name)


def store_description(cluster: Cluster, campaign: str, text: str) -> None:
    """Keep the text of campaign.json in a ConfigMap, from which the campaign can be gathered; an older one is replaced."""
    path = cluster.path("configmaps")
    labels = {**CAMPAIGN, **campaign_labels(campaign)}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(campaign),
            "labels": labels,
            "annotations": {CAMPAIGN_KEY: campaign},
        },
        "data": {"campaign.json": text},
    }
    cluster.delete(f"{path}/{config_map_name(campaign)}")
    cluster.create(path, body)


def has_description(cluster: Cluster, campaign: str) -> bool:
    """Whether the campaign's description still exists: `gilfree cluster cancel` removes it."""
    try:
        cluster.get(cluster.path("configmaps", config_map_name(campaign)))
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True


def config_map_name(campaign: str) -> str:
    """The name of a campaign's ConfigMap, with a hash when the campaign's own name cannot be part of it. Pure."""
    if re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,98}[a-z0-9])?", campaign):
        return f"gilfree-{campaign}"
    return f"gilfree-{hashlib.sha256(campaign.encode()).hexdigest()[:24]}"


def remove_campaign(cluster: Cluster, campaign: str) -> None:
    """Remove every Job, pod and ConfigMap of a campaign."""
    selector = label_selector(campaign_labels(campaign))
    cluster.delete(jobs_path(cluster), selector)
    cluster.delete(cluster.path("configmaps"), selector)


def list_events(cluster: Cluster, names: list[str]) -> list[Object]:
    """The events about objects of these names; those that may not be listed are omitted."""
    found: list[Object] = []
    for name in names:
        try:
            listed = cluster.list(cluster.path("events"), fieldSelector=f"involvedObject.name={name}")
        except ApiError:
            continue
        found += listed.get("items", ())
    return found

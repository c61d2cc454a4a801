"""The questions to a cluster whose answers preflight.py decides on. Nothing is created: objects go with `dryRun=All`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.backends.kubernetes.admission import admission_changes
from toolkit.backends.kubernetes.client import ApiError, Cluster, Unreachable
from toolkit.backends.kubernetes.jobs import jobs_path
from toolkit.backends.kubernetes.preflight import (
    PERMISSIONS,
    Permission,
    PreflightResult,
    check_cpu_manager,
    check_limit_ranges,
    check_permissions,
    check_quotas,
    check_server_version,
)
from toolkit.errors import GilfreeError

Object = dict[str, Any]


def check_access(cluster: Cluster) -> list[PreflightResult]:
    """Whether the cluster is new enough and the user has the needed rights; checked before anything else.

    Raises GilfreeError when the API server does not answer.
    """
    return [
        check_server_version(_server_version(cluster)),
        *check_permissions(_access_reviews(cluster), cluster.namespace),
    ]


def check_trials(
    cluster: Cluster, job: Mapping[str, Any], nodes: Sequence[str], *, pinned: bool, required: bool
) -> list[PreflightResult]:
    """The results for a campaign whose trials are Jobs like `job`, one at a time on each of `nodes`.

    pinned: whether servers are to have exclusive CPUs; required: whether trials without them are rejected.
    """
    pod = pod_of_job(job)
    found = [*_dry_run(cluster, "jobs", jobs_path(cluster), dict(job))]
    if any(one.state == "blocking" for one in found):
        return found
    found += check_quotas(_readable_items(cluster, "resourcequotas"), pod, len(nodes))
    found += check_limit_ranges(_readable_items(cluster, "limitranges"), pod)
    if not any(one.state == "blocking" for one in found):
        found += _dry_run(cluster, "pods", cluster.path("pods"), pod)
    if pinned:
        found += check_cpu_manager({name: _kubelet_policy(cluster, name) for name in nodes}, required=required)
    return found


def pod_of_job(job: Mapping[str, Any]) -> Object:
    """The pod that a Job would create, for a dry run of its admission."""
    template = job["spec"]["template"]
    name = str(job["metadata"]["name"])
    metadata = {**template.get("metadata", {}), "name": name, "namespace": job["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _server_version(cluster: Cluster) -> Object:
    """Not retried: a user is waiting at the terminal."""
    try:
        return cluster.get_once("/version")
    except Unreachable as error:
        raise GilfreeError(error.message, "see `kubectl cluster-info`; CONTEXT=NAME takes another cluster") from None


def _access_reviews(cluster: Cluster) -> dict[Permission, bool]:
    found = {}
    for one in PERMISSIONS:
        attributes = {"verb": one.verb, "resource": one.resource, "group": one.group, "subresource": one.subresource}
        if one.namespaced:
            attributes["namespace"] = cluster.namespace
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        found[one] = bool(answer.get("status", {}).get("allowed"))
    return found


def _dry_run(cluster: Cluster, resource: str, path: str, body: Object) -> Iterator[PreflightResult]:
    """Create an object in a server-side dry run: whether the server refuses it, and how admission changes it."""
    try:
        kept = cluster.create(path, body, dryRun="All", fieldValidation="Strict")
    except ApiError as error:
        if error.status == 404:
            yield PreflightResult(
                "namespace",
                "blocking",
                f"there is no namespace {cluster.namespace} (context {cluster.context})",
                f"kubectl create namespace {cluster.namespace}, or take another NAMESPACE",
            )
        elif error.reason != "AlreadyExists":
            yield PreflightResult(
                "dry run", "blocking", error.message, error.remedy or "change what it names, by `cluster:`"
            )
        return
    changes = admission_changes(body, kept)
    if changes:
        yield PreflightResult("dry run", "unknown", f"admission changes {resource}: " + "; ".join(changes[:10]))
    else:
        yield PreflightResult("dry run", "passed", f"{resource} are accepted unchanged")


def _readable_items(cluster: Cluster, resource: str) -> list[Object]:
    """The objects of a kind; none when they may not be listed, which is among the results of `check_access`."""
    try:
        found: list[Object] = cluster.list(cluster.path(resource)).get("items") or []
    except ApiError as error:
        if error.status != 403:
            raise
        return []
    return found


def _kubelet_policy(cluster: Cluster, node: str) -> str | None:
    """The kubelet's CPU manager policy; None when it may not be read or the kubelet does not answer."""
    try:
        config = cluster.get_once(f"/api/v1/nodes/{node}/proxy/configz")
    except GilfreeError:
        return None
    return str((config.get("kubeletconfig") or {}).get("cpuManagerPolicy") or "none")

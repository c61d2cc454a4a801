"""The campaigns in a cluster: their descriptions, their Jobs, and the state of each. `status` and `gather` show them.

Everything comes from the cluster, so every machine with the same rights gets the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import Cluster, Object
from toolkit.backends.kubernetes.labels import (
    ARM_KEY,
    ATTEMPT_KEY,
    BLOCK_KEY,
    CAMPAIGN,
    POINT_KEY,
    TRIAL,
    WINDOWS_KEY,
    campaign_labels,
    job_name,
    label_selector,
)
from toolkit.errors import GilfreeError
from toolkit.scenario.loading import recorded_scenario
from toolkit.trial.model import Arm, Trial, Window

PAGE_JOBS = 100
"""A Job's object holds whole commands: a few hundred in one answer would be megabytes."""


@dataclass(frozen=True)
class JobState:
    """The state of one trial's Job: waiting (for its node), starting, running, done or failed. detail: why, in words."""

    name: str
    block: int
    point: str
    arm: str
    attempt: int
    state: str
    node: str
    detail: str

    def data(self) -> dict[str, Any]:
        """As --json prints it."""
        return asdict(self)


def list_descriptions(cluster: Cluster) -> list[dict[str, Any]]:
    """campaign.json of every campaign in the namespace, newest first."""
    found = cluster.list(cluster.path("configmaps"), label_selector(CAMPAIGN)).get("items") or []
    found.sort(key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True)
    return [json.loads(one["data"]["campaign.json"]) for one in found]


def find_descriptions(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """campaign.json of the campaign of that name, or of all campaigns of the run of that name.

    Raises GilfreeError naming the campaigns in the namespace when there is none of that name.
    """
    known = list_descriptions(cluster)
    found = [one for one in known if name in (one["name"], one.get("run"))]
    if not found:
        names = ", ".join(str(one["name"]) for one in known) or "none"
        raise GilfreeError(
            f"there is no campaign {name!r} in namespace {cluster.namespace} of context {cluster.context}",
            f"there are: {names}; --namespace and --context look elsewhere",
        )
    return found


def list_jobs(cluster: Cluster, campaign: str) -> Iterator[Object]:
    """A campaign's Jobs, read a page at a time."""
    selector = label_selector({**TRIAL, **campaign_labels(campaign)})
    more = ""
    while True:
        position = {"continue": more} if more else {}
        page = cluster.list(jobs.jobs_path(cluster), selector, limit=PAGE_JOBS, **position)
        yield from page.get("items") or []
        more = page["metadata"].get("continue") or ""
        if not more:
            return


def list_pods(cluster: Cluster, campaign: str) -> dict[str, list[Object]]:
    """A campaign's pods by the name of their Job."""
    selector = label_selector({**TRIAL, **campaign_labels(campaign)})
    found: dict[str, list[Object]] = {}
    for pod in cluster.list(cluster.path("pods"), selector).get("items") or []:
        found.setdefault(job_name(pod), []).append(pod)
    return found


def job_state(job: Object, pods: Sequence[Mapping[str, Any]]) -> JobState:
    """The state of a Job, given its pods, oldest first. Pure."""
    labels, annotations = job["metadata"]["labels"], job["metadata"].get("annotations") or {}
    status = job.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or [] if one["status"] == "True"}
    pod: Mapping[str, Any] = pods[-1] if pods else {}
    node = str((pod.get("spec") or {}).get("nodeName") or jobs.bound_node(job) or "")
    state, detail = "starting", _pending_reason(pod)
    if "Complete" in conditions:
        state, detail = "done", ""
    elif "Failed" in conditions:
        problem = pod_state.final_problem(pod) if pod else None
        state, detail = "failed", problem.detail if problem else str(conditions["Failed"].get("message", ""))
    elif job["spec"].get("suspend"):
        state, detail = "waiting", "for its node"
    elif pod and pod_state.has_ended(pod):
        # The controller says so of the Job only a while after the pod has ended, and the pod is what is read.
        problem = pod_state.final_problem(pod)
        succeeded = pod["status"]["phase"] == "Succeeded"
        state, detail = ("done", "") if succeeded else ("failed", problem.detail if problem else "")
    elif pod and pod_state.has_started(pod, pod_state.LOAD):
        state, detail = "running", ""
    return JobState(
        str(job["metadata"]["name"]),
        int(labels[BLOCK_KEY]),
        str(annotations[POINT_KEY]),
        str(annotations[ARM_KEY]),
        int(labels[ATTEMPT_KEY]),
        state,
        node,
        detail,
    )


def _pending_reason(pod: Mapping[str, Any]) -> str:
    for one in (pod.get("status") or {}).get("conditions") or []:
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return str(one.get("message", ""))
    reasons = [
        (one.get("state", {}).get("waiting") or {}).get("reason") for one in pod_state.container_statuses(pod).values()
    ]
    return ", ".join(dict.fromkeys(reason for reason in reasons if reason and reason != "PodInitializing"))


def trial_of(job: Object, description: Mapping[str, Any]) -> Trial:
    """The trial that a Job runs, from its labels and annotations and the campaign's description. Pure.

    Raises GilfreeError for a Job whose arm or point the campaign does not have.
    """
    scenario = recorded_scenario(description["scenario"])
    labels, annotations = job["metadata"]["labels"], job["metadata"].get("annotations") or {}
    arms = {arm["name"]: Arm(**arm) for arm in description["arms"]}
    points = {one.key: one for one in scenario.points()}
    arm, point = annotations.get(ARM_KEY), annotations.get(POINT_KEY)
    if arm not in arms or point not in points:
        raise GilfreeError(
            f"Job {job['metadata']['name']} has arm {arm} and point {point}, which its campaign does not have",
            "was it made by another gilfree? `gilfree cluster cancel` removes it",
        )
    windows = tuple(Window(**one) for one in json.loads(annotations.get(WINDOWS_KEY, "[]")))
    block, attempt = int(labels[BLOCK_KEY]), int(labels[ATTEMPT_KEY])
    return Trial(str(description["name"]), scenario, points[point], block, arms[arm], attempt, windows)

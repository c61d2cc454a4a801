"""What the cluster itself knows of campaigns: their descriptions, Jobs and how these stand. For `status` and `gather`.

Nothing but the cluster is asked, so any machine with the same rights sees the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import Cluster, Object
from toolkit.backends.kubernetes.render import MANAGED, PREFIX, TRIAL, label_value
from toolkit.errors import GilfreeError
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial, Window

CAMPAIGN = {**MANAGED, "app.kubernetes.io/component": "campaign"}
PAGE = 100
"""A Job's object holds whole commands: a few hundred in one answer would be megabytes."""


@dataclass(frozen=True)
class JobState:
    """One trial's Job as it stands. state: waiting (for its node), starting, running, done or failed."""

    name: str
    block: int
    point: str
    arm: str
    attempt: int
    state: str
    node: str
    detail: str

    def data(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


def list_descriptions(cluster: Cluster) -> list[dict[str, Any]]:
    """campaign.json of every campaign that is kept in the namespace, newest first."""
    path = f"/api/v1/namespaces/{cluster.namespace}/configmaps"
    found = cluster.list(path, label_selector(CAMPAIGN)).get("items") or []
    found.sort(key=lambda one: str(one["metadata"].get("creationTimestamp")), reverse=True)
    return [json.loads(one["data"]["campaign.json"]) for one in found]


def find_descriptions(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """The campaign of that name, or all of the run of that name. Raises GilfreeError naming those that there are."""
    known = list_descriptions(cluster)
    found = [one for one in known if name in (one["name"], one.get("run"))]
    if not found:
        there = ", ".join(str(one["name"]) for one in known) or "none"
        raise GilfreeError(
            f"there is no campaign {name!r} in namespace {cluster.namespace} of context {cluster.context}",
            f"there are: {there}; --namespace and --context take others",
        )
    return found


def list_jobs(cluster: Cluster, campaign: str) -> Iterator[Object]:
    """A campaign's Jobs, a page at a time."""
    more = ""
    while True:
        going_on = {"continue": more} if more else {}
        selector = label_selector({**TRIAL, f"{PREFIX}/campaign": label_value(campaign)})
        page = cluster.list(jobs.jobs_path(cluster), selector, limit=PAGE, **going_on)
        yield from page.get("items") or []
        more = page["metadata"].get("continue") or ""
        if not more:
            return


def list_pods(cluster: Cluster, campaign: str) -> dict[str, list[Object]]:
    """A campaign's pods by their Job's name."""
    selector = label_selector({**TRIAL, f"{PREFIX}/campaign": label_value(campaign)})
    found: dict[str, list[Object]] = {}
    for pod in cluster.list(f"/api/v1/namespaces/{cluster.namespace}/pods", selector).get("items") or []:
        found.setdefault(str(pod["metadata"]["labels"].get("batch.kubernetes.io/job-name")), []).append(pod)
    return found


def job_state(job: Object, pods: Sequence[Mapping[str, Any]]) -> JobState:
    """How a Job stands. Pure."""
    labels, annotations = job["metadata"]["labels"], job["metadata"].get("annotations") or {}
    status = job.get("status") or {}
    ended = {one["type"]: one for one in status.get("conditions") or [] if one["status"] == "True"}
    pod: Mapping[str, Any] = pods[-1] if pods else {}
    node = str((pod.get("spec") or {}).get("nodeName") or jobs.bound_node(job) or "")
    state, detail = "starting", _waiting(pod)
    if "Complete" in ended:
        state, detail = "done", ""
    elif "Failed" in ended:
        problem = pod_state.final_problem(pod) if pod else None
        state, detail = "failed", problem.detail if problem else str(ended["Failed"].get("message", ""))
    elif job["spec"].get("suspend"):
        state, detail = "waiting", "for its node"
    elif pod and pod_state.has_started(pod, pod_state.LOAD):
        state, detail = "running", ""
    return JobState(
        str(job["metadata"]["name"]),
        int(labels[f"{PREFIX}/block"]),
        str(annotations[f"{PREFIX}/point"]),
        str(annotations[f"{PREFIX}/arm"]),
        int(labels[f"{PREFIX}/attempt"]),
        state,
        node,
        detail,
    )


def _waiting(pod: Mapping[str, Any]) -> str:
    for one in (pod.get("status") or {}).get("conditions") or []:
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return str(one.get("message", ""))
    reasons = [
        (one.get("state", {}).get("waiting") or {}).get("reason") for one in pod_state.container_statuses(pod).values()
    ]
    return ", ".join(dict.fromkeys(reason for reason in reasons if reason and reason != "PodInitializing"))


def trial_of(job: Object, description: Mapping[str, Any]) -> Trial:
    """The trial that a Job runs, from what it is marked with. Pure. Raises GilfreeError for a Job of another campaign."""
    scenario = Scenario.model_validate(description["scenario"])
    labels, annotations = job["metadata"]["labels"], job["metadata"].get("annotations") or {}
    arms = {arm["name"]: Arm(**arm) for arm in description["arms"]}
    points = {point.key: point for point in scenario.points()}
    name, key = annotations.get(f"{PREFIX}/arm"), annotations.get(f"{PREFIX}/point")
    if name not in arms or key not in points:
        raise GilfreeError(
            f"Job {job['metadata']['name']} is of arm {name} and point {key}, which its campaign does not have",
            "was it made by another gilfree? `gilfree cluster cancel` removes it",
        )
    windows = tuple(Window(**one) for one in json.loads(annotations.get(f"{PREFIX}/windows", "[]")))
    block, attempt = int(labels[f"{PREFIX}/block"]), int(labels[f"{PREFIX}/attempt"])
    return Trial(str(description["name"]), scenario, points[key], block, arms[name], attempt, windows)


def label_selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())

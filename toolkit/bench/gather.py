"""Records of a campaign from the cluster alone: its description, its Jobs, and their pods' logs.

For another machine than the one that started it, or after that one was lost. Frames become records by the same function
as live ones; the folder that comes out is a campaign like any other, and may be gathered into again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.backends.kubernetes.backend import KubernetesBackend
from toolkit.backends.kubernetes.client import Cluster, Object
from toolkit.backends.kubernetes.overview import JobState, job_state, list_jobs, list_pods, trial_of
from toolkit.campaign.runner import SCHEMA, Campaign
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.records.store import record
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.model import Trial


@dataclass(frozen=True)
class Gathered:
    """What came of it. `known`: trials that the folder had before; `running`: Jobs that are not over yet."""

    campaign: Campaign
    taken: int
    known: int
    running: int


def gather(cluster: Cluster, description: Mapping[str, Any], results: Path, say: Say) -> Gathered:
    """Add what the cluster holds of a campaign to its folder under `results`, which is made when it is not there."""
    campaign = folder_of(description, results)
    states = ready(cluster, campaign.name)
    told = description["cluster"]
    settings = ClusterSettings.model_validate(told["settings"])
    load_image, nodes = description["images"]["load"], told["nodes"]
    backend = KubernetesBackend(cluster, load_image, settings, nodes, told["node_cpus"], keep=True)
    taken = known = running = 0
    with closing(backend), campaign.writing():
        have = {one.trial for one in campaign.records()}
        backend.prepare(campaign.scenario, campaign.arms)
        for job, state in states:
            if state.name in have:
                known += 1
            elif state.state not in ("done", "failed"):
                running += 1
            else:
                _take(campaign, backend, trial_of(job, description), state.node)
                taken += 1
                say(f"{campaign.name}: {state.name} gathered ({taken})")
    return Gathered(campaign, taken, known, running)


def ready(cluster: Cluster, campaign: str) -> list[tuple[Object, JobState]]:
    """A campaign's Jobs and how they stand, in the order of their making."""
    pods = list_pods(cluster, campaign)
    found = []
    for job in list_jobs(cluster, campaign):
        mine = sorted(pods.get(job["metadata"]["name"], []), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        found.append((job, job_state(job, mine)))
    return sorted(found, key=lambda one: str(one[0]["metadata"].get("creationTimestamp")))


def folder_of(description: Mapping[str, Any], results: Path) -> Campaign:
    """The campaign's folder, made when it is not there. Raises GilfreeError when another campaign's is in the way."""
    if description.get("schema") != SCHEMA:
        raise GilfreeError(
            f"campaign {description.get('name')} has schema {description.get('schema')}, this gilfree reads {SCHEMA}",
            "gather it with the gilfree that made it",
        )
    folder = results / str(description["name"])
    file = folder / "campaign.json"
    if not file.exists():
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".json.part")
        partial.write_text(json.dumps(description, indent=1) + "\n")
        partial.rename(file)
    campaign = Campaign.open(folder)
    if campaign.description.get("created") != description.get("created"):
        raise GilfreeError(f"{folder} holds another campaign of the same name", "gather into another --results folder")
    return campaign


def _take(campaign: Campaign, backend: KubernetesBackend, trial: Trial, node: str) -> None:
    seen = list(backend.gather(trial, node))
    log = campaign.folder / "logs" / f"{trial.id}.jsonl"
    log.write_text("".join(json.dumps(frame, separators=(",", ":")) + "\n" for frame in seen))
    campaign.store.append(record(trial, seen))

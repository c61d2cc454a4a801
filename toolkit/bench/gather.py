"""Rebuilds a campaign's records from the cluster alone: its description, its Jobs and their pods' logs.

This serves another machine than the one that started the campaign, or replaces that one when it is lost. Frames become
records by the same function as live ones. The result is an ordinary campaign folder; gathering into it again adds what
has finished since.
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
from toolkit.campaign.description import SCHEMA
from toolkit.campaign.modes import block_trials
from toolkit.campaign.runner import Campaign
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.records.store import record
from toolkit.scenario.cluster import ClusterSettings
from toolkit.trial.model import Trial


@dataclass(frozen=True)
class Gathered:
    """A gathered campaign: how many trials were added, were in the folder already, and have not finished yet."""

    campaign: Campaign
    added: int
    known: int
    running: int


def gather(cluster: Cluster, description: Mapping[str, Any], results: Path, say: Say) -> Gathered:
    """Add the finished trials that the cluster holds to the campaign's folder under `results`, which is made when absent.

    description: campaign.json as the cluster keeps it. Raises GilfreeError as `open_folder` and `trial_of` do.
    """
    campaign = open_folder(description, results)
    states = job_states(cluster, campaign.name)
    place = description["cluster"]
    settings = ClusterSettings.model_validate(place["settings"])
    load_image, nodes = description["images"]["load"], place["nodes"]
    backend = KubernetesBackend(cluster, load_image, settings, nodes, place["node_cpus"], keep=True)
    added = known = running = 0
    with closing(backend), campaign.write_lock():
        recorded = {one.trial for one in campaign.records()}
        backend.prepare(campaign.scenario, campaign.arms)
        for job, state in states:
            if state.name in recorded:
                known += 1
            elif state.state not in ("done", "failed"):
                running += 1
            else:
                _record_trial(campaign, backend, trial_of(job, description), state.node)
                added += 1
                say(f"{campaign.name}: {state.name} gathered ({added})")
    return Gathered(campaign, added, known, running)


def job_states(cluster: Cluster, campaign: str) -> list[tuple[Object, JobState]]:
    """A campaign's Jobs with their states, oldest first."""
    pods = list_pods(cluster, campaign)
    states = []
    for job in list_jobs(cluster, campaign):
        own_pods = sorted(
            pods.get(job["metadata"]["name"], []), key=lambda pod: str(pod["metadata"]["creationTimestamp"])
        )
        states.append((job, job_state(job, own_pods)))
    return sorted(states, key=lambda one: str(one[0]["metadata"].get("creationTimestamp")))


def open_folder(description: Mapping[str, Any], results: Path) -> Campaign:
    """The campaign's folder, made when absent. Raises GilfreeError when the folder holds another campaign of that name, or
    when this version cannot read the campaign's schema.
    """
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


def _record_trial(campaign: Campaign, backend: KubernetesBackend, trial: Trial, node: str) -> None:
    frames = list(backend.gather(trial, node))
    log = campaign.folder / "logs" / f"{trial.id}.jsonl"
    log.write_text("".join(json.dumps(frame, separators=(",", ":")) + "\n" for frame in frames))
    here = backend.apart_reason(campaign.scenario, campaign.arms)
    block = block_trials([trial], campaign.description, here, campaign.records())
    campaign.store.append(record(trial, frames, block.reason))

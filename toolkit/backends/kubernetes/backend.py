"""The `kubernetes` backend: one Job a trial, server and load in one pod, one trial at a time on a node.

Jobs are made suspended, bound to their slot's node, and released when that node is free, so a cluster is never flooded.
Finished Jobs stay until the campaign ends: another machine can gather them by the campaign's name, and a run that was
killed finds them again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.backends import SlotUnavailable
from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import ApiError, Cluster, Unreachable
from toolkit.backends.kubernetes.nodes import is_available
from toolkit.backends.kubernetes.pod_trial import PodTrial
from toolkit.backends.kubernetes.render import MANAGED, PREFIX, Shares, container_shares, label_value
from toolkit.backends.kubernetes.watch import PodWatch
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings, merged
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial

NODE_FREE_SECONDS = 600
"""How long a trial of somebody else may hold the node before this one gives up."""


class KubernetesBackend:
    """One slot for each node. `node_cpus`: what the smallest of them can give, for `auto`."""

    name = "kubernetes"

    def __init__(
        self,
        cluster: Cluster,
        load_image: str,
        settings: ClusterSettings,
        nodes: Sequence[str],
        node_cpus: float,
        keep: bool = False,
    ) -> None:
        self.cluster, self.load_image, self._settings = cluster, load_image, settings
        self._nodes, self._node_cpus, self._keep = tuple(nodes), node_cpus, keep
        self._campaigns: set[str] = set()
        self._announced: set[str] = set()
        self._lock = threading.Lock()
        self.watch = PodWatch(cluster, ",".join(f"{key}={value}" for key, value in MANAGED.items()))
        self._watching = False

    def slots(self) -> list[str]:
        """The nodes that can hold a trial."""
        return list(self._nodes)

    def settings(self, scenario: Scenario) -> ClusterSettings:
        """The scenario's own, with what the user gave beside it over them."""
        return merged(scenario.cluster, self._settings)

    def shares(self, scenario: Scenario) -> Shares:
        """What both containers get."""
        return container_shares(scenario, self.settings(scenario), self._node_cpus)

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Begin the one watch."""
        if not self._watching:
            self.watch.start()
            self._watching = True
        found = self.shares(scenario)
        notes = [f"{found.server_cpus:g} CPUs for the server and {found.load_cpus:g} for the loader of each pod"]
        if found.pinned_cpus is None:
            notes.append("the server has no whole number of CPUs, so it is not pinned and may be throttled")
        return notes

    def store_description(self, name: str, description: Mapping[str, Any]) -> None:
        """Keep the campaign's description beside its Jobs."""
        with self._lock:
            self._campaigns.add(name)
            self._announced.add(name)
        jobs.store_description(self.cluster, name, json.dumps(description))

    def run(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """Both sides of one trial; see `Backend.run`. Raises SlotUnavailable when the node cannot take trials any more."""
        with self._lock:
            self._campaigns.add(trial.campaign)
        if trial.campaign in self._announced and not jobs.has_description(self.cluster, trial.campaign):
            raise GilfreeError(f"campaign {trial.campaign} was cancelled in the cluster", "--resume begins it again")
        if not is_available(self.cluster, slot):
            raise SlotUnavailable(f"node {slot} takes no trials any more", "uncordon it")
        settings, found = self.settings(trial.scenario), self.shares(trial.scenario)
        one = PodTrial(self.cluster, self.watch, trial, slot)
        try:
            try:
                if settings.queue:  # it may release a Job as soon as there is one
                    self._wait_until_free(trial, slot)
                jobs.ensure(self.cluster, trial, self.load_image, settings, found, slot, self.watch)
                self._wait_until_free(trial, slot)
                jobs.release(self.cluster, trial, settings)
                yield from one.frames()
            except ApiError as error:
                one.problem = pod_state.Problem("refused", str(error))
            if one.problem and one.problem.environmental and not is_available(self.cluster, slot):
                raise SlotUnavailable(f"node {slot} takes no trials any more: {one.problem.detail}", "uncordon it")
        finally:
            one.leave()
        yield self._outcome(trial, slot, one)

    def gather(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """The frames of a trial whose Job is over, as `run` would have yielded them. Nothing is changed in the cluster."""
        one = PodTrial(self.cluster, self.watch, trial, slot)
        yield from one.frames()
        yield self._outcome(trial, slot, one)

    def _outcome(self, trial: Trial, slot: str, one: PodTrial) -> Frame:
        settings, found = self.settings(trial.scenario), self.shares(trial.scenario)
        outcome = {
            "backend": self.name,
            "slot": slot,
            "memory_limit": "container",
            "throttling": settings.throttling,
            "cpu_counts": {"server": found.pinned_cpus if settings.pinning == "required" else None},
            "images": {"server": trial.arm.runtime, "load": self.load_image},
            **one.outcome(),
        }
        return {"seq": 0, "side": "backend", "kind": "outcome", "t_ns": time.monotonic_ns(), **outcome}

    def close(self) -> None:
        """Remove everything that was made, unless it is to be kept, and end the watch."""
        try:
            if not self._keep:
                for name in self._campaigns:
                    jobs.remove_campaign(self.cluster, name)
                if self._watching and self._campaigns:
                    self.watch.wait_for(self._nothing_left, 60)
        except Unreachable as error:
            raise GilfreeError(
                f"{error.message}; what was made there is still there",
                f"gilfree cluster cancel {' '.join(sorted(self._campaigns))}",
            ) from None
        finally:
            self.watch.stop()
            self.cluster.close()

    def _nothing_left(self) -> bool:
        mine = {label_value(name) for name in self._campaigns}
        return not any(pod["metadata"]["labels"].get(f"{PREFIX}/campaign") in mine for pod in self.watch.pods())

    def _wait_until_free(self, trial: Trial, slot: str) -> None:
        def free() -> bool:
            return not any(
                pod["spec"].get("nodeName") == slot
                and not pod_state.has_ended(pod)
                and pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") != trial.id
                for pod in self.watch.pods()
            )

        if not self.watch.wait_for(free, NODE_FREE_SECONDS):
            raise GilfreeError(
                f"node {slot} has been busy with another trial for {NODE_FREE_SECONDS} s",
                "see `gilfree cluster status`",
            )

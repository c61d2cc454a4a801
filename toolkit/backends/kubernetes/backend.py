"""The `kubernetes` backend: one Job a trial, server and load in one pod, one trial at a time on a node.

Jobs are created suspended and bound to their slot's node, and released when that node is free, so that trials never flood
a cluster. Finished Jobs stay until the campaign ends: another machine can gather them by the campaign's name, and a run
that was killed adopts them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.backends import SlotUnavailable, one_after_the_other, outcome_frame
from toolkit.backends.kubernetes import jobs, pod_state
from toolkit.backends.kubernetes.client import ApiError, Cluster, Unreachable
from toolkit.backends.kubernetes.labels import CAMPAIGN_KEY, MANAGED, job_name, label_selector, label_value
from toolkit.backends.kubernetes.nodes import is_available
from toolkit.backends.kubernetes.pod_trial import PodTrial
from toolkit.backends.kubernetes.render import Shares, container_shares
from toolkit.backends.kubernetes.watch import PodWatch
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings, merge
from toolkit.scenario.model import Scenario
from toolkit.trial.block import BlockTrials, alone
from toolkit.trial.model import Arm, Trial

NODE_FREE_SECONDS = 600
"""How long another trial may hold the node before this one gives up."""


class KubernetesBackend:
    """One slot for each node. node_cpus: the CPUs that `auto` is sized by. keep: whether `close` leaves Jobs and logs."""

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
        self._described: set[str] = set()
        self._lock = threading.Lock()
        self.watch = PodWatch(cluster, label_selector(MANAGED))
        self._watching = False

    def slots(self) -> list[str]:
        """The nodes that can hold a trial."""
        return list(self._nodes)

    def settings(self, scenario: Scenario) -> ClusterSettings:
        """The scenario's cluster settings, overridden by those that the user gave for the run."""
        return merge(scenario.cluster, self._settings)

    def shares(self, scenario: Scenario) -> Shares:
        """The shares of both containers of the scenario's trials."""
        return container_shares(scenario, self.settings(scenario), self._node_cpus)

    def prepare(self, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
        """Start the watch, which all campaigns share. Returns what the user should know of the shares."""
        if not self._watching:
            self.watch.start()
            self._watching = True
        shares = self.shares(scenario)
        notes = [f"{shares.server_cpus:g} CPUs for the server and {shares.load_cpus:g} for the loader of each pod"]
        if shares.pinned_cpus is None:
            notes.append("the server's share is not a whole number of CPUs, so it is not pinned and may be throttled")
        return notes

    def store_description(self, name: str, description: Mapping[str, Any]) -> None:
        """Keep the campaign's description in the cluster, so that its Jobs can be gathered from another machine."""
        with self._lock:
            self._campaigns.add(name)
            self._described.add(name)
        jobs.store_description(self.cluster, name, json.dumps(description))

    def apart_reason(self, scenario: Scenario, arms: Sequence[Arm]) -> str:
        """Each arm has a pod of its own."""
        return "on Kubernetes each arm has a pod of its own"

    def run(self, block: BlockTrials, slot: str) -> Iterator[Frame]:
        """A Job for each trial, one after the other; see `Backend.run`. Raises SlotUnavailable when the node no longer
        takes trials."""
        yield from one_after_the_other(block, lambda trial: self._run_trial(trial, slot))

    def _run_trial(self, trial: Trial, slot: str) -> Iterator[Frame]:
        with self._lock:
            self._campaigns.add(trial.campaign)
        if trial.campaign in self._described and not jobs.has_description(self.cluster, trial.campaign):
            raise GilfreeError(f"campaign {trial.campaign} was cancelled in the cluster", "--resume starts it again")
        if not is_available(self.cluster, slot):
            raise SlotUnavailable(f"node {slot} no longer takes trials", "uncordon it")
        settings, shares = self.settings(trial.scenario), self.shares(trial.scenario)
        pod_trial = PodTrial(self.cluster, self.watch, trial, slot)
        try:
            try:
                if settings.queue:  # the queue may release a Job as soon as it exists
                    self._wait_until_free(trial, slot)
                jobs.ensure(self.cluster, trial, self.load_image, settings, shares, slot, self.watch)
                self._wait_until_free(trial, slot)
                jobs.release(self.cluster, trial, settings)
                yield from pod_trial.frames()
            except ApiError as error:
                pod_trial.problem = pod_state.Problem("refused", str(error))
            problem = pod_trial.problem
            if problem and problem.environmental and not is_available(self.cluster, slot):
                raise SlotUnavailable(f"node {slot} no longer takes trials: {problem.detail}", "uncordon it")
        finally:
            pod_trial.close()
        yield self._outcome(trial, slot, pod_trial)

    def gather(self, trial: Trial, slot: str) -> Iterator[Frame]:
        """The frames of a trial whose Job has finished, as `run` would have yielded them. Changes nothing in the cluster."""
        yield from one_after_the_other(alone(trial), lambda one: self._gather_trial(one, slot))

    def _gather_trial(self, trial: Trial, slot: str) -> Iterator[Frame]:
        pod_trial = PodTrial(self.cluster, self.watch, trial, slot)
        yield from pod_trial.frames()
        yield self._outcome(trial, slot, pod_trial)

    def _outcome(self, trial: Trial, slot: str, pod_trial: PodTrial) -> Frame:
        settings, shares = self.settings(trial.scenario), self.shares(trial.scenario)
        outcome = {
            "memory_limit": "container",
            "throttling": settings.throttling,
            "cpu_counts": {"server": shares.pinned_cpus if settings.pinning == "required" else None},
            "images": {"server": trial.arm.runtime, "load": self.load_image},
            **pod_trial.outcome(),
        }
        return outcome_frame(self.name, slot, outcome)

    def close(self) -> None:
        """Remove everything that was created, unless it is to be kept, and end the watch.

        Raises GilfreeError naming the command that removes it when the API server is unreachable.
        """
        try:
            if not self._keep:
                for name in self._campaigns:
                    jobs.remove_campaign(self.cluster, name)
                if self._watching and self._campaigns:
                    self.watch.wait_for(self._nothing_left, 60)
        except Unreachable as error:
            raise GilfreeError(
                f"{error.message}; what was created there still exists",
                f"gilfree cluster cancel {' '.join(sorted(self._campaigns))}",
            ) from None
        finally:
            self.watch.stop()
            self.cluster.close()

    def _nothing_left(self) -> bool:
        own = {label_value(name) for name in self._campaigns}
        return not any(pod["metadata"]["labels"].get(CAMPAIGN_KEY) in own for pod in self.watch.pods())

    def _wait_until_free(self, trial: Trial, slot: str) -> None:
        def free() -> bool:
            return not any(
                pod["spec"].get("nodeName") == slot and not pod_state.has_ended(pod) and job_name(pod) != trial.id
                for pod in self.watch.pods()
            )

        if not self.watch.wait_for(free, NODE_FREE_SECONDS):
            raise GilfreeError(
                f"node {slot} has been busy with another trial for {NODE_FREE_SECONDS} s",
                "see `gilfree cluster status`",
            )

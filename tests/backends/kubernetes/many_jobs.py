"""Renders and makes COUNT suspended Jobs in NAMESPACE, watches them, and prints what that took as JSON. For a process of
its own, whose memory is its own: python -m tests.backends.kubernetes.many_jobs NAMESPACE COUNT"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from toolkit.backends.kubernetes import jobs
from toolkit.backends.kubernetes.client import Cluster, Object
from toolkit.backends.kubernetes.labels import MANAGED, label_selector
from toolkit.backends.kubernetes.render import container_shares, render_job
from toolkit.backends.kubernetes.watch import PodWatch
from toolkit.bench.gather import job_states
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Arm, Trial

CAMPAIGN = "many"
IMAGE = "example.org/app@sha256:" + "0" * 64


class CountingCluster(Cluster):
    """Counts the lists that are requested through it."""

    lists = 0

    def list(self, path: str, labels: str = "", **query: Any) -> Object:
        """As `Cluster.list`."""
        self.lists += 1
        return super().list(path, labels, **query)


def main(namespace: str, count: int) -> None:
    cluster, settings, scenario = Cluster(None, namespace), ClusterSettings(), load_scenario("asgi")
    arm, found = Arm("3.14", "gil", IMAGE), container_shares(scenario, ClusterSettings(), 1.9)
    watched = CountingCluster(None, namespace)
    watch = PodWatch(watched, label_selector(MANAGED))
    watch.start()
    trials = [Trial(CAMPAIGN, scenario, scenario.points()[0], block, arm, 1) for block in range(count)]
    began = time.monotonic()
    rendered = [render_job(one, IMAGE, settings, found, node="nowhere", namespace=namespace) for one in trials]
    rendering = time.monotonic() - began
    for job in rendered:
        cluster.create(jobs.jobs_path(cluster), job)
    states = [state.state for _, state in job_states(cluster, CAMPAIGN)]
    lists, pods = watched.lists, len(watch.pods())
    watch.stop()
    jobs.remove_campaign(cluster, CAMPAIGN)
    # Not getrusage's: across exec it keeps the high-water mark of the process that started this one.
    status = Path("/proc/self/status").read_text()
    peak_mb = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6  # type: ignore[index]
    figures = {
        "lists": lists,
        "waiting": states.count("waiting"),
        "pods": pods,
        "peak_mb": peak_mb,
        "rendering_seconds": rendering,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""A campaign of many Jobs: bounded memory, one watch, nothing runs before its node is free."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.backends.kubernetes.live import left, until
from toolkit.backends.kubernetes.client import Cluster

COUNT, MOST_MB = 200, 150


@pytest.mark.cluster
def test_200_suspended_jobs_are_rendered_and_watched_in_little_memory_by_one_watch(namespace: Cluster) -> None:
    command = [sys.executable, "-m", "tests.backends.kubernetes.many_jobs", namespace.namespace, str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(f"{COUNT} Jobs: {found}")
    assert found["waiting"] == COUNT
    assert (found["lists"], found["pods"]) == (1, 0)
    assert found["peak_mb"] < MOST_MB
    until("all Jobs are removed", 60, lambda: not left(namespace))

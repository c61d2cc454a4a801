"""`gilfree bench --backend kubernetes` as a user starts it: killed with -9, gathered from elsewhere, taken up again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backends.kubernetes.conftest import Pushed
from tests.backends.kubernetes.live import left, registry, settings_file, until
from toolkit.backends.kubernetes.client import Cluster
from toolkit.records.store import Store

pytestmark = [pytest.mark.cluster, pytest.mark.engine]

SCENARIO = """
name: kill
title: short trials, to be killed
app: { target: "wsgi:app", interface: wsgi }
endpoints: { json: { path: /json, json: { message: Hello World } } }
matrix: [{ endpoint: json, threads: 1, connections: 8 }]
load: { warmup: 1s, duration: 1s, rounds: 1, validate_requests: 50, validate_seconds: 1 }
resources: { server: { cpus: 1, memory: 256Mi } }
limits: { foreign_cpu: 1, steal: 1, throttled_periods: 1, rejected_share: 1 }
"""


def gilfree(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "toolkit.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: str, code: int = 0) -> tuple[str, str]:
    running = gilfree(*arguments)
    output, said = running.communicate(timeout=300)
    assert running.returncode == code, said
    assert "Traceback" not in said
    return output, said


def jobs_there(cluster: Cluster) -> dict[str, dict[str, Any]]:
    listed = cluster.list(cluster.path("jobs", api="/apis/batch/v1"))["items"]
    return {one["metadata"]["name"]: one for one in listed}


def released(cluster: Cluster) -> bool:
    return any(not one["spec"].get("suspend") for one in jobs_there(cluster).values())


def over(job: dict[str, Any]) -> bool:
    return any(one["type"] == "Complete" for one in job["status"].get("conditions", ()))


def test_killed_it_is_gathered_elsewhere_and_goes_on_with_the_same_jobs(
    tmp_path: Path, namespace: Cluster, images: Pushed
) -> None:
    scenario, here, there = tmp_path / "kill.yaml", tmp_path / "here", tmp_path / "there"
    scenario.write_text(SCENARIO)
    where = ("--namespace", namespace.namespace)
    place = ("--backend", "kubernetes", "--registry", registry(), "--yes")
    request = (*place, "--cluster", str(settings_file(tmp_path, namespace)), "--scenario", str(scenario), "--full")
    running = gilfree("bench", *request, *where, "--results", str(here), "--name", "killed")
    until("a Job is released", 120, lambda: released(namespace) or running.poll() is not None)
    assert running.poll() is None, running.communicate()[1]
    running.kill()
    running.communicate()
    (first,) = jobs_there(namespace)
    uid = jobs_there(namespace)[first]["metadata"]["uid"]

    shown, _ = run("cluster", "status", "killed", *where)
    assert "killed-kill: 1 " in shown and "3.14" in shown
    until("its Job is over without the tool", 90, lambda: over(jobs_there(namespace)[first]))
    run("cluster", "gather", "killed", *where, "--results", str(there), "--json")
    (gathered,) = Store(there / "killed-kill" / "trials.jsonl").read()
    assert gathered.trial == first

    output, said = run("bench", "--resume", "killed", "--results", str(here), "--keep", "--json")
    assert "resuming run killed" in said
    (table,) = json.loads(output)
    assert [row["blocks"] for row in table["rows"]] == [1, 1]
    records = Store(here / "killed-kill" / "trials.jsonl").read()
    assert jobs_there(namespace)[first]["metadata"]["uid"] == uid, "the Job was run again instead of adopted"
    assert records[0] == gathered, "gathered and live frames give one record"

    _, said = run("cluster", "gather", "killed-kill", *where, "--results", str(there))
    assert "1 were there before" in said
    assert len(Store(there / "killed-kill" / "trials.jsonl").read()) == len(records)
    run("cluster", "cancel", "killed", *where)
    until("all is removed", 30, lambda: not left(namespace))
    assert "there is no campaign" in run("cluster", "status", "killed", *where, code=2)[1]

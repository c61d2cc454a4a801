"""`make bench BACKEND=kubernetes` in its shortest form: two interfaces, both variants, one block, on the real cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.backends.kubernetes.conftest import Pushed, Somebody
from tests.backends.kubernetes.live import left, registry, rights, settings_file
from toolkit import paths
from toolkit.backends.kubernetes.client import Cluster
from toolkit.records.store import Store

SECONDS = 1
LOOSE = {"foreign_cpu": 1, "steal": 1, "throttled_periods": 1, "rejected_share": 1}


def shortest(name: str, folder: Path) -> Path:
    """The shipped scenario with its first point alone, on a machine that need not be quiet."""
    data = yaml.safe_load((paths.shipped("scenarios") / f"{name}.yaml").read_text())
    file = folder / f"{name}.yaml"
    data["matrix"] = [{**data["matrix"][0], "endpoint": "json"}]
    data["endpoints"] = {"json": data["endpoints"]["json"]}
    data["load"] = {"warmup": f"{SECONDS}s", "duration": f"{SECONDS}s", "rounds": 1, "validate_requests": 200}
    data["limits"] = LOOSE
    for part in ("published", "claims"):
        data.pop(part, None)
    file.write_text(yaml.safe_dump(data))
    return file


@pytest.mark.cluster
@pytest.mark.engine
def test_with_the_least_rights_two_interfaces_and_both_variants_are_measured_on_cpus_of_their_own(
    tmp_path: Path, namespace: Cluster, images: Pushed, somebody: Somebody
) -> None:
    scenarios = ",".join(str(shortest(name, tmp_path)) for name in ("asgi", "wsgi"))
    command = [sys.executable, "-m", "toolkit.cli", "bench", "--backend", "kubernetes", "--yes", "--full", "--json"]
    command += ["--scenario", scenarios, "--registry", registry(), "--namespace", namespace.namespace]
    command += ["--cluster", str(settings_file(tmp_path, namespace)), "--results", str(tmp_path), "--name", "short"]
    with rights(namespace, somebody.user):
        environment = {**os.environ, "KUBECONFIG": str(somebody.kubeconfig)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=400, env=environment)
    assert done.returncode == 0, done.stderr
    tables = json.loads(done.stdout)
    assert [[row["blocks"] for row in table["rows"]] for table in tables] == [[1, 1], [1, 1]]
    for name in ("asgi", "wsgi"):
        good = [one for one in Store(tmp_path / f"short-{name}" / "trials.jsonl").read() if one.accepted]
        assert {one.arm for one in good} == {"3.14", "3.14t"}
        for one in good:
            outcome = one.server["outcome"]
            assert outcome["cpu_counts"] == {"server": 1} and len(one.server["cpus"]) == 1
            assert outcome["qos"] == "Guaranteed"
    assert f"namespace {namespace.namespace}" in done.stderr and "node-hours" in done.stderr
    assert left(namespace) == []


@pytest.mark.cluster
@pytest.mark.engine
def test_an_app_that_the_images_do_not_hold_is_refused_in_the_words_of_any_backend(
    tmp_path: Path, namespace: Cluster, images: Pushed
) -> None:
    command = [sys.executable, "-m", "toolkit.cli", "bench", "--backend", "kubernetes", "--yes"]
    command += ["--gil", images.gil, "--free-threaded", images.free_threaded, "--registry", registry()]
    command += ["--app", "asgi:application", "--interface", "asgi", "--results", str(tmp_path)]
    command += ["--namespace", namespace.namespace, "--cluster", str(settings_file(tmp_path, namespace))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert f"{images.gil}: asgi has no 'application'" in done.stderr
    assert left(namespace) == []

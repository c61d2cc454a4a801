"""What admission changes is reported, defaults are not, and a real API server accepts every golden manifest unchanged."""

from __future__ import annotations

import copy

import pytest
import yaml

from tests.backends.kubernetes.live import a_namespace
from tests.backends.kubernetes.test_preflight import a_job
from tests.backends.kubernetes.test_render import both, job
from tests.bench.goldens import CASES, file_of
from toolkit.backends.kubernetes.admission import admission_changes
from toolkit.backends.kubernetes.client import Cluster, Object
from toolkit.backends.kubernetes.jobs import jobs_path
from toolkit.backends.kubernetes.preflight_queries import pod_of_job


def test_what_admission_does_to_a_job_is_said_and_defaults_are_not() -> None:
    sent = a_job()
    kept = copy.deepcopy(sent)
    template = kept["spec"]["template"]
    kept["spec"]["selector"] = {"matchLabels": {}}
    template["metadata"]["labels"]["batch.kubernetes.io/job-name"] = "x"
    template["spec"]["schedulerName"] = "default-scheduler"
    for container in template["spec"]["containers"]:
        container["terminationMessagePath"] = "/dev/termination-log"
    assert admission_changes(sent, kept) == []
    template["spec"]["containers"].append({"name": "istio-proxy"})
    template["spec"]["initContainers"][0]["resources"]["limits"]["cpu"] = "2"
    template["spec"]["priorityClassName"] = "low"
    template["metadata"]["labels"]["team"] = "x"
    assert admission_changes(sent, kept) == [
        "spec.template.metadata.labels.team is added: x",
        "spec.template.spec.initContainers[server].resources.limits.cpu is changed from 1 to 2",
        "spec.template.spec.containers[istio-proxy] is added",
    ]


def test_a_quantity_that_is_only_written_otherwise_is_no_change() -> None:
    assert admission_changes({"limits": {"memory": "1073741824"}}, {"limits": {"memory": "1Gi"}}) == []


@pytest.mark.cluster
def test_a_real_api_server_takes_every_golden_under_restricted_pod_security_and_changes_nothing() -> None:
    with a_namespace("gilfree-render") as cluster:
        for case in CASES:
            for made in yaml.safe_load_all(file_of(case).read_text()):
                made["metadata"]["namespace"] = cluster.namespace
                spec = made["spec"]["template"]["spec"]
                for name in ("priorityClassName", "runtimeClassName", "serviceAccountName"):
                    spec.pop(name, None)  # what has to exist before a pod may name it
                check(cluster, made, case)


@pytest.mark.cluster
def test_a_real_api_server_gives_hostile_words_back_as_they_were() -> None:
    hostile = "\"\n  hostNetwork: true #'{{ 7*7 }}$(PATH)\t\u2028\U0001f680\x7f\\u0041 1e3"
    made = job(annotations={"example.com/why": hostile})
    with a_namespace("gilfree-hostile") as cluster:
        made["metadata"]["namespace"] = cluster.namespace
        kept = cluster.create(jobs_path(cluster), made, dryRun="All", fieldValidation="Strict")
    assert kept["metadata"]["annotations"]["example.com/why"] == hostile
    assert both(kept)[0]["command"] == both(made)[0]["command"]
    assert "hostNetwork" not in kept["spec"]["template"]["spec"]


def check(cluster: Cluster, made: Object, case: str) -> None:
    """A Job and its pod are kept as they are sent."""
    for path, body in ((jobs_path(cluster), made), (cluster.path("pods"), pod_of_job(made))):
        kept = cluster.create(path, body, dryRun="All", fieldValidation="Strict")
        assert admission_changes(body, kept) == [], case

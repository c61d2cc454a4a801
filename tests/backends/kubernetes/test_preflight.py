"""The checks before a campaign: every obstacle is found before anything is created, and comes with its remedy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.kubernetes.conftest import Somebody
from tests.backends.kubernetes.live import real_nodes, rights
from toolkit.backends.kubernetes.client import Cluster
from toolkit.backends.kubernetes.preflight import (
    PERMISSIONS,
    PreflightResult,
    check_cpu_manager,
    check_limit_ranges,
    check_permissions,
    check_quotas,
    check_server_version,
    pod_resources,
    raise_blocking,
)
from toolkit.backends.kubernetes.preflight_queries import check_access, check_trials
from toolkit.backends.kubernetes.render import container_shares, render_job
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings, SideResources
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Arm, Trial

DIGEST = "example.org/app@sha256:" + "0" * 64


def a_job(namespace: str = "default", settings: ClusterSettings | None = None) -> dict[str, Any]:
    scenario, chosen = load_scenario("asgi"), settings or ClusterSettings()
    trial = Trial("preflight", scenario, scenario.points()[0], 0, Arm("3.14", "gil", DIGEST), 1)
    return render_job(trial, DIGEST, chosen, container_shares(scenario, chosen, 1.9), namespace=namespace)


def a_pod() -> dict[str, Any]:
    return {"spec": a_job()["spec"]["template"]["spec"]}


def quota(used: str = "0", **hard: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "tight"},
        "spec": {"hard": hard},
        "status": {"hard": hard, "used": dict.fromkeys(hard, used)},
    }


@pytest.mark.parametrize(
    ("said", "state"),
    [("v1.34.4", "passed"), ("v1.29.0-eks-1", "passed"), ("v1.28.9+k3s1", "blocking"), ("strange", "unknown")],
)
def test_servers_that_do_not_know_sidecars_are_refused(said: str, state: str) -> None:
    assert check_server_version({"gitVersion": said}).state == state


def test_all_missing_rights_are_named_at_once() -> None:
    answers = {one: one.verb != "create" for one in PERMISSIONS}
    found = list(check_permissions(answers, "bench"))
    with pytest.raises(GilfreeError, match=r"namespace bench you may not: create jobs, create pods, create configmaps"):
        raise_blocking(found)


def test_rights_that_only_help_do_not_stop_anybody() -> None:
    found = list(check_permissions({one: one.needed for one in PERMISSIONS}, "bench"))
    raise_blocking(found)
    assert [one.state for one in found] == ["passed", "unknown", "unknown"]


def test_the_sidecars_share_counts_as_it_runs_beside_the_loader() -> None:
    requests, limits = pod_resources(a_pod())
    assert requests == limits
    assert float(requests["cpu"]) == 1.9


@pytest.mark.parametrize(
    ("hard", "used", "at_once", "states"),
    [
        ({"requests.cpu": "10"}, "0", 5, []),
        ({"requests.cpu": "10"}, "0", 6, ["unknown"]),
        ({"requests.cpu": "10"}, "8500m", 1, ["blocking"]),
        ({"cpu": "1"}, "0", 1, ["blocking"]),
        ({"pods": "3"}, "3", 1, ["blocking"]),
        ({"requests.storage": "0"}, "0", 1, []),
    ],
)
def test_what_a_quota_leaves_is_compared_with_what_runs_at_once(
    hard: dict[str, str], used: str, at_once: int, states: list[str]
) -> None:
    assert [one.state for one in check_quotas([quota(used, **hard)], a_pod(), at_once)] == states


def test_a_limit_range_is_compared_with_containers_and_the_whole_pod() -> None:
    limits = [
        {"type": "Container", "max": {"cpu": "950m"}},
        {"type": "Pod", "max": {"cpu": "1"}},
        {"type": "Container", "min": {"memory": "10Gi"}},
    ]
    found = list(check_limit_ranges([{"metadata": {"name": "ours"}, "spec": {"limits": limits}}], a_pod()))
    assert [one.detail.partition(", ")[2].partition(" has")[0] for one in found] == [
        "container server",
        "the pod",
        "container server",
        "container load",
    ]


@pytest.mark.parametrize(
    ("policy", "required", "state"),
    [
        ("static", True, "passed"),
        ("none", True, "blocking"),
        ("none", False, "unknown"),
        (None, True, "unknown"),
    ],
)
def test_a_cpu_manager_that_is_not_static_is_in_the_way_where_pinning_is_required(
    policy: str | None, required: bool, state: str
) -> None:
    assert [one.state for one in check_cpu_manager({"node": policy}, required=required)] == [state]


@pytest.mark.cluster
def test_a_good_namespace_has_nothing_in_the_way_and_nothing_is_created(namespace: Cluster) -> None:
    nodes = [one.name for one in real_nodes(namespace)]
    found = [
        *check_access(namespace),
        *check_trials(namespace, a_job(namespace.namespace), nodes, pinned=True, required=True),
    ]
    raise_blocking(found)
    assert [one.detail for one in found if one.name == "dry run"] == [
        "jobs are accepted unchanged",
        "pods are accepted unchanged",
    ]
    assert namespace.list(namespace.path("jobs", api="/apis/batch/v1"))["items"] == []


@pytest.mark.cluster
def test_a_namespace_that_is_not_there_is_named(namespace: Cluster) -> None:
    cluster = Cluster(None, "gilfree-not-there")
    found = check_trials(cluster, a_job(cluster.namespace), ["any"], pinned=False, required=True)
    with pytest.raises(GilfreeError, match="kubectl create namespace gilfree-not-there"):
        raise_blocking(found)


@pytest.mark.cluster
def test_a_quota_and_a_limit_range_are_found_before_anything_is_created(namespace: Cluster) -> None:
    made: dict[str, dict[str, Any]] = {
        "resourcequotas": {"metadata": {"name": "tight"}, "spec": {"hard": {"requests.cpu": "500m"}}},
        "limitranges": {
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
        },
    }
    for resource, body in made.items():
        namespace.create(namespace.path(resource), body)
    try:
        found = check_trials(namespace, a_job(namespace.namespace), ["any"], pinned=False, required=True)
    finally:
        for resource, body in made.items():
            namespace.delete(namespace.path(resource, body["metadata"]["name"]))
    with pytest.raises(GilfreeError, match="limit range: small") as refused:
        raise_blocking(found)
    assert "ResourceQuota tight leaves 0.5 of requests.cpu" in str(refused.value)


@pytest.mark.cluster
def test_what_pod_security_forbids_is_said_in_its_words(namespace: Cluster) -> None:
    job = a_job(namespace.namespace)
    job["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"runAsNonRoot": True}
    found = check_trials(namespace, job, ["any"], pinned=False, required=True)
    with pytest.raises(GilfreeError, match='violates PodSecurity "restricted'):
        raise_blocking(found)


@pytest.mark.cluster
def test_without_rights_all_that_lack_are_named_and_the_rbac_manifest_gives_them(
    namespace: Cluster, somebody: Somebody
) -> None:
    cluster = Cluster(None, namespace.namespace, kubeconfig=somebody.kubeconfig)
    with pytest.raises(GilfreeError, match=r"you may not: create jobs, .*list nodes \(whole cluster\)") as refused:
        raise_blocking(check_access(cluster))
    assert "rbac.yaml" in refused.value.remedy
    with rights(namespace, somebody.user):
        assert all(one.state == "passed" for one in check_access(cluster)), check_access(cluster)


def test_every_obstacle_is_in_one_message_with_each_remedy_once() -> None:
    found = [
        PreflightResult("a", "blocking", "first", "do this"),
        PreflightResult("b", "blocking", "second", "do this"),
        PreflightResult("c", "unknown", "third"),
    ]
    with pytest.raises(GilfreeError) as refused:
        raise_blocking(found)
    assert str(refused.value) == "a: first; b: second\n  remedy: do this"


def test_more_than_is_left_is_said_in_units_that_people_read() -> None:
    settings = ClusterSettings(server=SideResources(memory="2Gi"))  # type: ignore[arg-type]
    pod = {"spec": a_job(settings=settings)["spec"]["template"]["spec"]}
    (found,) = check_quotas([quota(**{"limits.memory": "1Gi"})], pod, 1)
    assert "leaves 1,024Mi of limits.memory, one trial needs 2,304Mi" in found.detail

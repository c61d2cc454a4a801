"""What `gilfree knee --manifests` writes is what was measured, restricted, and has a way back."""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path

import jinja2
import pytest
import yaml

from tests.capacity.deploy.test_recommend import only, profile, variant
from toolkit.capacity.deploy.manifests import manifests_of, write_manifests
from toolkit.capacity.deploy.recommend import Recommendation, recommendations
from toolkit.capacity.deploy.replicas import Replicas, unplanned
from toolkit.capacity.placement.scheduler import HOST_SKEW, ZONE_SKEW
from toolkit.manifests import render
from toolkit.scenario.loading import load_scenario

IMAGE = "registry.example/app@sha256:" + 64 * "a"


def recommended(role: str = "free-threaded") -> Recommendation:
    name = "3.14t" if role == "free-threaded" else "3.14"
    found = variant(variant=name, role=role, threads=64, point="json-w1-t64-c128", connections=128)
    return only(recommendations(profile(found)))


def test_the_deployment_runs_what_was_measured_with_what_it_needs() -> None:
    made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(3))
    (container,) = made["deployment"]["spec"]["template"]["spec"]["containers"]
    command = container["command"]
    assert container["image"] == IMAGE
    assert command[command.index("--blocking-threads") + 1] == "64" and command[-1] == "wsgi:app"
    assert container["resources"] == {
        "requests": {"cpu": "1000m", "memory": "128Mi"},
        "limits": {"cpu": "1000m", "memory": "128Mi"},
    }
    assert container["readinessProbe"]["httpGet"]["path"] == "/json"


def test_restricted_pod_security_holds() -> None:
    pod = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(2))["deployment"]["spec"]["template"][
        "spec"
    ]
    assert (
        pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    )
    assert pod["automountServiceAccountToken"] is False
    inside = pod["containers"][0]["securityContext"]
    assert inside["allowPrivilegeEscalation"] is False and inside["capabilities"] == {"drop": ["ALL"]}
    assert inside["readOnlyRootFilesystem"] is True


PLANNED = Replicas(first=20, least=6, most=22, reason="planned", alongside=30, zones=3, arch="amd64")


def test_the_autoscaler_goes_by_the_cpu_of_the_server_alone_between_the_bounds_of_the_plan() -> None:
    made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, PLANNED)
    (metric,) = made["hpa"]["spec"]["metrics"]
    assert metric["type"] == "ContainerResource" and metric["containerResource"]["container"] == "server"
    target = metric["containerResource"]["target"]
    assert target == {"type": "Utilization", "averageUtilization": recommended().scale_at_cpu_percent}
    assert (made["hpa"]["spec"]["minReplicas"], made["hpa"]["spec"]["maxReplicas"]) == (6, 22)
    assert made["hpa"]["spec"]["scaleTargetRef"]["name"] == made["deployment"]["metadata"]["name"]
    assert made["deployment"]["spec"]["replicas"] == 20


def test_pods_are_spread_as_the_plan_has_simulated_it_and_run_on_the_architecture_that_was_measured() -> None:
    def constraints(replicas: Replicas) -> dict[str, tuple[int, str]]:
        made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, replicas)["deployment"]["spec"]
        spread = made["template"]["spec"]["topologySpreadConstraints"]
        assert all(one["labelSelector"]["matchLabels"] == made["selector"]["matchLabels"] for one in spread)
        return {one["topologyKey"]: (one["maxSkew"], one["whenUnsatisfiable"]) for one in spread}

    host, zone = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
    assert constraints(unplanned(2)) == {host: (HOST_SKEW, "ScheduleAnyway")}
    assert constraints(PLANNED) == {host: (HOST_SKEW, "ScheduleAnyway"), zone: (ZONE_SKEW, "ScheduleAnyway")}
    pod = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, PLANNED)["deployment"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "amd64"}


@pytest.mark.parametrize(("alongside", "pods", "share"), [(2, 1, "33%"), (9, 1, "10%"), (18, 2, "10%"), (30, 3, "9%")])
def test_a_canary_is_the_share_that_it_says(alongside: int, pods: int, share: str) -> None:
    made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(alongside))["canary"]
    assert made["spec"]["replicas"] == pods
    said = made["metadata"]["annotations"]["gilfree.io/canary-share"]
    assert said.startswith(f"{pods} of {pods + alongside} pods, {share} of the requests")


def test_a_canary_takes_part_behind_the_same_service_and_rolls_back_to_no_pod() -> None:
    made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(20))
    stable, canary, rollback = (made[name] for name in ("deployment", "canary", "rollback"))
    service = "app.kubernetes.io/name"
    assert rollback["spec"]["replicas"] == 0
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in (stable, canary)]
    assert labels[0][service] == labels[1][service]
    selectors = [one["spec"]["selector"]["matchLabels"] for one in (stable, canary)]
    assert selectors[0] != selectors[1] and canary["metadata"]["name"] == rollback["metadata"]["name"]
    assert "--replicas=0" in canary["metadata"]["annotations"]["gilfree.io/rollback"]
    assert "undo" in stable["metadata"]["annotations"]["gilfree.io/rollback"]


def test_both_variants_are_one_service_so_that_the_other_is_a_rolling_update() -> None:
    scenario = load_scenario("wsgi")
    gil, free = (
        manifests_of(recommended(role), scenario, IMAGE, unplanned(2))["deployment"]
        for role in ("gil", "free-threaded")
    )
    assert gil["metadata"]["name"] == free["metadata"]["name"]
    assert gil["spec"]["selector"] == free["spec"]["selector"]
    assert "canary" not in manifests_of(recommended("gil"), scenario, IMAGE, unplanned(2))


def test_every_value_s_reason_is_an_annotation() -> None:
    made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(2))["deployment"]["metadata"][
        "annotations"
    ]
    assert made["gilfree.io/memory-limit"] == recommended().reasons["memory_limit"]
    assert "gilfree.io/cpu-request" in made and "gilfree.io/threads" in made


def test_files_are_yaml_that_reads_back_as_the_same_objects(tmp_path: Path) -> None:
    files = write_manifests(recommended(), load_scenario("wsgi"), IMAGE, unplanned(2), tmp_path)
    made = manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(2))
    assert {file.stem: yaml.safe_load(file.read_text()) for file in files} == made
    assert {file.parent for file in files} == {tmp_path / "json" / "3.14t"}
    assert not any(re.search(r"[&*]id\d", file.read_text()) for file in files), "anchors are hard to edit by hand"
    json.dumps(made)


def test_a_name_that_is_missing_is_an_error_and_no_empty_word() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("hpa", {"name": "x"})


def test_hostile_words_stay_words() -> None:
    made = manifests_of(recommended(), load_scenario("wsgi"), 'x"\n  hostNetwork: true #', unplanned(2))["deployment"]
    assert "hostNetwork" not in made["spec"]["template"]["spec"]
    assert made["spec"]["template"]["spec"]["containers"][0]["image"].startswith('x"')


@pytest.mark.cluster
def test_a_real_api_server_takes_every_manifest_under_restricted_pod_security() -> None:
    client, config, utils = (importlib.import_module(f"kubernetes.{part}") for part in ("client", "config", "utils"))
    config.load_kube_config()
    api = client.ApiClient()
    core, name = client.CoreV1Api(api), f"gilfree-manifests-{os.getpid()}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    try:
        for kind, made in manifests_of(recommended(), load_scenario("wsgi"), IMAGE, unplanned(2)).items():
            utils.create_from_dict(api, made, namespace=name, dry_run="All")
            if kind != "hpa":
                template = made["spec"]["template"]
                pod = {**template, "metadata": {**template["metadata"], "name": f"of-{kind}"}}
                core.create_namespaced_pod(name, pod, dry_run="All")  # a Deployment's own pods are refused too late
    finally:
        core.delete_namespace(name)

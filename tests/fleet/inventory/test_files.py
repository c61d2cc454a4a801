"""Inventories: Deployments are read as Kubernetes prints them; a service that nothing can be calculated for says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.capacity.nodes.catalogue import MIB
from toolkit.errors import GilfreeError
from toolkit.fleet.inventory.files import inventory_of_cluster, read_inventory


def deployment(name: str = "orders", replicas: Any = 3, **requests: str) -> dict[str, Any]:
    """A Deployment as kubectl prints it."""
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name, "labels": {"lang": "python"}},
        "spec": {
            "replicas": replicas,
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"image": f"registry/{name}:1", "resources": {"requests": requests}}]},
            },
        },
    }


def saved(tmp_path: Path, *items: Any) -> Path:
    """As `kubectl get deploy -A -o json` leaves it."""
    file = tmp_path / "deploy.json"
    file.write_text(json.dumps({"kind": "List", "items": items}))
    return file


def test_a_deployment_is_read_as_kubectl_prints_it(tmp_path: Path) -> None:
    (one,) = read_inventory(saved(tmp_path, deployment(cpu="0.1", memory="128Mi"))).services
    assert (one.namespace, one.name, one.replicas) == ("shop", "orders", 3)
    assert (one.cpu_millis, one.memory_bytes, one.problem) == (100, 128 * MIB, "")
    assert one.labels == {"lang": "python", "app": "orders"}
    assert one.images == ("registry/orders:1",)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (deployment(cpu="100m"), "its pods request no memory"),
        (deployment(), "its pods request no CPU and no memory"),
        (deployment(replicas=0, cpu="1", memory="1Gi"), "it is scaled to no pods"),
        (deployment(cpu="1", memory="1e3Mi"), "its requests cannot be read: memory '1e3Mi' has an exponent"),
        (deployment(cpu="-1", memory="1Gi"), "its requests cannot be read: cpu '-1' is negative"),
        (
            deployment(cpu="1", memory="128m"),
            "its requests are too small: memory '128m' is 0.128 bytes: m means a thousandth; did you mean 128Mi?",
        ),
    ],
)
def test_a_service_that_nothing_can_be_calculated_for_says_why(tmp_path: Path, item: Any, why: str) -> None:
    (one,) = read_inventory(saved(tmp_path, item)).services
    assert one.problem.startswith(why)


def test_a_csv_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "services.csv"
    file.write_text(
        "namespace,name,replicas,cpu,memory,image,labels\nshop,orders,3,0.1,128Mi,r/orders:1,lang=python;a=b\n"
    )
    (one,) = read_inventory(file).services
    assert (one.cpu_millis, one.memory_bytes, one.labels) == (100, 128 * MIB, {"lang": "python", "a": "b"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("namespace,name,replicas\n", "no Deployment in it"),
        ("namespace,name,replicas\nshop,orders,-1\n", r":2: replicas: '-1' is negative"),
        ("namespace,name,replicas\nshop,orders,1.5\n", r":2: replicas: '1.5' is not a number of pods"),
        ("namespace,name,replicas,cpu\nshop,orders,1,-1\n", r":2: cpu: '-1' is not above 0"),
        ("namespace,name,replicas,memory\nshop,orders,1,1e3Mi\n", r":2: memory: '1e3Mi' has an exponent and a suffix"),
        ("namespace,name,replicas,labels\nshop,orders,1,lang\n", r":2: labels: 'lang' has no ="),
        ("namespace,name,replicas\nshop,,1\n", r":2: name: the cell is empty"),
        ("namespace,name,replicas\nshop,a,1\nshop,a,2\n", "shop/a is given twice"),
    ],
)
def test_a_mistake_in_a_csv_is_named_by_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "services.csv"
    file.write_text(text)
    with pytest.raises(GilfreeError, match=said):
        read_inventory(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"kind": "List", "items": []}', "no Deployment in it"),
        ("{", "is not JSON"),
        ("a: [", r":\d is neither JSON nor YAML"),
        ("web: {{ .Values.x }}", "neither JSON nor YAML|holds no list"),
        ("[]", "no Deployment in it"),
        (
            '{"items": [{"kind": "Deployment", "metadata": {}}]}',
            "only 1 object of other kinds: 1 Deployment without metadata and spec",
        ),
        ('{"items": [{"kind": "FleetService", "metadata": {}}]}', "no Deployment in it"),
        ('{"items": [7, {}]}', "only 2 objects of other kinds: 2 without a kind"),
        ('{"type": "ADDED", "object": {}}', "holds no list of Deployments: keys type, object"),
        ("NAMESPACE NAME READY\nshop orders 4/4\n", "holds no list of Deployments: NAMESPACE NAME READY"),
    ],
)
def test_a_file_that_is_not_an_inventory_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "deploy.json"
    file.write_text(text)
    with pytest.raises(GilfreeError, match=said):
        read_inventory(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GilfreeError, match=r"none.json cannot be read"):
        read_inventory(tmp_path / "none.json")


def test_lists_of_the_api_itself_name_the_kind_of_their_items(tmp_path: Path) -> None:
    file = tmp_path / "raw.json"
    bare = deployment(cpu="1", memory="1Gi")
    del bare["kind"]
    file.write_text(json.dumps({"kind": "DeploymentList", "metadata": {}, "items": [bare]}))
    assert [one.problem for one in read_inventory(file).services] == [""]
    file.write_text(json.dumps({"kind": "StatefulSetList", "metadata": {}, "items": [bare]}))
    with pytest.raises(GilfreeError, match="no Deployment in it, only 1 object of other kinds: 1 StatefulSet"):
        read_inventory(file)


@pytest.mark.parametrize(
    ("meta", "said"), [({"continue": "e", "remainingItemCount": 1023}, "1,023 more"), ({"continue": "e"}, "some more")]
)
def test_one_page_of_a_list_is_refused(tmp_path: Path, meta: dict[str, Any], said: str) -> None:
    file = tmp_path / "page.json"
    file.write_text(json.dumps({"kind": "DeploymentList", "metadata": meta, "items": [deployment()]}))
    with pytest.raises(GilfreeError, match=f"one page of a list: {said} objects are not in it"):
        read_inventory(file)


MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, creationTimestamp: 2026-01-01T00:00:00Z }
spec:
  template:
    spec:
      containers: [{ name: web, image: r/web:1, resources: { requests: { cpu: 100m, memory: 220Mi } } }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ port: 8080 }] }
---
"""


def test_plain_manifests_are_read(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST)
    found = read_inventory(file)
    (one,) = found.services
    assert (one.key, one.replicas, one.cpu_millis, one.problem) == (("default", "web"), 1, 100, "")
    assert found.notes == ("1 object of other kinds: 1 Service",)


def test_a_label_like_a_date_is_text(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(MANIFEST.replace("2026-01-01T00:00:00Z", "2026-01-01, labels: { released: 2024-13-45 }"))
    (one,) = read_inventory(file).services
    assert one.labels == {"released": "2024-13-45"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_several_documents_in_any_encoding_of_a_shell_are_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "two.json"
    text = "\n".join(json.dumps(deployment(name, cpu="1", memory="1Gi")) for name in ("a", "b"))
    file.write_bytes(text.encode(encoding))
    assert [one.name for one in read_inventory(file).services] == ["a", "b"]


@pytest.mark.cluster
def test_a_live_cluster_gives_what_kubectl_would() -> None:
    """The API's own objects: what is created there is found there, as the API server rewrote it, with its bounds and proxy."""
    import secrets

    from tests.capacity.oracle import client, config

    api = config.new_client_from_config()
    core, name = client.CoreV1Api(api), f"inventory-{secrets.token_hex(3)}"
    labels, selector = {"istio-injection": "enabled"}, {"matchLabels": {"app": name}}
    body = deployment(name, 0, cpu="0.1", memory="1e9")
    body["metadata"]["namespace"] = name
    body["spec"]["selector"] = selector
    body["spec"]["template"]["spec"]["containers"][0]["name"] = "main"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    scaled = {"minReplicas": 2, "maxReplicas": 7, "scaleTargetRef": target}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    try:
        client.AppsV1Api(api).create_namespaced_deployment(name, body)
        client.AutoscalingV2Api(api).create_namespaced_horizontal_pod_autoscaler(
            name, {"metadata": {"name": name}, "spec": scaled}
        )
        client.PolicyV1Api(api).create_namespaced_pod_disruption_budget(
            name, {"metadata": {"name": name}, "spec": {"minAvailable": 3, "selector": selector}}
        )
        found = inventory_of_cluster()
        (one,) = (one for one in found.services if one.name == name)
    finally:
        core.delete_namespace(name)
    assert (one.cpu_millis, one.memory_bytes) == (100 + 100, 10**9 + 128 * MIB)
    assert (one.problem, one.least_pods, one.most_pods) == ("it is scaled to no pods", 3, 7)
    assert one.labels["app"] == name and "istio" in one.caveat
    assert not [note for note in found.notes if "not considered" in note]

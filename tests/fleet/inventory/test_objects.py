"""Objects of any kind: services are read, others are counted, and an odd one never refuses the others."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fleet.factory import BUSY, FASTER, NODES
from tests.fleet.inventory.factory import autoscaler, budget, container, inventory, rollout_of, service, workload
from toolkit.fleet.inventory.files import read_inventory
from toolkit.fleet.ranking import rank_services
from toolkit.fleet.rules import FleetRules, NamedProfile, Rule

CRON_JOB = {
    "kind": "CronJob",
    "metadata": {"namespace": "shop", "name": "nightly"},
    "spec": {"jobTemplate": {"metadata": {}, "spec": workload()["spec"]}},
}


def test_objects_of_other_kinds_are_counted_in_words_and_cost_no_service(tmp_path: Path) -> None:
    others = [workload("StatefulSet", "a"), workload("DaemonSet", "b"), CRON_JOB, workload("Job", "c"), CRON_JOB]
    file = tmp_path / "all.json"
    file.write_text(json.dumps({"kind": "List", "items": [*others, workload()]}))
    found = read_inventory(file)
    assert [one.name for one in found.services] == ["orders"]
    (words,) = found.notes
    assert words.startswith("5 objects of other kinds: 2 CronJob, ")
    assert all(kind in words for kind in ("1 StatefulSet", "1 DaemonSet", "1 Job"))


def test_a_rollout_runs_its_deployments_template() -> None:
    one = service(workload(replicas=0), rollout_of("orders", "orders"))
    assert (one.name, one.replicas, one.cpu_millis, one.problem) == ("orders", 6, 1000, "")
    assert one.labels["lang"] == "python"


@pytest.mark.parametrize(
    ("items", "name", "replicas", "problem"),
    [
        ([workload("Rollout")], "orders", 3, ""),
        ([workload("Rollout", replicas=5), workload(replicas=0)], "orders", 5, ""),
        ([workload("Rollout"), workload()], "orders", 3, "a Rollout and a Deployment of this name both run pods"),
        (
            [rollout_of("orders", "orders"), workload(replicas=2)],
            "orders",
            6,
            "a Rollout and its Deployment both run it",
        ),
        ([rollout_of("orders", "gone")], "orders", 6, "the template of Deployment gone, which is not in the inventory"),
        ([rollout_of("orders", "orders", 0), workload(replicas=0)], "orders", 0, "it is scaled to no pods"),
        ([rollout_of("canary", "orders"), workload(replicas=0)], "canary", 6, ""),
        ([workload(), workload()], "orders", 3, ""),
        ([workload(), workload(replicas=9)], "orders", 3, "it is given twice, with different content"),
        ([workload(replicas="many")], "orders", 1, "its number of replicas cannot be read: 'many'"),
        ([workload(containers="web")], "orders", 3, "its containers are not as Kubernetes writes them"),
        ([workload(initContainers=7)], "orders", 3, "its containers are not as Kubernetes writes them"),
    ],
)
def test_what_runs_a_service_and_what_is_wrong_with_it(items: Any, name: str, replicas: int, problem: str) -> None:
    one = service(*items)
    assert (one.name, one.replicas) == (name, replicas)
    assert problem in one.problem and bool(problem) == bool(one.problem)


WHOLE = [
    workload(
        containers=[container("web", "1", "512Mi"), container("log", "50m", "64Mi")],
        initContainers=[container("init", "2", "1Gi"), container("side", "50m", "32Mi", restartPolicy="Always")],
        resources={"limits": {"cpu": "3"}},
        overhead={"memory": "64Mi"},
        metadata={"labels": {"app": "orders"}, "annotations": {"sidecar.istio.io/proxyCPU": "200m"}},
    ),
    workload("Rollout", "basket"),
    rollout_of("cart", "orders"),
    autoscaler(),
    budget("50%", matchLabels={"app": "orders"}, matchExpressions=[{"key": "app", "operator": "In", "values": ["x"]}]),
    CRON_JOB,
    {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}},
]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value is in nested mappings and lists."""
    yield place
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(below, (*place, key))


ALL_PYTHON = FleetRules({"wsgi": NamedProfile("wsgi", FASTER, own=False)}, (Rule((), "wsgi"),))
ODD = st.sampled_from(
    [None, 7, -1, 1.5, "", "text", True, [], [7], [None], {}, {"name": 7}, {"a": [1]}, "9" * 40, 10**30]
)


@settings(max_examples=400)
@given(st.sampled_from(list(places(WHOLE))[1:]), ODD)
def test_whatever_is_odd_about_one_object_the_others_are_read(place: tuple[Any, ...], odd: Any) -> None:
    items = copy.deepcopy(WHOLE)
    target: Any = items
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = odd
    found = inventory(*items, workload(name="healthy"))
    assert [one.problem for one in found.services if one.name == "healthy"] == [""]
    ranked = rank_services(found.services, ALL_PYTHON, {one.key: BUSY for one in found.services}, NODES)
    assert [one.profile for one in ranked.services if one.name == "healthy"] == ["wsgi"]


@pytest.mark.parametrize("items", [[rollout_of("orders", "gone")], [{**workload(), "spec": {"replicas": 2}}]])
def test_a_service_without_a_template_is_unknown_and_never_not_python(items: Any) -> None:
    one = service(*items)
    rules = FleetRules(ALL_PYTHON.profiles, (Rule((), None),))
    (ranked,) = rank_services([one], rules, {one.key: BUSY}, NODES).services
    assert (ranked.verdict, ranked.why) == ("unknown", one.problem) and "template" in one.problem


def test_an_object_of_another_kind_is_no_service_of_that_name() -> None:
    one = service(workload(), autoscaler(kind="StatefulSet"))
    assert (one.least_pods, one.most_pods) == (0, None)

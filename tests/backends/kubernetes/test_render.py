"""A trial's Job: guaranteed, pinned, restricted, quiet, findable, and nothing in a value can change its shape."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import scenario
from toolkit.backends.kubernetes.jobs import config_map_name
from toolkit.backends.kubernetes.render import container_shares, deadline_seconds, render_job
from toolkit.manifests import as_yaml
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm, Trial

DIGEST = "registry.example/app@sha256:" + 64 * "a"
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=80)
"""Any text that JSON can carry: quotes, newlines, YAML's and Jinja's own signs, emoji, DEL."""


def trial(campaign: str = "night-asgi", arm: str = "3.14t", image: str = DIGEST, attempt: int = 1) -> Trial:
    one = scenario("asgi:app")
    return Trial(campaign, one, one.points()[0], 3, Arm(arm, "free-threaded", image), attempt)


def job(one: Trial | None = None, **settings: Any) -> dict[str, Any]:
    mine, found = ClusterSettings.model_validate(settings), one or trial()
    return render_job(found, DIGEST, mine, container_shares(found.scenario, mine))


def both(made: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = made["spec"]["template"]["spec"]
    (server,), (load,) = spec["initContainers"], spec["containers"]
    return server, load


def shape(data: Any) -> Any:
    """Keys and kinds of values, without the values."""
    if isinstance(data, dict):
        return {key: shape(value) for key, value in data.items()}
    return [shape(value) for value in data] if isinstance(data, list) else type(data).__name__


def test_requests_are_limits_in_both_containers_so_the_pod_is_guaranteed() -> None:
    for container in both(job()):
        resources = container["resources"]
        assert resources["requests"] == resources["limits"] and set(resources["limits"]) == {"cpu", "memory"}


def test_the_server_has_whole_cpus_to_be_pinned_to_and_the_loader_has_not() -> None:
    server, load = both(job())
    assert server["resources"]["limits"]["cpu"] == "1"
    assert load["resources"]["limits"]["cpu"] == "900m"


def test_a_fraction_is_asked_for_in_millis_and_never_less_than_given() -> None:
    server, _ = both(job(server={"cpus": 0.3333, "memory": "64Mi"}))
    assert server["resources"]["limits"] == {"cpu": "334m", "memory": str(64 << 20)}


@pytest.mark.parametrize(("node_cpus", "server"), [(None, 1), (1.9, 1), (4, 3), (8, 6), (64, 8)])
def test_auto_takes_what_a_node_has_beside_the_loader(node_cpus: float | None, server: int) -> None:
    one = Scenario.model_validate({**scenario("asgi:app").model_dump(by_alias=True), "resources": {}})
    found = container_shares(one, ClusterSettings(), node_cpus)
    assert found.server_cpus == server
    assert node_cpus is None or found.server_cpus + found.load_cpus <= node_cpus


def test_the_server_is_a_sidecar_that_gates_the_loader() -> None:
    server, load = both(job())
    assert server["restartPolicy"] == "Always" and "exec" in server["startupProbe"]
    assert "restartPolicy" not in load and "startupProbe" not in load


def test_restricted_pod_security_holds() -> None:
    made = job()
    spec = made["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and isinstance(spec["securityContext"]["runAsUser"], int)
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in both(made):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_pod_s_deadline_keeps_the_logs_and_comes_before_the_job_s_that_would_not() -> None:
    made, one = job(), trial()
    inner = made["spec"]["template"]["spec"]["activeDeadlineSeconds"]
    assert inner == deadline_seconds(one) > one.longest_load_seconds
    assert made["spec"]["activeDeadlineSeconds"] > inner
    assert made["spec"]["backoffLimit"] == 0 and "podFailurePolicy" not in made["spec"]
    assert made["spec"]["ttlSecondsAfterFinished"] > 0


def test_a_job_waits_until_it_is_released_and_then_runs_on_its_node_alone() -> None:
    one = trial()
    made = render_job(one, DIGEST, ClusterSettings(), container_shares(one.scenario, ClusterSettings()), node="node-7")
    affinity = made["spec"]["template"]["spec"]["affinity"]
    (term,) = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (apart,) = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert made["spec"]["suspend"] is True
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["node-7"]}]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert apart["labelSelector"]["matchLabels"].items() <= made["spec"]["template"]["metadata"]["labels"].items()


def test_under_a_queue_the_queue_owns_suspend() -> None:
    made = job(queue="batch")
    assert made["spec"]["suspend"] is False
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "batch"


def test_a_user_s_labels_and_annotations_do_not_replace_those_that_trials_are_found_by() -> None:
    made = job(labels={"app.kubernetes.io/managed-by": "me", "team": "web"}, annotations={"gilfree.io/point": "x"})
    assert made["metadata"]["labels"]["team"] == "web"
    assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "gilfree"
    assert made["metadata"]["annotations"]["gilfree.io/point"] == trial().point.key


def test_nothing_of_a_command_is_taken_for_a_variable_by_the_kubelet() -> None:
    server, _ = both(job(trial(campaign="x$(PATH)")))
    assert all("$(" not in word.replace("$$", "") for word in server["command"])


@given(WORDS, WORDS)
def test_different_campaigns_have_jobs_and_descriptions_of_different_names(one: str, other: str) -> None:
    same = one == other
    assert (trial(one).id == trial(other).id) == same
    assert (config_map_name(one) == config_map_name(other)) == same
    assert DNS_LABEL.fullmatch(config_map_name(one))


@pytest.mark.parametrize("other", ["Night", "nìght", "night_", "-night", "night "])
def test_names_that_differ_in_case_or_signs_alone_stay_different(other: str) -> None:
    assert trial("night").id != trial(other).id
    assert config_map_name("night") != config_map_name(other)


@given(WORDS, WORDS, WORDS)
def test_no_value_changes_the_shape_of_a_manifest_or_itself(image: str, why: str, secret: str) -> None:
    plain = job(annotations={"example.com/why": "x"}, tolerations=[{"key": "a", "value": "b"}])
    made = job(trial(image=image), annotations={"example.com/why": why}, tolerations=[{"key": secret, "value": why}])
    assert shape(made) == shape(plain)
    assert both(made)[0]["image"] == image
    assert made["metadata"]["annotations"]["example.com/why"] == why
    assert made["spec"]["template"]["spec"]["tolerations"][0]["key"] == secret


@given(WORDS)
def test_a_written_manifest_reads_back_as_the_same_object(why: str) -> None:
    made = job(annotations={"example.com/why": why})
    (text,) = as_yaml([made])
    assert yaml.safe_load(text) == made


@pytest.mark.parametrize("word", ["1e3", "y", "on", "0o17", "0x1F", "null", "~", "1_000", "12:30", ".inf", "<<", "="])
def test_words_that_some_reader_of_yaml_takes_for_something_else_are_quoted(word: str) -> None:
    (text,) = as_yaml([{"annotation": word}])
    assert text in (f'---\nannotation: "{word}"\n', f"---\nannotation: '{word}'\n")

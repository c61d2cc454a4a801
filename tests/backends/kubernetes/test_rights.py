"""manifests/rbac.yaml grants what the preflight asks for and the tool uses, nothing less and nothing more."""

from __future__ import annotations

from typing import Any

import yaml

from toolkit import paths
from toolkit.backends.kubernetes.preflight import PERMISSIONS


def objects() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((paths.shipped("manifests") / "rbac.yaml").read_text()))


def test_exactly_what_the_preflight_asks_for_is_granted_and_only_nodes_beyond_the_namespace() -> None:
    granted = {
        (verb, resource, group, made["kind"] == "Role")
        for made in objects()
        for rule in made.get("rules", ())
        for verb in rule["verbs"]
        for resource in rule["resources"]
        for group in rule["apiGroups"]
    }
    used = {
        (one.verb, f"{one.resource}/{one.subresource}" if one.subresource else one.resource, one.group, one.namespaced)
        for one in PERMISSIONS
    }
    assert granted == used
    assert {resource for _, resource, _, namespaced in granted if not namespaced} == {"nodes"}
    assert not any("*" in one[:3] for one in granted)


def test_each_binding_binds_a_role_that_is_there_to_somebody() -> None:
    roles = {(made["kind"], made["metadata"]["name"]) for made in objects() if "rules" in made}
    bindings = [made for made in objects() if made["kind"].endswith("Binding")]
    assert {(made["roleRef"]["kind"], made["roleRef"]["name"]) for made in bindings} == roles
    assert all(made["subjects"] for made in bindings)


def test_the_namespace_that_comes_with_it_enforces_the_restricted_standard() -> None:
    (namespace,) = (made for made in objects() if made["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

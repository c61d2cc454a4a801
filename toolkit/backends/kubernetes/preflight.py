"""What a cluster must allow and offer before a campaign begins, decided from its answers. Pure; preflight_queries.py asks.

Every blocking result has its remedy. What the user may not read does not block: the result says so, and the first trial
shows it. Whether images can be pulled, only a pod on a node can show: its events become the trial's reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from toolkit.errors import GilfreeError
from toolkit.quantities import quantity_of

MIN_SERVER_VERSION = (1, 29)
"""From this version on, native sidecars (init containers that keep running) are on by default."""

State = Literal["passed", "unknown", "blocking"]
Object = Mapping[str, Any]


@dataclass(frozen=True)
class PreflightResult:
    """The result of one check. `unknown` (it could not be checked, or may spoil trials) lets the campaign continue."""

    name: str
    state: State
    detail: str
    remedy: str = ""

    def text(self) -> str:
        """As a caveat or an error shows it."""
        return f"{self.name}: {self.detail}" + (f"; {self.remedy}" if self.remedy and self.state == "unknown" else "")


@dataclass(frozen=True)
class Permission:
    """A right that a campaign uses. needed: whether it must have it; otherwise `why` says what is not checked without it."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespaced: bool = True
    needed: bool = True
    why: str = ""

    def text(self) -> str:
        """As `kubectl auth can-i` writes it."""
        where = "" if self.namespaced else " (whole cluster)"
        return f"{self.verb} {self.resource}{f'/{self.subresource}' if self.subresource else ''}{where}"


def _permissions(verbs: str, resource: str, **more: Any) -> tuple[Permission, ...]:
    return tuple(Permission(verb, resource, **more) for verb in verbs.split())


PERMISSIONS = (
    *_permissions("create get list patch delete deletecollection", "jobs", group="batch"),
    *_permissions("create get list watch delete", "pods"),
    Permission("get", "pods", subresource="log"),
    Permission("list", "events"),
    *_permissions("create get list delete deletecollection", "configmaps"),
    *_permissions("get list", "nodes", namespaced=False),
    Permission("list", "resourcequotas", needed=False, why="quotas are not checked beforehand"),
    Permission("list", "limitranges", needed=False, why="limit ranges are not checked beforehand"),
)
"""What manifests/rbac.yaml grants: the rights that are needed, and those that are used where they are granted."""


def check_server_version(version: Object) -> PreflightResult:
    """Whether the API server knows native sidecars. version: its answer to /version."""
    name = str(version.get("gitVersion", "unknown"))
    digits = re.match(r"v?(\d+)\.(\d+)", name)
    if digits is None:
        return PreflightResult("version", "unknown", f"the API server reports the version {name!r}")
    if (int(digits[1]), int(digits[2])) < MIN_SERVER_VERSION:
        least = ".".join(map(str, MIN_SERVER_VERSION))
        return PreflightResult(
            "version", "blocking", f"the API server is {name}", f"{least} or newer is needed (sidecars)"
        )
    return PreflightResult("version", "passed", name)


def check_permissions(answers: Mapping[Permission, bool], namespace: str) -> Iterator[PreflightResult]:
    """Which rights the user lacks. answers: whether each permission was granted."""
    denied = [one for one, allowed in answers.items() if not allowed]
    lacking = [one.text() for one in denied if one.needed]
    if lacking:
        yield PreflightResult(
            "permissions",
            "blocking",
            f"in namespace {namespace} you may not: {', '.join(lacking)}",
            "have manifests/rbac.yaml applied for this namespace and your user, or take another NAMESPACE",
        )
    else:
        yield PreflightResult(
            "permissions", "passed", f"all {sum(one.needed for one in answers)} that are needed are granted"
        )
    for one in denied:
        if not one.needed:
            yield PreflightResult("permissions", "unknown", f"{one.why}: not allowed to {one.text()}")


Amounts = dict[str, Decimal]


def pod_resources(pod: Object) -> tuple[Amounts, Amounts]:
    """Requests and limits of a pod by resource. Sidecars run alongside the main containers, so all of them add up."""
    spec = pod["spec"]
    requests, limits = Amounts(), Amounts()
    sidecars = [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    for container in (*sidecars, *(spec.get("containers") or [])):
        for sums, part in ((requests, "requests"), (limits, "limits")):
            for name, value in ((container.get("resources") or {}).get(part) or {}).items():
                sums[name] = sums.get(name, Decimal(0)) + quantity_of(value)
    for name, value in (spec.get("overhead") or {}).items():
        requests[name] = requests.get(name, Decimal(0)) + quantity_of(value)
        limits[name] = limits.get(name, Decimal(0)) + quantity_of(value)
    return requests, limits


def check_quotas(found: Sequence[Object], pod: Object, at_once: int) -> Iterator[PreflightResult]:
    """Whether `at_once` such pods fit into what is left of each ResourceQuota. Quotas with a scope are left to admission."""
    requests, limits = pod_resources(pod)
    wanted = {
        **{f"requests.{name}": value for name, value in requests.items()},
        **requests,  # `cpu` in a quota is requests.cpu
        **{f"limits.{name}": value for name, value in limits.items()},
        "pods": Decimal(1),
        "count/pods": Decimal(1),
    }
    for quota in found:
        name, spec = quota["metadata"]["name"], quota.get("spec") or {}
        if spec.get("scopes") or spec.get("scopeSelector"):
            continue
        used = (quota.get("status") or {}).get("used") or {}
        for resource, hard in (spec.get("hard") or {}).items():
            free = quantity_of(hard) - quantity_of(used.get(resource, "0"))
            if resource in wanted and wanted[resource] > free:
                yield PreflightResult(
                    "quota",
                    "blocking",
                    f"ResourceQuota {name} leaves {_amount_text(resource, free)} of {resource}, one trial needs"
                    f" {_amount_text(resource, wanted[resource])}",
                    "free some, have the quota raised, or ask for less (`cluster:` server and load, or resources)",
                )
            elif resource in wanted and wanted[resource] * at_once > free:
                yield PreflightResult(
                    "quota",
                    "unknown",
                    f"ResourceQuota {name} leaves {_amount_text(resource, free)} of {resource}: {at_once} trials at once"
                    f" need {_amount_text(resource, wanted[resource] * at_once)}",
                    "some will wait or be rejected; have it raised, or select fewer nodes",
                )


def check_limit_ranges(found: Sequence[Object], pod: Object) -> Iterator[PreflightResult]:
    """Whether the pod and its containers are within each LimitRange. Its defaults do not matter: trials set every value."""
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    requests, limits = pod_resources(pod)
    for one in found:
        name = one["metadata"]["name"]
        for limit in (one.get("spec") or {}).get("limits") or []:
            if limit["type"] == "Pod":
                yield from _outside_range(name, limit, "the pod", requests, limits)
            elif limit["type"] == "Container":
                for container in containers:
                    resources = container.get("resources") or {}
                    given = [
                        {k: quantity_of(v) for k, v in (resources.get(p) or {}).items()} for p in ("requests", "limits")
                    ]
                    yield from _outside_range(name, limit, f"container {container['name']}", *given)


def _outside_range(
    name: str, limit: Object, what: str, requests: Amounts, limits: Amounts
) -> Iterator[PreflightResult]:
    remedy = "ask for an amount within it (`cluster:` server and load, or resources), or take another NAMESPACE"
    for resource, most in (limit.get("max") or {}).items():
        if limits.get(resource, Decimal(0)) > quantity_of(most):
            actual = f"{what} has {_amount_text(resource, limits[resource])}"
            yield PreflightResult("limit range", "blocking", f"{name}: at most {most} of {resource}, {actual}", remedy)
    for resource, least in (limit.get("min") or {}).items():
        if resource in requests and requests[resource] < quantity_of(least):
            actual = f"{what} has {_amount_text(resource, requests[resource])}"
            yield PreflightResult(
                "limit range", "blocking", f"{name}: at least {least} of {resource}, {actual}", remedy
            )


def _amount_text(resource: str, value: Decimal) -> str:
    if "memory" in resource and abs(value) >= 1 << 20:
        return f"{float(value) / (1 << 20):,.0f}Mi"
    return f"{value.normalize():f}"


def raise_blocking(results: Sequence[PreflightResult]) -> None:
    """Raises GilfreeError with every blocking result and each remedy once; does nothing when there is none."""
    blocking = [one for one in results if one.state == "blocking"]
    if blocking:
        remedies = dict.fromkeys(one.remedy for one in blocking)
        raise GilfreeError("; ".join(one.text() for one in blocking), "; ".join(remedies))


def check_cpu_manager(policies: Mapping[str, str | None], *, required: bool) -> Iterator[PreflightResult]:
    """Whether servers get exclusive CPUs.

    policies: each node's CPU manager policy, None when it could not be read. required: whether trials without
    exclusive CPUs are rejected.
    """
    without = sorted(name for name, policy in policies.items() if policy not in (None, "static"))
    unknown = sorted(name for name, policy in policies.items() if policy is None)
    if without:
        yield PreflightResult(
            "pinning",
            "blocking" if required else "unknown",
            f"the CPU manager policy of {', '.join(without[:5])} is not static: servers get no exclusive CPU there",
            "set cpuManagerPolicy: static in the kubelet's configuration, select other nodes (`cluster: {nodeSelector}`),"
            " or take `cluster: {pinning: preferred}` and trust the figures less",
        )
    if unknown:
        detail = f"the CPU manager policy of {', '.join(unknown[:5])} cannot be read"
        yield PreflightResult("pinning", "unknown", detail, "the first trial shows from inside whether it is static")
    if policies and not without and not unknown:
        yield PreflightResult("pinning", "passed", "static CPU manager")

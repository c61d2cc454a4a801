"""What a cluster must allow and hold before a campaign begins, judged from what it answers. Pure; asking.py asks.

Every finding that is in the way comes with its remedy. What may not be looked at is no obstacle: it is said, and the
first trial shows it. Whether images can be pulled, only a pod on a node can tell: its events become the trial's reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from toolkit.errors import GilfreeError
from toolkit.quantities import quantity_of

LEAST_SERVER = (1, 29)
"""Where native sidecars (an init container that stays) are on by default."""

State = Literal["passed", "unknown", "blocking"]
Object = Mapping[str, Any]


@dataclass(frozen=True)
class PreflightResult:
    """One thing that was looked at. `unknown`: it could not be, or it may spoil trials; the campaign goes on."""

    name: str
    state: State
    detail: str
    remedy: str = ""

    def text(self) -> str:
        """For a caveat or an error."""
        return f"{self.name}: {self.detail}" + (f"; {self.remedy}" if self.remedy and self.state == "unknown" else "")


@dataclass(frozen=True)
class Permission:
    """A right that the tool uses. `needed`: without it there is no campaign; else it only sees less."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespaced: bool = True
    needed: bool = True
    why: str = ""

    def text(self) -> str:
        """As `kubectl auth can-i` has it."""
        where = "" if self.namespaced else " (whole cluster)"
        return f"{self.verb} {self.resource}{f'/{self.subresource}' if self.subresource else ''}{where}"


def _all(verbs: str, resource: str, **more: Any) -> tuple[Permission, ...]:
    return tuple(Permission(verb, resource, **more) for verb in verbs.split())


PERMISSIONS = (
    *_all("create get list patch delete deletecollection", "jobs", group="batch"),
    *_all("create get list watch delete", "pods"),
    Permission("get", "pods", subresource="log"),
    Permission("list", "events"),
    *_all("create get list delete deletecollection", "configmaps"),
    *_all("get list", "nodes", namespaced=False),
    Permission("list", "resourcequotas", needed=False, why="quotas are not looked at before"),
    Permission("list", "limitranges", needed=False, why="limit ranges are not looked at before"),
)
"""What manifests/rbac.yaml grants; the needed ones, and what is used where it is granted."""


def check_server_version(version: Object) -> PreflightResult:
    """Old API servers do not know native sidecars."""
    said = str(version.get("gitVersion", "unknown"))
    digits = re.match(r"v?(\d+)\.(\d+)", said)
    if digits is None:
        return PreflightResult("version", "unknown", f"the API server says {said!r} of itself")
    if (int(digits[1]), int(digits[2])) < LEAST_SERVER:
        least = ".".join(map(str, LEAST_SERVER))
        return PreflightResult(
            "version", "blocking", f"the API server is {said}", f"{least} or newer is needed (sidecars)"
        )
    return PreflightResult("version", "passed", said)


def check_permissions(answers: Mapping[Permission, bool], namespace: str) -> Iterator[PreflightResult]:
    """What SelfSubjectAccessReviews said."""
    denied = [one for one, allowed in answers.items() if not allowed]
    lacking = [one.text() for one in denied if one.needed]
    if lacking:
        yield PreflightResult(
            "permissions",
            "blocking",
            f"in namespace {namespace} you may not: {', '.join(lacking)}",
            "have manifests/rbac.yaml applied for this namespace and yourself, or take another NAMESPACE",
        )
    else:
        yield PreflightResult("permissions", "passed", f"all {sum(one.needed for one in answers)} that are needed")
    for one in denied:
        if not one.needed:
            yield PreflightResult("permissions", "unknown", f"{one.why}: not allowed to {one.text()}")


Amounts = dict[str, Decimal]


def pod_resources(pod: Object) -> tuple[Amounts, Amounts]:
    """Requests and limits of a pod by resource: sidecars run beside the main containers, so all of them add up."""
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
    """Whether `at_once` such pods fit in what is left of each ResourceQuota. Scoped quotas are left to admission."""
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
                    f"ResourceQuota {name} leaves {_short(resource, free)} of {resource}, one trial needs"
                    f" {_short(resource, wanted[resource])}",
                    "free some, have the quota raised, or ask for less (`cluster:` server and load, or resources)",
                )
            elif resource in wanted and wanted[resource] * at_once > free:
                yield PreflightResult(
                    "quota",
                    "unknown",
                    f"ResourceQuota {name} leaves {_short(resource, free)} of {resource}: {at_once} trials at once"
                    f" need {_short(resource, wanted[resource] * at_once)}",
                    "some will wait or be rejected; have it raised, or select fewer nodes",
                )


def check_limit_ranges(found: Sequence[Object], pod: Object) -> Iterator[PreflightResult]:
    """Whether the pod and its containers are within each LimitRange; defaults do not matter, all is given."""
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    requests, limits = pod_resources(pod)
    for one in found:
        name = one["metadata"]["name"]
        for limit in (one.get("spec") or {}).get("limits") or []:
            if limit["type"] == "Pod":
                yield from _within(name, limit, "the pod", requests, limits)
            elif limit["type"] == "Container":
                for container in containers:
                    its = container.get("resources") or {}
                    given = [{k: quantity_of(v) for k, v in (its.get(p) or {}).items()} for p in ("requests", "limits")]
                    yield from _within(name, limit, f"container {container['name']}", *given)


def _within(name: str, limit: Object, what: str, requests: Amounts, limits: Amounts) -> Iterator[PreflightResult]:
    remedy = "ask for an amount within it (`cluster:` server and load, or resources), or take another NAMESPACE"
    for resource, most in (limit.get("max") or {}).items():
        if limits.get(resource, Decimal(0)) > quantity_of(most):
            asked = f"{what} has {_short(resource, limits[resource])}"
            yield PreflightResult("limit range", "blocking", f"{name}: at most {most} of {resource}, {asked}", remedy)
    for resource, least in (limit.get("min") or {}).items():
        if resource in requests and requests[resource] < quantity_of(least):
            asked = f"{what} has {_short(resource, requests[resource])}"
            yield PreflightResult("limit range", "blocking", f"{name}: at least {least} of {resource}, {asked}", remedy)


def _short(resource: str, value: Decimal) -> str:
    if "memory" in resource and abs(value) >= 1 << 20:
        return f"{float(value) / (1 << 20):,.0f}Mi"
    return f"{value.normalize():f}"


def admission_changes(sent: Object, kept: Object) -> list[str]:
    """What a server-side dry run made of an object, beside the API's own defaults, in words: what was sent must be
    there, and nothing may be added to a pod's containers, volumes, tolerations and the like."""
    return list(_changes("", sent, kept))


ADDED = ("containers", "initContainers", "volumes", "tolerations", "env", "volumeMounts", "imagePullSecrets", "args")
KEYED = ("labels", "annotations", "nodeSelector", "limits", "requests")
OWN_KEYS = re.compile(r"(batch\.kubernetes\.io/)?(controller-uid|job-name|job-tracking)$")
OWN_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _changes(path: str, sent: Any, kept: Any) -> Iterator[str]:
    last = path.rpartition(".")[2]
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for key, value in sent.items():
            where = f"{path}.{key}" if path else str(key)
            if key in kept:
                yield from _changes(where, value, kept[key])
            elif value not in (None, [], {}, ""):
                yield f"{where} is removed"
        for key, value in kept.items():
            if key not in sent and (last in KEYED and not OWN_KEYS.match(key)):
                yield f"{path}.{key} is added: {str(value)[:100]}"
            elif key not in sent and key in ADDED and not path.endswith("]"):
                yield from _changes(f"{path}.{key}", [], value)
    elif isinstance(sent, list) and isinstance(kept, list):
        yield from _listed(path, last, sent, kept)
    elif sent != kept and not _same_amount(sent, kept):
        yield f"{path} is changed from {str(sent)[:100]} to {str(kept)[:100]}"


def _listed(path: str, last: str, sent: list[Any], kept: list[Any]) -> Iterator[str]:
    if not any(isinstance(one, Mapping) for one in (*sent, *kept)):
        if sent != kept:
            yield f"{path} is changed from {str(sent)[:100]} to {str(kept)[:100]}"
        return
    names = [_name(one) for one in sent]
    for index, one in enumerate(sent):
        same = [other for other in kept if _name(other) == names[index]]
        if same:
            yield from _changes(f"{path}[{names[index] or index}]", one, same[0] if names[index] else kept[index])
        else:
            yield f"{path}[{names[index] or index}] is removed"
    for one in kept:
        if _name(one) not in names and last in ADDED and one.get("key") not in OWN_TOLERATIONS:
            yield f"{path}[{_name(one)}] is added"


def _name(one: Any) -> str:
    return str(one.get("name") or one.get("key") or "") if isinstance(one, Mapping) else str(one)


def _same_amount(sent: Any, kept: Any) -> bool:
    try:
        return quantity_of(sent) == quantity_of(kept)
    except ValueError:
        return False


def raise_blocking(results: Sequence[PreflightResult]) -> None:
    """Raise GilfreeError with all that is in the way, each with its remedy."""
    found = [one for one in results if one.state == "blocking"]
    if found:
        remedies = dict.fromkeys(one.remedy for one in found)
        raise GilfreeError("; ".join(one.text() for one in found), "; ".join(remedies))


def check_cpu_manager(policies: Mapping[str, str | None], *, required: bool) -> Iterator[PreflightResult]:
    """Whether servers will get CPUs of their own; `policies` by node, None where the kubelet could not be asked."""
    without = sorted(name for name, policy in policies.items() if policy not in (None, "static"))
    unseen = sorted(name for name, policy in policies.items() if policy is None)
    if without:
        yield PreflightResult(
            "pinning",
            "blocking" if required else "unknown",
            f"the CPU manager policy of {', '.join(without[:5])} is not static: servers get no CPU of their own there",
            "set cpuManagerPolicy: static in the kubelet's configuration, select other nodes (`cluster: {nodeSelector}`),"
            " or take `cluster: {pinning: preferred}` and believe the figures less",
        )
    if unseen:
        words = f"the CPU manager policy of {', '.join(unseen[:5])} cannot be seen from here"
        yield PreflightResult("pinning", "unknown", words, "the first trial shows from inside whether it is static")
    if policies and not without and not unseen:
        yield PreflightResult("pinning", "passed", "static CPU manager")

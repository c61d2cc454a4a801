"""What Prometheus is asked. Pure but for reading the user's file.

CPU and memory come from cAdvisor, which every cluster with Prometheus has; each container counts once, however often it
is scraped. There is no standard metric of requests: the default is `http_requests_total`. `requests`, `cpu` and `memory`
are expressions of one moment, by service; they are asked for hour by hour over the last days, each as its highest five
minutes, so that requests and CPU are of the same hours. `rps`, `cpu_p95` and `memory_max`, where the user gives them, are
finished figures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.capacity.inputs.yaml_mapping import YamlMapping
from toolkit.errors import GilfreeError
from toolkit.scenario.yaml_source import read_yaml

RANDOM = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of the random ends that Kubernetes gives names: no vowels, nothing that looks like a vowel."""
HASH = "456789bcdf"
"""The letters of the hash of a ReplicaSet: ten digits, written in RANDOM."""
POD_PATTERNS = (f"(.+)-[{RANDOM}]{{5}}", r"(.+)-[0-9]+", f"(.+)-[{HASH}]{{1,10}}-[{RANDOM}]{{5}}")
"""Names of the pods of a DaemonSet, a StatefulSet and a Deployment; the last that matches holds."""
CONTAINERS = 'container!="",container!="POD"'
MOMENTS = {"requests": "rps", "cpu": "cpu_p95", "memory": "memory_max"}
"""The expressions of one moment, and the finished figure that stands in for each."""


@dataclass(frozen=True)
class Span:
    """The stretch of time that is asked for: `total`, in steps of `step`, the highest `window` of each; in seconds.

    `piece`: at most as much in one query, because a server holds all samples of a query in memory, and at most 50 million.
    """

    total: int = 7 * 24 * 3600
    step: int = 3600
    window: int = 300
    piece: int = 2 * 3600

    def highest(self, expression: str) -> str:
        """The query of the highest value that an expression of one moment has in each step."""
        return f"max_over_time(({expression})[{self.step}s:{self.window}s])"


LAST_WEEK = Span()


@dataclass(frozen=True)
class Queries:
    """Expressions by name: `moments` (names as in MOMENTS; a default for each that is absent) and finished `figures`.

    `select`: label matchers for the defaults, such as `cluster="prod"`.
    """

    moments: tuple[tuple[str, str], ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    select: str = ""

    def figure(self, moment: str) -> str | None:
        """The query of the finished figure that replaces a moment, or None."""
        return dict(self.figures).get(MOMENTS[moment])

    @property
    def own(self) -> set[str]:
        """The names of the queries that the user gave."""
        return {name for name, _ in (*self.moments, *self.figures)}

    @property
    def uses_moments(self) -> bool:
        """Whether anything is asked over the days."""
        return any(self.figure(name) is None for name in MOMENTS)

    @property
    def uses_defaults(self) -> bool:
        """Whether one of the defaults is asked."""
        return any(name not in dict(self.moments) and self.figure(name) is None for name in MOMENTS)


def read_queries(file: Path) -> Queries:
    """The queries of a file. Raises GilfreeError with file and line of an unknown or empty key."""
    top = YamlMapping(read_yaml(file))
    moments = {name: top.text(name) for name in MOMENTS if top.has(name)}
    figures = {name: top.text(name) for name in MOMENTS.values() if top.has(name)}
    for moment, figure in MOMENTS.items():
        if moment in moments and figure in figures:
            raise GilfreeError(f"{file}: both {moment} and {figure} are given", f"remove {figure}")
    select = top.text("select") if top.has("select") else ""
    top.refuse_unknown_keys()
    return Queries(tuple(moments.items()), tuple(figures.items()), select.strip().strip("{}"))


@dataclass(frozen=True)
class Setting:
    """What the defaults have to know of an installation: does kube_pod_owner name the owners of `all` pods, of `some` or
    of none, and the labels that tell replicas of Prometheus apart in the metric of requests."""

    owners: Literal["all", "some", "none"]
    replica_labels: tuple[str, ...] = ()
    select: str = ""


def defaults(setting: Setting, window: int) -> dict[str, str]:
    """The default expressions of one moment, by name; `window` in seconds is what rates are taken over."""
    chosen = f",{setting.select}" if setting.select else ""
    cpu = f"rate(container_cpu_usage_seconds_total{{{CONTAINERS}{chosen}}}[{window}s])"
    memory = f"container_memory_working_set_bytes{{{CONTAINERS}{chosen}}}"
    requests = f"rate({REQUESTS_METRIC}{{{setting.select}}}[{window}s])"
    if setting.replica_labels:
        requests = f"max without ({', '.join(setting.replica_labels)}) ({requests})"
    one_a_container = "sum by (namespace, pod) (max by (namespace, pod, container) ({}))"
    return {
        "requests": _by_workload(f"sum by (namespace, pod) ({requests})", "sum", setting),
        "cpu": _by_workload(one_a_container.format(cpu), "sum", setting),
        "memory": _by_workload(one_a_container.format(memory), "max", setting),
    }


REQUESTS_METRIC = "http_requests_total"


def _by_workload(pods: str, combined: str, setting: Setting) -> str:
    """An expression by namespace and pod, combined to one by namespace and workload."""
    owned = f"{pods} * on (namespace, pod) group_left (workload) {_owners(setting.select)}"
    named = pods
    for pattern in POD_PATTERNS:
        named = f'label_replace({named}, "workload", "$1", "pod", "{_escaped(pattern)}")'
    # `or` makes the server calculate the pods twice: it is asked for only where some have no owner.
    found = {"all": owned, "some": f"({owned}) or on (namespace, pod) {named}", "none": named}[setting.owners]
    return f"{combined} by (namespace, workload) ({found})"


def _owners(select: str) -> str:
    """The workload of each pod that kube_pod_owner has: that of a ReplicaSet is its name without the hash. A pod that
    nothing controls has no workload."""
    chosen = f",{select}" if select else ""
    found = f'max by (namespace, pod, owner_kind, owner_name) (kube_pod_owner{{owner_is_controller!="false"{chosen}}})'
    found = f'label_join({found}, "owner", "/", "owner_kind", "owner_name")'
    found = f'label_replace({found}, "workload", "$1", "owner", "[^/<]+/(.+)")'
    found = f'label_replace({found}, "workload", "$1", "owner", "ReplicaSet/(.+)-[{HASH}]{{1,10}}")'
    # One workload a pod, also while the name of a pod goes from one owner to another: two would refuse the whole query.
    return f"topk by (namespace, pod) (1, max by (namespace, pod, workload) ({found}))"


def _escaped(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


def workload_of(pod: str) -> str | None:
    """The Deployment, StatefulSet or DaemonSet whose pod has this name, by the names that Kubernetes generates."""
    found = None
    for pattern in POD_PATTERNS:
        if match := re.fullmatch(pattern, pod):
            found = match[1]
    return found


def asked(queries: Queries, setting: Setting | None, window: int) -> dict[str, str]:
    """The expressions of one moment that are asked: the user's, else the defaults, without those that a figure replaces."""
    found = {**(defaults(setting, window) if setting else {}), **dict(queries.moments)}
    return {name: query for name, query in found.items() if queries.figure(name) is None}


def only_a_moment(queries: Queries) -> Sequence[str]:
    """Names of the user's figures that say nothing of the past: what they find is the rate of just now."""
    return [
        name for name, query in queries.figures if name != "memory_max" and not re.search(r"_over_time\s*\(", query)
    ]

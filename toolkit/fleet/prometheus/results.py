"""From the series of one answer to values by service, and what was left out. Pure.

The labels of a series name its service: namespace, and one of deployment, workload or pod. Several pods of a service are
parts of it. Two series of the same pod or service are a mistake that doubles rates, unless they are those of the replicas
of one Prometheus: then one of them counts.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.errors import GilfreeError
from toolkit.fleet.prometheus.client import Series
from toolkit.fleet.prometheus.queries import workload_of
from toolkit.fleet.usage import Key

REPLICA_LABELS = (
    "prometheus_replica",
    "replica",
    "__replica__",
    "thanos_replica",
    "receive_replica",
    "rule_replica",
    "prometheus",
)
"""Labels that tell the replicas of one Prometheus apart, as its operator, Thanos and Mimir name them."""
NAMING = ("namespace", "deployment", "workload", "pod")


@dataclass
class Omitted:
    """What answers hold that does not count, by the name of the query, to be said once at the end."""

    not_numbers: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    nameless: dict[str, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    replicas: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    warnings: set[str] = field(default_factory=set)

    def notes(self, own: Collection[str]) -> list[str]:
        """In words. `own`: the names of the user's queries; of the others it is usual that pods without owner have no name."""
        found = [f"Prometheus warns, so that figures may be too low: {words}" for words in sorted(self.warnings)]
        for label, values in sorted(self.replicas.items()):
            found.append(f"replicas of Prometheus ({label}: {', '.join(sorted(values))}) count once")
        for name, which in sorted(self.not_numbers.items()):
            found.append(f"query {name}: values that are NaN, infinite or negative do not count: {listed(which)}")
        for name, labels_of in sorted(self.nameless.items()):
            if name in own:
                labels = ", ".join(min(labels_of)) or "none"
                found.append(f"query {name}: results with these labels name no service and do not count: {labels}")
        return found


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    found = sorted(names)
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def by_service(name: str, series: Sequence[Series], omitted: Omitted) -> dict[Key, dict[float, float]]:
    """Values by service and time. Rates and CPU of the pods of a service are added up; of memory the largest pod counts.

    `name`: the query's; what does not count is added to `omitted`. Raises GilfreeError for two series of one pod or
    service that differ in a label which is not that of a replica.
    """
    largest = name.startswith("memory")
    parts: dict[tuple[str, ...], list[tuple[Series, dict[float, float]]]] = defaultdict(list)
    for one in series:
        key = _key(one.labels)
        values = {time: value for time, value in one.values.items() if math.isfinite(value) and value >= 0}
        if key is None:
            omitted.nameless[name].add(tuple(sorted(one.labels)))
            continue
        if len(values) < len(one.values):
            omitted.not_numbers[name].add("/".join(key))
        if values:
            parts[(*key, one.labels.get("pod", ""))].append((one, values))
    found: dict[Key, dict[float, float]] = {}
    for (namespace, service, _), same in parts.items():
        if len(same) > 1 and not largest:
            _refuse_or_note(name, f"{namespace}/{service}", [one for one, _ in same], omitted)
        values = _combined((values for _, values in same), max)
        before = found.get((namespace, service))
        found[namespace, service] = _combined((before, values), max if largest else _sum) if before else values
    return found


def _combined(several: Iterable[Mapping[float, float]], how: Callable[[float, float], float]) -> dict[float, float]:
    found: dict[float, float] = {}
    for values in several:
        for time, value in values.items():
            found[time] = how(found[time], value) if time in found else value
    return found


def _sum(one: float, other: float) -> float:
    return one + other


def _refuse_or_note(name: str, service: str, same: Sequence[Series], omitted: Omitted) -> None:
    labels = sorted({label for one in same for label in one.labels} - set(NAMING))
    differing = [label for label in labels if len({one.labels.get(label, "") for one in same}) > 1]
    strange = [label for label in differing if label not in REPLICA_LABELS]
    if strange or not differing:
        raise GilfreeError(
            f"query {name}: {len(same)} results for {service} that differ only in {', '.join(differing) or 'nothing'}",
            f"write `sum without ({', '.join(strange)}) (…)` where they are parts of the service, `max without` where "
            "several Prometheus measured the same",
        )
    for label in differing:
        omitted.replicas[label] |= {one.labels.get(label, "") for one in same}


def _key(labels: Mapping[str, str]) -> Key | None:
    name = labels.get("deployment") or labels.get("workload") or workload_of(labels.get("pod", ""))
    namespace = labels.get("namespace")
    return (namespace, name) if namespace and name else None

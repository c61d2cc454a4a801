"""Usage of all services from Prometheus: the queries are asked in pieces of time, and only peaks are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from toolkit.errors import GilfreeError
from toolkit.fleet.peaks import Peaks, peaks_of
from toolkit.fleet.prometheus.client import Access, Answer, Series, TooMuch, ask, ask_over, clock, label_values
from toolkit.fleet.prometheus.queries import (
    CONTAINERS,
    LAST_WEEK,
    MOMENTS,
    REQUESTS_METRIC,
    Queries,
    Setting,
    Span,
    asked,
    only_a_moment,
)
from toolkit.fleet.prometheus.results import REPLICA_LABELS, Omitted, by_service, listed
from toolkit.fleet.usage import FleetUsage, Key, Usage, usage_of


def query_usage(
    to: Access, queries: Queries, span: Span = LAST_WEEK, say: Callable[[str], None] = lambda _: None
) -> FleetUsage:
    """Ask a Prometheus for the usage of all services. `say`: called with the progress.

    Raises GilfreeError with the message of Prometheus when a query is refused, when its results do not name services, when
    they hold the same service twice, and when nothing at all was found.
    """
    omitted = Omitted()
    end = int(clock(to)) if queries.uses_moments else 0
    setting = _setting(to, queries, omitted, span, end) if queries.uses_defaults else None
    moments = asked(queries, setting, span.window)
    found: dict[str, set[Key]] = {name: set() for name in (*moments, *dict(queries.figures))}
    peaks: dict[Key, Peaks] = {}
    memory: dict[Key, float] = {}
    for values in _pieces(to, moments, span, end, omitted, say) if moments else ():
        rps, cpu = values.get("requests", {}), values.get("cpu", {})
        for key in rps.keys() | cpu.keys():
            peaks[key] = peaks.get(key, Peaks()).merged(peaks_of(rps.get(key, {}), cpu.get(key, {})))
        for key, one in values.get("memory", {}).items():
            memory[key] = max(memory.get(key, 0.0), *one.values())
        for name in moments:
            found[name] |= values[name].keys()
    figures: dict[str, dict[Key, float]] = {}
    for name, query in queries.figures:
        say(f"query {name}")
        values_now = by_service(name, _asked(ask(to, name, query), omitted), omitted)
        figures[name] = {key: max(one.values()) for key, one in values_now.items()}
        found[name] |= values_now.keys()
    for name, which in omitted.nameless.items():
        if not found[name]:
            raise GilfreeError(
                f"no result of the query {name} names a service; its labels are {', '.join(min(which)) or 'none'}",
                "return the labels namespace and deployment (or workload, or pod): a query of your own goes into --queries",
            )
    if not any(found.values()):
        raise GilfreeError(
            f"Prometheus at {to.url} found nothing for any query ({', '.join(found)})",
            "does it scrape the cluster of the inventory? Mimir needs --header X-Scope-OrgID=env:VARIABLE, and metrics of "
            "other names need --queries",
        )
    usage = {
        key: _usage(peaks.get(key, Peaks()), memory.get(key), {name: one.get(key) for name, one in figures.items()})
        for key in set().union(*found.values())
    }
    return FleetUsage(usage, (*omitted.notes(queries.own), *_empty(found), *_of_now(queries)))


def _pieces(
    to: Access, moments: Mapping[str, str], span: Span, end: int, omitted: Omitted, say: Callable[[str], None]
) -> Iterator[dict[str, dict[Key, dict[float, float]]]]:
    """The values of each query by service and time, one stretch of time after the other until `end`; shorter ones where
    the server finds them too long."""
    begin = at = end - span.total
    piece = span.piece
    while at < end:
        until = min(at + piece, end)
        try:
            answers = {
                name: ask_over(to, name, span.highest(query), at + span.step, until, span.step)
                for name, query in moments.items()
            }
        except TooMuch:
            if piece <= span.step:
                raise
            piece = max(span.step, piece // 2 // span.step * span.step)
            continue
        yield {name: by_service(name, _asked(one, omitted), omitted) for name, one in answers.items()}
        tenths = [10 * (time - begin) // span.total for time in (at, until)]
        at = until
        if tenths[0] < tenths[1]:
            say(f"{tenths[1]}0% of {span.total / 86400:.3g} days")


def _asked(answer: Answer, omitted: Omitted) -> Sequence[Series]:
    omitted.warnings |= set(answer.warnings)
    return answer.series


def _usage(peaks: Peaks, memory: float | None, figures: Mapping[str, float | None]) -> Usage:
    found = usage_of(peaks, memory)
    return Usage(
        figures.get("rps", found.rps),
        figures.get("cpu_p95", found.cpu_cores),
        figures.get("memory_max", found.memory_bytes),
        found.cpu_at_peak_cores if not {"rps", "cpu_p95"} & figures.keys() else None,
    )


def _setting(to: Access, queries: Queries, omitted: Omitted, span: Span, end: int) -> Setting:
    """What the defaults have to know of the time that is asked for. Raises GilfreeError when several clusters answer and
    none was chosen."""
    begin, chosen = end - span.total, f",{queries.select}" if queries.select else ""
    containers = f"container_memory_working_set_bytes{{{CONTAINERS}{chosen}}}"
    requests = f"{REQUESTS_METRIC}{{{queries.select}}}"
    clusters = label_values(to, "cluster", containers, begin, end)
    if len(clusters) > 1:
        raise GilfreeError(
            f"Prometheus has the figures of {len(clusters)} clusters, {listed(clusters)}: services of one name would be "
            "added up",
            f"choose one in the file of --queries: select: 'cluster=\"{min(clusters)}\"'",
        )
    for label in REPLICA_LABELS:
        values = label_values(to, label, requests, begin, end)
        if len(values) > 1:
            omitted.replicas[label] |= set(values)
    pods = f"(group by (namespace, pod) ({containers}) or group by (namespace, pod) ({requests}))"
    owned = f"kube_pod_owner{{{queries.select}}}"

    def count(query: str, at: int) -> bool:
        return bool(_asked(ask(to, "owners", f"count({query})", at), omitted))

    owners: Literal["all", "some", "none"] = "none"
    if count(owned, end):
        # Also at the beginning: what keeps kube_pod_owner may have come later than the pods.
        without = any(count(f"{pods} unless on (namespace, pod) {owned}", at) for at in (begin + span.step, end))
        owners = "some" if without else "all"
    return Setting(owners, tuple(sorted(omitted.replicas)), queries.select)


def _empty(found: Mapping[str, set[Key]]) -> list[str]:
    hints = {"requests": f": {REQUESTS_METRIC} is only a common name; give the metric of your services in --queries"}
    return [f"query {name} found no service{hints.get(name, '')}" for name, keys in found.items() if not keys]


def _of_now(queries: Queries) -> list[str]:
    moments = {figure: moment for moment, figure in MOMENTS.items()}
    return [
        f"query {name} asks for this moment, not for the peak: name it `{moments[name]}` in the file of --queries, and its "
        "peak of 7 days is taken"
        for name in only_a_moment(queries)
    ]

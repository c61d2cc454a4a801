"""Usage from Prometheus: one query each for requests, CPU and memory over the standard HTTP API.

CPU and memory come from cAdvisor's metrics, which every cluster with Prometheus has. There is no standard metric of
requests: the default is `http_requests_total`, and `--queries FILE` gives others (keys rps, cpu_p95, memory_max). The
labels of a result name the service: namespace, and one of deployment, workload or pod, without the random suffix of pods.
"""

from __future__ import annotations

import json
import math
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from toolkit.capacity.inputs.yaml_mapping import YamlMapping
from toolkit.errors import GilfreeError
from toolkit.fleet.usage import Usage
from toolkit.scenario.yaml_source import read_yaml

TIMEOUT_SECONDS = 120
TOKEN_VARIABLE = "GILFREE_PROMETHEUS_TOKEN"
_POD = re.compile(r"(.+)-[a-z0-9]{5,10}-[a-z0-9]{5}")


def _by_workload(inner: str) -> str:
    return f'label_replace({inner}, "workload", "$1", "pod", "(.+)-[a-z0-9]{{5,10}}-[a-z0-9]{{5}}")'


DEFAULT_QUERIES = {
    "rps": "max_over_time(sum by (namespace, workload) (" + _by_workload("rate(http_requests_total[5m])") + ")[7d:5m])",
    "cpu_p95": "quantile_over_time(0.95, sum by (namespace, workload) ("
    + _by_workload('rate(container_cpu_usage_seconds_total{container!="",container!="POD"}[5m])')
    + ")[7d:5m])",
    "memory_max": "max by (namespace, workload) ("
    + _by_workload(
        'max_over_time(sum by (namespace, pod) (container_memory_working_set_bytes{container!="",container!="POD"})[7d:5m])'
    )
    + ")",
}


def read_queries(file: Path) -> dict[str, str]:
    """The default queries, replaced by those in a file. Raises GilfreeError with file and line of an unknown or empty key."""
    top = YamlMapping(read_yaml(file))
    found = {name: top.text(name, default) for name, default in DEFAULT_QUERIES.items()}
    top.refuse_unknown_keys()
    return found


def query_usage(url: str, queries: Mapping[str, str]) -> dict[tuple[str, str], Usage]:
    """Usage by namespace and name from the three queries (keys as in DEFAULT_QUERIES), asked of the Prometheus at `url`.

    A bearer token is read from the environment (TOKEN_VARIABLE). Raises GilfreeError with the message of Prometheus when
    a query is refused, does not return a vector, or its results do not name services.
    """
    figures = {name: dict(_query(url, name, query)) for name, query in queries.items()}
    every = {key for found in figures.values() for key in found}
    return {
        key: Usage(figures["rps"].get(key), figures["cpu_p95"].get(key), figures["memory_max"].get(key))
        for key in every
    }


def _query(url: str, name: str, query: str) -> Iterator[tuple[tuple[str, str], float]]:
    endpoint = f"{url.rstrip('/')}/api/v1/query"
    remedy = f"check that {url} is a Prometheus, and try the query there"
    if not re.match(r"https?://", url):
        raise GilfreeError(f"--prometheus {url!r} is not an address", "write http://prometheus.monitoring:9090")
    headers = {"Authorization": f"Bearer {os.environ[TOKEN_VARIABLE]}"} if os.environ.get(TOKEN_VARIABLE) else {}
    body = urllib.parse.urlencode({"query": query}).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(endpoint, data=body, headers=headers), timeout=TIMEOUT_SECONDS
        ) as answer:
            data = json.load(answer)
    except urllib.error.HTTPError as error:
        raise GilfreeError(f"Prometheus refused the query {name}: {_error_text(error)}", remedy) from None
    except (OSError, ValueError) as error:
        raise GilfreeError(f"Prometheus at {url} does not answer: {error}", remedy) from None
    try:
        if data["status"] != "success" or data["data"]["resultType"] != "vector":
            raise GilfreeError(
                f"the query {name} does not return a vector: {data.get('error') or data['data']['resultType']}", remedy
            )
        results = data["data"]["result"]
    except (KeyError, TypeError):
        raise GilfreeError(f"{url} does not answer as Prometheus does", remedy) from None
    totals: dict[tuple[str, str], float] = {}
    for one in results:
        key, value = _key(one["metric"]), float(one["value"][1])
        if key is None or not math.isfinite(value) or value < 0:
            continue  # the result names no service, or is a division by 0
        before = totals.get(key)
        totals[key] = value if before is None else (max(before, value) if name == "memory_max" else before + value)
    if results and not totals:
        raise GilfreeError(
            f"no result of the query {name} names a service; its labels are {', '.join(results[0]['metric']) or 'none'}",
            "return the labels namespace and deployment (or workload, or pod)",
        )
    yield from totals.items()


def _key(labels: Mapping[str, str]) -> tuple[str, str] | None:
    namespace, name = labels.get("namespace"), labels.get("deployment") or labels.get("workload")
    if not name and (match := _POD.fullmatch(labels.get("pod", ""))):
        name = match[1]
    return (namespace, name) if namespace and name else None


def _error_text(error: urllib.error.HTTPError) -> str:
    try:
        return f"{error.code}: {json.load(error)['error']}"
    except (ValueError, KeyError, OSError):
        return f"{error.code} {error.reason}"

"""Any number anywhere in a scenario is answered within seconds: it is accepted, or refused with file and line.

Answered means all that happens before anything is measured: loading, the points, the estimate, the Jobs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated import two_points
from toolkit import paths
from toolkit.bench.rendering import MAX_JOBS, render_jobs
from toolkit.campaign.plan import FixedMatrix
from toolkit.errors import GilfreeError
from toolkit.scenario.bounds import MAX_POINTS
from toolkit.scenario.cluster import merge, parse_settings
from toolkit.scenario.loading import load_scenario, parse_scenario
from toolkit.scenario.model import Scenario
from toolkit.scenario.overrides import parse_overrides
from toolkit.scenario.yaml_source import parse_yaml
from toolkit.units import MAX_ROUNDS

SECONDS = 5
"""Of processor time of this process, so that others on the machine do not count."""

FULL = """\
name: full
title: every key that takes a number
app: { target: "a:app", interface: asgi, threadpool: 40 }
endpoints:
  json: { path: /json, status: 200, json: { a: 1 } }
matrix:
  - { endpoint: json, workers: [1, 2], threads: 1, connections: [64, 128], threadpool: [8] }
granian: { runtime_threads: 1, backlog: 2048, backpressure: 2048 }
load:
  generator: oha
  rate: 500
  threads: 1
  warmup: 3s
  duration: 10
  longest: 1m
  rounds: 10
  validate_requests: 2000
  validate_seconds: 1.0
resources:
  server: { cpus: 2, memory: 1Gi }
  load: { cpus: 900m, memory: 268435456 }
limits:
  throttled_periods: 0.01
  steal: 0.02
  foreign_cpu: 0.03
  loader_saturation: 0.8
  littles_law: 0.05
  latency_multiples: 10
  stall_ms: 1500
  retries: 3
  rejected_share: 0.33
arms: variants+aa
cluster:
  tolerations: [{ key: bench, tolerationSeconds: 60 }]
  server: { cpus: 2, memory: 2Gi }
  load: { cpus: 1, memory: 512Mi }
published:
  source: an article
  series: "3.14"
  server_cpus: 8
  memory_gb: 16
  rows:
    - { variant: gil, endpoint: json, workers: 1, threads: 1, connections: 64, requests_per_second: 9100, latency_mean_ms: 28.1, memory_mb: 210 }
claims:
  - id: lighter
    text: it is lighter
    metric: memory_mb
    of: { variant: free-threaded, endpoint: json, workers: 1, threads: 1, connections: 64, threadpool: 8 }
    against: { variant: gil, endpoint: json, workers: 1, connections: 64 }
    low: 0.9
    high: 1.1
    why: because
    requires: { series: ["3.14"], server_cpus_at_least: 2 }
"""


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every single value, of every list and of every mapping."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def with_value(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of nested data with another value at one path."""
    if not path:
        return value
    copy: Any = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = with_value(data[path[0]], path[1:], value)
    return copy


def shipped() -> dict[str, Any]:
    """The data of the full scenario above and of the shipped ones."""
    files = sorted(paths.shipped("scenarios").glob("*.yaml"))
    return {"full": yaml.safe_load(FULL), **{file.stem: yaml.safe_load(file.read_text()) for file in files}}


SCENARIOS = shipped()
PLACES = [(name, path) for name, data in SCENARIOS.items() for path in places(data)]
LARGE = [10**power for power in (3, 4, 5, 6, 9, 12, 18, 30, 400)]
VALUES = (
    st.sampled_from([0, 1, -1, True, False, None, "", "1", *LARGE, *(-one for one in LARGE)])
    | st.integers()
    | st.integers(1, 100_000)
    | st.sampled_from(["1000000000", "1e9", "1e308", "10Pi", "1000000m", "99999999999d", "-5s", 1e308, 1e-308, 0.5])
    | st.text(max_size=5)
)


def answer(text: str) -> Scenario | GilfreeError:
    """Everything that happens with a scenario before it is measured."""
    try:
        scenario = parse_scenario(parse_yaml(text, "mine.yaml"), cores=4096)
    except GilfreeError as refused:
        return refused
    plan = FixedMatrix("c", tuple(scenario.points()), ("a", "b"), scenario.load.rounds, scenario.limits.retries)
    assert plan.total() == len(scenario.points()) * scenario.load.rounds
    try:
        render_jobs(scenario, "c", "3.14", ("a@sha256:1", "b@sha256:1", "c@sha256:1"), merge(scenario.cluster))
    except GilfreeError as refused:
        assert f"at most {MAX_JOBS:,}" in refused.message  # noqa: PT017
    return scenario


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_scenarios_themselves_are_accepted(name: str) -> None:
    assert isinstance(answer(yaml.safe_dump(SCENARIOS[name])), Scenario)


@settings(max_examples=150)
@given(st.sampled_from(PLACES), VALUES)
def test_any_value_anywhere_is_accepted_or_refused_with_its_line(
    place: tuple[str, tuple[str | int, ...]], value: Any
) -> None:
    name, path = place
    began = time.process_time()
    found = answer(yaml.safe_dump(with_value(SCENARIOS[name], path, value), allow_unicode=True, width=10**9))
    assert time.process_time() - began < SECONDS
    if isinstance(found, GilfreeError):
        assert found.message.startswith("mine.yaml:")
        assert "remedy: " in str(found)
        assert len(found.message) < 5000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("threadpool: 40", "threadpool: 1000000000", "at most 4,096"),
        ("rounds: 10", "rounds: 1000000", "at most 1,000"),
        ("server_cpus: 8", "server_cpus: 1000000000", "at most 4,096"),
        ("memory_gb: 16", "memory_gb: 1e300", "at most 65,536"),
        ("rate: 500", "rate: 1000000000000", "at most 10,000,000"),
        ("backlog: 2048", "backlog: 1000000", "at most 65,535"),
        ("retries: 3", "retries: true", "is not a number"),
        ("retries: 3", "retries: 1000000", "at most 100"),
        ("steal: 0.02", "steal: true", "is not a number"),
        ("stall_ms: 1500", "stall_ms: 1e300", "at most 3,600,000"),
        ("latency_multiples: 10", "latency_multiples: 1000000000", "at most 1,000"),
        ("server: { cpus: 2, memory: 1Gi }", "server: { cpus: 1000000000, memory: 1Gi }", "that a machine has"),
        ("server: { cpus: 2, memory: 1Gi }", "server: { cpus: 2, memory: 1Ei }", "that a machine has"),
        ("tolerationSeconds: 60", "tolerationSeconds: 1000000000000", "at most 315,360,000"),
        ("high: 1.1", "high: 1e300", "at most 1,000,000"),
    ],
)
def test_what_no_machine_has_is_refused_with_its_line_and_the_bound(old: str, new: str, words: str) -> None:
    assert FULL.count(old) == 1
    line = FULL[: FULL.index(old)].count("\n") + 1
    refused = answer(FULL.replace(old, new))
    assert isinstance(refused, GilfreeError)
    assert refused.message.startswith(f"mine.yaml:{line}: ")
    assert words in str(refused)


def test_the_points_of_a_matrix_are_counted_before_they_are_made() -> None:
    many = f"[{', '.join(str(number) for number in range(1, 1001))}]"
    began = time.process_time()
    refused = answer(FULL.replace("workers: [1, 2]", f"workers: {many}").replace("[64, 128]", many))
    assert time.process_time() - began < SECONDS
    assert isinstance(refused, GilfreeError)
    assert f"mine.yaml:6: matrix: these are 1,000,000 points, and one campaign has at most {MAX_POINTS:,}" in str(
        refused
    )


def test_the_trials_of_a_campaign_are_bounded() -> None:
    hundred = f"[{', '.join(str(number) for number in range(1, 101))}]"
    text = FULL[: FULL.index("published:")].replace("workers: [1, 2]", f"workers: {hundred}")
    refused = answer(text.replace("rounds: 10", "rounds: 1000"))
    assert isinstance(refused, GilfreeError)
    assert "mine.yaml:16: 200 points x 1,000 rounds x 3 arms are 600,000 trials" in str(refused)


def test_threads_of_all_workers_together_are_bounded() -> None:
    text = FULL[: FULL.index("published:")].replace("interface: asgi, threadpool: 40", "interface: wsgi")
    refused = answer(text.replace("threads: 1, conn", "threads: 4096, conn").replace("[1, 2]", "[4096]"))
    assert isinstance(refused, GilfreeError)
    assert "4096 workers with 4096 threads each are 16,777,216 threads, more than a machine runs" in str(refused)


def test_the_largest_campaign_is_planned_and_the_most_jobs_are_rendered_in_seconds() -> None:
    scenario = two_points().with_load(rounds=MAX_JOBS // 4)
    began = time.process_time()
    assert len(render_jobs(scenario, "c", "3.14", ("a", "b", "c"), merge(scenario.cluster))) == MAX_JOBS
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("rounds", [0, -1, MAX_ROUNDS + 1, 10**9])
def test_values_from_options_have_the_same_bounds(rounds: int) -> None:
    with pytest.raises(GilfreeError, match=rf"load\.rounds: {rounds}"):
        load_scenario("asgi").with_load(rounds=rounds)


@settings(max_examples=60)
@given(st.sampled_from(["server.cpus", "load.memory", "tolerations", "labels.a", "priorityClass"]), VALUES)
def test_any_value_of_a_cluster_setting_is_answered(key: str, value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, width=10**9).removesuffix("...\n").strip()
    try:
        parse_overrides([f"{key}={text}"])
        parse_settings(parse_yaml(yaml.safe_dump({"cluster": {key.split(".")[0]: value}}), "cluster.yaml"))
    except GilfreeError as refused:
        assert "remedy" in str(refused)  # noqa: PT017


def test_no_number_in_the_model_is_without_bounds() -> None:
    """A new field of type int or float needs a range; this finds one that has none."""
    unbounded = []
    for definition_name, definition in Scenario.model_json_schema(mode="validation")["$defs"].items():
        for field, schema in definition.get("properties", {}).items():
            unbounded += [f"{definition_name}.{field}" for one in numbers(schema) if not bounded(one)]
    by_text = {"Load.warmup", "Load.duration", "Load.longest"}  # read as text with units: seconds, memory, CPUs
    by_text |= {
        f"{name}.{field}"
        for name in ("ServerResources", "LoadResources", "SideResources")
        for field in ("cpus", "memory")
    }
    assert set(unbounded) == by_text


def numbers(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a JSON schema that stands for a number."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield schema
        for value in schema.values():
            yield from numbers(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from numbers(value)


def bounded(schema: dict[str, Any]) -> bool:
    return any(key in schema for key in ("maximum", "exclusiveMaximum"))

"""A scenario that is wrong is refused before anything starts, with file, line and remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import BAD_INPUT, GilfreeError
from toolkit.scenario.loading import load_scenario, parse_scenario, recorded_scenario, scenario_for_app
from toolkit.scenario.model import Scenario
from toolkit.scenario.yaml_source import parse_yaml

GOOD = """\
name: mine
title: mine
app: { target: "a:app", interface: asgi }
endpoints:
  json: { path: /json, json: { a: 1 } }
matrix:
  - { endpoint: json, workers: [1, 2], connections: 64 }
load:
  duration: 10s
resources:
  server: { cpus: auto, memory: 1Gi }
limits:
  steal: 0.02
granian:
  ws: false
published:
  source: an article
  series: "3.14"
  server_cpus: 8
  memory_gb: 16
  rows:
    - { variant: gil, endpoint: json, workers: 1, connections: 64 }
claims:
  - id: lighter
    text: it is lighter
    metric: memory_mb
    of: { variant: free-threaded, endpoint: json, workers: 1 }
    against: { variant: gil, endpoint: json, workers: 1 }
    low: 0.9
    high: 1.1
    why: because
    requires: { series: ["3.14"] }
"""

ROW = "    - { variant: gil, endpoint: json, workers: 1, connections: 64 }\n"

UNKNOWN_KEYS = [
    ("app: { target", "aap: { target", 3, "did you mean 'app'?"),
    ("duration: 10s", "durration: 10s", 9, "did you mean 'duration'?"),
    ("workers: [1, 2]", "worker: 1", 7, "did you mean 'workers'?"),
    ("path: /json, json", "path: /json, jason", 5, "did you mean 'json'?"),
    ("steal: 0.02", "steel: 0.02", 13, "did you mean 'steal'?"),
    ("ws: false", "blocking_threads: 4", 15, "the keys here are runtime_threads"),
    ("why: because", "why: because\n    whyever: because", 32, "unknown key 'claims.0.whyever'"),
]
WRONG_TYPES = [
    ("title: mine", "title:", 2, "has no value"),
    ("title: mine", "title: yes", 2, 'quotes: "yes"'),
    ("title: mine", "title: 2026-01-01", 2, "is a date to YAML"),
    ('series: "3.14"', "series: 3.10", 18, 'quotes: "3.10"'),
    ('series: ["3.14"]', "series: [3.14]", 32, 'quotes: "3.14"'),
    ('series: ["3.14"]', 'series: "3.14"', 32, "has to be a list"),
    ("workers: [1, 2]", "workers: [1, two]", 7, "'two' is not a whole number"),
    ("workers: [1, 2]", "workers: 1.0", 7, "'1.0' is not a whole number"),
    ("workers: [1, 2]", 'workers: "1"', 7, "'1' is not a whole number"),
    ("workers: [1, 2]", "workers: true", 7, "'true' is not a whole number"),
    ("workers: [1, 2]", "workers: { a: 1 }", 7, "it is not a whole number"),
    ("workers: [1, 2]", "workers:", 7, "has no value"),
    ("ws: false", 'ws: "false"', 15, "neither true nor false"),
    ("ws: false", "http: 1", 15, 'quotes: "1"'),
    ("steal: 0.02", "steal: 2%", 13, "'2%' is not a number"),
    ("load:", "load: fast\nlode:", 8, "'fast' has to be keys with values"),
    ("matrix:\n  - {", "matrix:\n    {", 6, "matrix: it has to be a list"),
    ("  - { endpoint", "  -\n  - { endpoint", 7, "matrix.0: has no value"),
]
WRONG_VALUES = [
    ("duration: 10s", "duration: 500ms", 9, "500 minutes"),
    ("duration: 10s", "duration: 0s", 9, "at least 1s"),
    ("duration: 10s", "duration: 1.5", 9, "whole number of seconds"),
    ("duration: 10s", "duration: 1:30", 9, "'1:30' is 90 to YAML"),
    ("duration: 10s", "duration: 010", 9, "'010' is 8 to YAML"),
    ("duration: 10s", "duration: 999999999999999999999", 9, "at most 24h"),
    ("duration: 10s", "duration: 10s\n  longest: 5s", 10, "at least 10s"),
    ("duration: 10s", "generator: wrk", 9, "'wrk' is not"),
    ("interface: asgi", "interface: rsgi", 3, "'asgi' or 'wsgi'"),
    ("workers: [1, 2]", "workers: 0", 7, "greater than or equal to 1"),
    ("workers: [1, 2]", "workers: []", 7, "give at least one"),
    ("workers: [1, 2]", "loop: winloop", 7, "write one of these"),
    ("workers: [1, 2]", "loop: asyncoi", 7, "did you mean 'asyncio'?"),
    ("workers: [1, 2]", "loop: no", 7, "'no' is not 'asyncio', 'uvloop' or 'rloop'"),
    ("connections: 64", "", 7, "'matrix.0.connections' is missing"),
    ("memory: 1Gi", "memory: lots", 11, "512Mi or 1Gi"),
    ("memory: 1Gi", "memory: 512", 11, "too little for any process"),
    ("cpus: auto", "cpus: -1", 11, "or 'auto'"),
    ("cpus: auto", "cpus: all", 11, "or 'auto'"),
    ("cpus: auto", "cpus: auto, share: true", 11, "give `cpus` too, such as 2"),
    ("steal: 0.02", "steal: 2", 13, "less than or equal to 1"),
    ("steal: 0.02", "steal: .nan", 13, "is nan to YAML"),
    ('"a:app"', "app", 3, "package.module:app"),
    ('"a:app"', '"a:make()"', 3, "from a import make; app = make()"),
    ("path: /json", "path: json", 5, "a path as it is sent"),
    ("path: /json", "path: /json#top", 5, "a path as it is sent"),
    (", json: { a: 1 }", "", 5, "exactly one of"),
    ("json: { a: 1 }", "json: { a: 1 }, text: a", 5, "exactly one of"),
    ("json: { a: 1 }", "any_body: false", 5, "exactly one of"),
    ("  json: {", "  Json: {", 4, "cannot be part of a label"),
    ("name: mine", "name: Mine", 1, "lower-case"),
    ("low: 0.9", "low: 1.2", 24, "give a lower `low`"),
    ("metric: memory_mb", "metric: p99", 26, "'p99' is not 'requests_per_second'"),
    ("variant: gil, endpoint: json, workers: 1 }", 'variant: "3.14", endpoint: json }', 28, "'gil' or 'free-threaded'"),
    ("ws: false", "task_impl: rust", 15, "'rust' is not 'asyncio'"),
]
IMPOSSIBLE = [
    ("workers: [1, 2]", "threads: 2", 7, "set `workers` instead"),
    ("endpoint: json, workers: [", "endpoint: jason, workers: [", 7, "write one of json"),
    ("connections: 64", "connections: 2000", 7, "granian.backpressure to at least 4000"),
    ("interface: asgi", "interface: wsgi, threadpool: 8", 3, "no effect on WSGI"),
    (ROW, ROW.replace("64", "65"), 22, "no point of the matrix"),
    (ROW, ROW + ROW, 23, "an earlier row"),
    ("endpoint: json, workers: 1 }\n    low", "endpoint: json, workers: 7 }\n    low", 28, "no point of the matrix"),
    ("endpoint: json, workers: 1 }\n    low", "endpoint: json }\n    low", 28, "give also workers"),
    ("variant: free-threaded", "variant: gil", 28, "compares a cell with itself"),
    ("json: { a: 1 }", "json: { a: 1 }, twin: { of: jason, without: a pool }", 5, "'jason' is no other endpoint"),
    ("json: { a: 1 }", "json: { a: 1 }, twin: { of: json, without: a pool }", 5, "'json' is no other endpoint"),
]
NOT_YAML = [
    ("title: mine", "title: mine\ntitle: yours", 3, "given twice, first in line 2"),
    ("title: mine", "title: [", 4, "not YAML"),
    ("load:", "load: &x !!python/object:os.system", 8, "YAML"),
    ("load:\n", "load:\n\t", 9, "not YAML"),
    ("name: mine", "name: mine\n---\nname: two", 2, "another document"),
]
WRONG = UNKNOWN_KEYS + WRONG_TYPES + WRONG_VALUES + IMPOSSIBLE + NOT_YAML


def test_the_file_that_is_spoiled_below_is_good_itself(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD)
    assert load_scenario(str(file)).name == "mine"


@pytest.mark.parametrize(("before", "after", "line", "words"), WRONG)
def test_what_is_wrong_is_named_with_its_line_and_a_remedy(
    tmp_path: Path, before: str, after: str, line: int, words: str
) -> None:
    file = tmp_path / "mine.yaml"
    assert before in GOOD
    file.write_text(GOOD.replace(before, after, 1))
    with pytest.raises(GilfreeError) as error:
        load_scenario(str(file))
    assert error.value.exit_code == BAD_INPUT
    assert f"{file}:{line}:" in str(error.value)
    assert words in str(error.value)
    assert "remedy: " in str(error.value)
    assert "Input should" not in str(error.value)
    assert "Value error" not in str(error.value)


@pytest.mark.parametrize(("before", "after", "line", "words"), UNKNOWN_KEYS + WRONG_TYPES + WRONG_VALUES)
def test_one_thing_wrong_is_said_once(tmp_path: Path, before: str, after: str, line: int, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace(before, after, 1))
    with pytest.raises(GilfreeError) as error:
        load_scenario(str(file))
    places = {text.split(": ")[0] + text.split(": ")[1] for text in str(error.value).split("\n") if str(file) in text}
    assert len(places) == str(error.value).count("remedy: ")


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace("duration: 10s", "duration: 500ms").replace("memory: 1Gi", "memory: lots"))
    with pytest.raises(GilfreeError) as error:
        load_scenario(str(file))
    assert "mine.yaml:9:" in str(error.value)
    assert "mine.yaml:11:" in str(error.value)


def test_a_matrix_is_spelled_out(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD)
    assert [point.key for point in load_scenario(str(file)).points()] == ["json-w1-t1-c64", "json-w2-t1-c64"]


@pytest.mark.parametrize("name", ["aa", "asgi", "wsgi", "wsgi-threads"])
def test_a_shipped_scenario_comes_back_from_campaign_json_as_it_was(name: str) -> None:
    scenario = load_scenario(name)
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


def test_the_shipped_scenarios_hold_the_twelve_published_rows() -> None:
    rows = [
        row
        for name in ("asgi", "wsgi-threads", "wsgi")
        for row in (load_scenario(name).published or pytest.fail("nothing published")).rows
    ]
    given = [(row.requests_per_second, row.latency_mean_ms, row.memory_mb) for row in rows]
    assert given == [
        (28500, 4.5, 105),
        (22800, 5.6, 85),
        (9100, 28.1, 210),
        (9400, 27.2, 170),
        (28500, None, None),
        (6100, None, None),
        (None, 128, None),
        (None, 15, None),
        (41200, None, 220),
        (6100, None, 190),
        (9300, None, 420),
        (9100, None, 380),
    ]


def test_a_scenario_that_is_not_there_is_met_with_those_that_are() -> None:
    with pytest.raises(GilfreeError, match="did you mean 'wsgi-threads'") as error:
        load_scenario("wsgi-treads")
    assert "asgi" in error.value.remedy


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"- a\n", b"just text\n", b"\xff\xfe\x00", b"a: \x00"])
def test_what_is_no_scenario_at_all_is_named_with_its_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(GilfreeError, match=rf"{re.escape(str(file))}:1: (.|\n)*remedy: "):
        load_scenario(str(file))


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").mkdir()
    with pytest.raises(GilfreeError, match="cannot be read"):
        load_scenario(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("setting", ["loop: uvloop", "threadpool: 8"])
def test_what_only_asgi_knows_is_refused_on_wsgi(setting: str) -> None:
    text = GOOD.replace("interface: asgi", "interface: wsgi").replace("workers: [1, 2]", f"workers: 1, {setting}")
    with pytest.raises(GilfreeError, match=r"mine:7: (.|\n)* no effect on WSGI"):
        parse_scenario(parse_yaml(text, "mine"))


def test_more_cpus_than_the_machine_has_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace("cpus: auto", "cpus: 3"))
    assert load_scenario(str(file), cores=4).resources.server.cpus == 3
    with pytest.raises(GilfreeError, match=r"mine\.yaml:11: (.|\n)*remedy: "):
        load_scenario(str(file), cores=3)


@given(st.data())
def test_any_value_put_anywhere_is_taken_or_refused_in_words(data: st.DataObject) -> None:
    scalars = st.sampled_from(
        [None, True, 0, -1, 1.5, "", "x", "10s", "auto", "asgi", "3.14", [], {}, [None], {"a": 1}]
    )
    tree: Any = yaml.safe_load(GOOD)
    inside = tree
    while isinstance(inside, dict | list) and inside:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inside[key], dict | list) or not inside[key] or data.draw(st.booleans()):
            inside[key] = data.draw(scalars)
            break
        inside = inside[key]
    said = "mine:1: fine remedy: none"
    try:
        parse_scenario(parse_yaml(yaml.safe_dump(tree), "mine"))
    except GilfreeError as error:
        said = str(error)
    assert re.match(r"mine:\d+: (.|\n)*remedy: ", said)


def test_ones_own_app_needs_no_file() -> None:
    scenario = scenario_for_app("pkg.module:app", "wsgi", "/orders", None)
    assert scenario.endpoints["orders"].path == "/orders"
    assert scenario.app.wrapped
    assert scenario.points()[0].threads > 1
    assert scenario_for_app("pkg.module:app", "asgi", "/orders", None).points()[0].threads == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/books/1", "books-1"),
        ("/", "root"),
        ("/42", "path-42"),
        ("/Books_List?limit=5", "books-list"),
        ("/a/very/long/way/to/it", "a-very-long-way"),
    ],
)
def test_the_endpoint_of_ones_own_app_is_named_after_its_path(path: str, name: str) -> None:
    (point,) = scenario_for_app("pkg.module:app", "asgi", path, None).points()
    assert (point.endpoint, point.label()) == (name, f"{path} 1w 64c")


@given(st.from_regex(r"/[A-Za-z0-9/_.~%?=&-]{0,60}", fullmatch=True))
def test_every_path_has_an_endpoint_s_name(path: str) -> None:
    assert scenario_for_app("pkg.module:app", "asgi", path, None).points()[0].path == path


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("no colon", "wsgi", "/"), "--app"),
        (("a:app", "cgi", "/"), "--interface"),
        (("a:app", "asgi", "orders"), "--path"),
    ],
)
def test_what_is_wrong_with_ones_own_app_is_named_by_its_option(arguments: tuple[str, str, str], option: str) -> None:
    with pytest.raises(GilfreeError, match=f"the command line: {option}: "):
        scenario_for_app(*arguments, None)


def test_a_requirement_that_never_had_an_effect_is_refused_in_files_and_ignored_in_campaigns() -> None:
    shipped = load_scenario("asgi")
    data = {**shipped.model_dump(mode="json"), "cluster": None}
    data["claims"][0]["requires"]["release_build"] = True
    with pytest.raises(GilfreeError, match="`release_build` has no effect: a claim is a ratio") as refused:
        parse_scenario(parse_yaml(yaml.safe_dump(data), "mine"))
    assert "remove `release_build`" in str(refused.value)
    assert recorded_scenario(data) == shipped

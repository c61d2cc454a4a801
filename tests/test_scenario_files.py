"""A scenario that is wrong is refused before anything starts, with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import BAD_INPUT, GilfreeError
from toolkit.scenario import Scenario
from toolkit.scenario_files import load_scenario, own_app

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
"""

WRONG = [
    ("app: { target", "aap: { target", 3, "did you mean 'app'?"),
    ("duration: 10s", "durration: 10s", 9, "did you mean 'duration'?"),
    ("duration: 10s", "duration: 500ms", 9, "500 minutes"),
    ("duration: 10s", "duration: 0s", 9, "at least 1s"),
    ("duration: 10s", "duration: 1.5", 9, "whole number of seconds"),
    ("interface: asgi", "interface: rsgi", 3, "'asgi' or 'wsgi'"),
    ("workers: [1, 2]", "workers: [1, two]", 7, "valid integer"),
    ("workers: [1, 2]", "workers: 0", 7, "greater than or equal to 1"),
    ("workers: [1, 2]", "threads: 2", 7, "set `workers` instead"),
    ("workers: [1, 2]", "loop: winloop", 7, "'asyncio', 'uvloop' or 'rloop'"),
    ("endpoint: json,", "endpoint: jason,", 7, "take one of json"),
    ("connections: 64", "connections: 2000", 7, "granian.backpressure"),
    ("connections: 64", "", 7, "add it"),
    ("memory: 1Gi", "memory: lots", 11, "512Mi or 1Gi"),
    ("cpus: auto", "cpus: -1", 11, "not a number of CPUs"),
    ("path: /json", "path: json", 5, "pattern"),
    (", json: { a: 1 }", "", 5, "exactly one of"),
    ("title: mine", "title: mine\ntitle: yours", 3, "given twice"),
    ("name: mine", "name: Mine", 1, "pattern"),
    ("title: mine", "title: [", 4, "not YAML"),
    ("load:", "load: &x !!python/object:os.system", 8, "YAML"),
]


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
    assert "remedy" in str(error.value)


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


@pytest.mark.parametrize("name", ["asgi", "wsgi", "wsgi-threads"])
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


def test_ones_own_app_needs_no_file() -> None:
    scenario = own_app("pkg.module:app", "wsgi", "/orders", None)
    assert scenario.endpoints["own"].path == "/orders"
    assert scenario.app.wrapped
    with pytest.raises(GilfreeError, match=r"app\.target"):
        own_app("no colon", "wsgi", "/", None)

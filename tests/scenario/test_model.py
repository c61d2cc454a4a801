"""What a scenario comes to: its points, their names, and what cells of claims and rows speak of."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from toolkit.scenario.loading import load_scenario
from toolkit.scenario.matrix import SERVER_SETTINGS
from toolkit.scenario.model import Cell, Endpoint, Load, Point, PublishedRow, Scenario

counts = st.integers(1, 4096)
names = st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True)
points = st.builds(
    Point,
    endpoint=names,
    workers=counts,
    threads=counts,
    connections=counts,
    loop=st.sampled_from(["asyncio", "uvloop", "rloop"]),
    threadpool=st.none() | counts,
)


def scenario(**changes: Any) -> Scenario:
    data = {
        "name": "mine",
        "title": "mine",
        "app": {"target": "a:app", "interface": "wsgi"},
        "endpoints": {"json": {"path": "/json", "any_body": True}, "io": {"path": "/io", "any_body": True}},
        "matrix": [{"endpoint": "json", "connections": 64}],
    }
    return Scenario.model_validate({**data, **changes})


def test_lists_in_a_matrix_are_multiplied_in_their_order() -> None:
    matrix = [{"endpoint": ["io", "json"], "workers": 2, "threads": [1, 64], "connections": 128}]
    assert [point.key for point in scenario(matrix=matrix).points()] == [
        "io-w2-t1-c128",
        "io-w2-t64-c128",
        "json-w2-t1-c128",
        "json-w2-t64-c128",
    ]


def test_a_point_that_two_cells_ask_for_is_measured_once() -> None:
    matrix = [
        {"endpoint": "json", "threads": [1, 2], "connections": 64},
        {"endpoint": "json", "threads": [2, 4], "connections": 64},
    ]
    assert [point.threads for point in scenario(matrix=matrix).points()] == [1, 2, 4]


def test_an_endpoint_is_shown_by_its_path_which_is_no_part_of_the_points_identity() -> None:
    one, long = (Point(endpoint="list", connections=8, path=path) for path in ("/books?limit=50", "/" + 60 * "x"))
    assert one.label() == "/books?limit=50 1w 8c"
    assert long.label(omit=("workers", "connections")) == "/" + 38 * "x" + "…"
    assert one == long == Point(endpoint="list", connections=8) and len({one, long}) == 1
    assert "path" not in one.model_dump()


def test_endpoints_that_share_a_path_are_told_apart_by_their_names() -> None:
    shipped = load_scenario("asgi")
    same = {name: one.model_copy(update={"path": "/same"}) for name, one in shipped.endpoints.items()}
    shared = [one.shown_endpoint for one in shipped.model_copy(update={"endpoints": same}).points()]
    assert shared == ["/json", "/json-async", "/io"]


@given(points, points)
def test_different_points_have_different_names(one: Point, other: Point) -> None:
    assert (one.key == other.key) == (one == other)


@given(points)
def test_a_points_name_can_be_part_of_a_label(point: Point) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", point.key)
    assert len(point.key) < 63


def test_loop_and_thread_pool_are_named_only_where_they_are_set() -> None:
    assert Point(endpoint="json", connections=8).key == "json-w1-t1-c8"
    assert Point(endpoint="json", connections=8, loop="uvloop", threadpool=4).key == "json-w1-t1-c8-uvloop-p4"


def test_a_points_label_gives_threads_loop_and_pool_only_where_they_are_set() -> None:
    plain = Point(endpoint="json", connections=8)
    full = Point(endpoint="json", workers=2, threads=64, connections=8, loop="uvloop", threadpool=4)
    assert plain.label() == "/json 1w 8c"
    assert full.label() == "/json 2w 64t 8c uvloop pool 4"
    assert full.label(omit=SERVER_SETTINGS) == "/json 8c"


@given(points, points)
def test_different_points_have_different_labels(one: Point, other: Point) -> None:
    assert (one.label() == other.label()) == (one == other)


@given(points, st.sets(st.sampled_from(["workers", "threads", "connections", "loop", "threadpool"])))
def test_a_cell_matches_by_what_it_gives_and_nothing_else(point: Point, given_: set[str]) -> None:
    cell = Cell(variant="gil", endpoint=point.endpoint, **{name: getattr(point, name) for name in given_})
    assert cell.matches(point)
    for name in given_ & {"workers", "threads", "connections"}:
        assert not cell.matches(point.model_copy(update={name: getattr(point, name) + 1}))
    assert not cell.matches(point.model_copy(update={"endpoint": point.endpoint + "x"}))


def test_a_published_row_is_of_one_variant_at_one_point() -> None:
    row = PublishedRow(variant="gil", endpoint="json", workers=1, threads=64, connections=128)
    point = Point(endpoint="json", threads=64, connections=128)
    assert row.matches(point, "gil")
    assert not row.matches(point, "free-threaded")
    assert not row.matches(point.model_copy(update={"threads": 1}), "gil")


def test_a_figure_that_a_table_does_not_give_stays_empty() -> None:
    row = PublishedRow(variant="gil", endpoint="json", workers=1, connections=128, memory_mb=105)
    assert (row.requests_per_second, row.latency_mean_ms, row.memory_mb) == (None, None, 105)


def test_changes_of_the_load_leave_everything_else_and_the_original_alone() -> None:
    before = scenario()
    after = before.with_load(rounds=2, duration_seconds=None)
    assert (after.load.rounds, before.load.rounds) == (2, Load().rounds)
    assert after.load.duration_seconds == before.load.duration_seconds
    assert after.points() == before.points()


def test_a_scenario_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        scenario().title = "other"


@pytest.mark.parametrize("body", [0, False, "", [], {}, {"a": None}, 1.5])
def test_any_json_but_null_can_be_the_expected_answer(body: Any) -> None:
    endpoint = Endpoint.model_validate({"path": "/", "json": body})
    assert endpoint.expected() == {"json": body}
    assert Endpoint.model_validate_json(endpoint.model_dump_json()) == endpoint


def test_an_empty_text_can_be_the_expected_answer() -> None:
    assert Endpoint(path="/", status=204, text="").expected() == {"text": ""}


@pytest.mark.parametrize("path", ["/", "/orders?id=1&b=%20", "/a/b-c_d~e;f=1", "/@:!$'()*+,"])
def test_paths_as_clients_send_them_are_taken(path: str) -> None:
    assert Endpoint(path=path, any_body=True).path == path


@pytest.mark.parametrize("path", ["", "orders", "/a b", "/ü", "/a#b", "/a\n", '/"', "http://host/"])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="path"):
        Endpoint(path=path, any_body=True)

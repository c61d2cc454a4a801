"""Reads scenarios from files, and refuses what cannot be measured, with file, line and remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.host.cpus import split_cpus
from toolkit.scenario.bounds import MAX_THREADS_OF_A_SERVER, MAX_TRIALS
from toolkit.scenario.matrix import MatrixCell
from toolkit.scenario.messages import explain
from toolkit.scenario.model import DEFAULT_LOOP, WRAPPED_RUNTIME_PATH, Cell, Point, Scenario, trials_in_words
from toolkit.scenario.yaml_source import Source, YamlPath, read_yaml


def load_scenario(name: str, cores: int | None = None) -> Scenario:
    """The scenario `name`: the name of a shipped one or the path of a YAML file.

    cores: physical cores of the machine that will run it; None: the CPUs that it asks for are not checked.
    Raises GilfreeError for a name that does not exist and, as `parse_scenario`, for a file with errors.
    """
    file = Path(name) if name.endswith((".yaml", ".yml")) else paths.shipped("scenarios") / f"{name}.yaml"
    if not file.exists():
        known = sorted(path.stem for path in paths.shipped("scenarios").glob("*.yaml"))
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise GilfreeError(
            f"there is no scenario {name!r}",
            f"{hint}the shipped scenarios are {', '.join(known)}; or give a path ending in .yaml",
        )
    return parse_scenario(read_yaml(file), cores)


def scenario_for_app(target: str, interface: str, path: str, project: str | None) -> Scenario:
    """A scenario for a user's own service, made from options of the command line instead of a file.

    Any answer with status 200 counts as right. Raises GilfreeError that names the option of each wrong value.
    """
    asgi = interface == "asgi"
    endpoint = endpoint_name(path)
    app = {
        "target": target,
        "interface": interface,
        "wrapped": True,
        "runtime_path": WRAPPED_RUNTIME_PATH,
        "project": project,
    }
    data = {
        "name": "own-app",
        "title": f"{target} at {path}",
        "app": app,
        "endpoints": {endpoint: {"path": path, "any_body": True}},
        "matrix": [{"endpoint": endpoint, "workers": 1, "threads": 1 if asgi else 8, "connections": 64}],
    }
    names: dict[YamlPath, str] = {
        ("app", "target"): "--app",
        ("app", "interface"): "--interface",
        ("endpoints", endpoint, "path"): "--path",
    }
    return parse_scenario(Source("the command line", data, {}, names=names))


def recorded_scenario(data: Mapping[str, Any]) -> Scenario:
    """The scenario that a campaign's description holds, also one of an earlier version of gilfree.

    Raises pydantic's ValidationError for what is none.
    """
    return Scenario.model_validate(data, context={"recorded": True})


def endpoint_name(path: str) -> str:
    """A name for the endpoint at a path, as labels allow it: `/books/1` is `books-1`, `/` is `root`. Pure."""
    name = re.sub(r"[^a-z0-9]+", "-", path.partition("?")[0].lower()).strip("-")
    name = name if name[:1].isalpha() else f"path-{name}" if name else "root"
    return name[:16].rstrip("-")


def parse_scenario(source: Source, cores: int | None = None) -> Scenario:
    """The scenario in a parsed file; `cores` as for `load_scenario`.

    Raises GilfreeError that gives file, line, value and remedy for every problem.
    """
    if source.data is None:
        raise GilfreeError(f"{source.where(())}: the file is empty", "begin with a copy of a shipped scenario")
    try:
        scenario = Scenario.model_validate(source.data)
    except ValidationError as error:
        raise GilfreeError("\n".join(explain(source, error, Scenario))) from None
    problems = [*setting_problems(scenario), *(() if cores is None else cpu_problems(scenario, cores))]
    found = dict.fromkeys(f"{source.where(path)}: {message}" for path, message in problems)
    if found:
        raise GilfreeError("\n".join(found))
    return scenario


def cpu_problems(scenario: Scenario, cores: int) -> Iterator[tuple[YamlPath, str]]:
    """CPUs that a machine with `cores` physical cores cannot provide, with their path in the file. Pure."""
    try:
        server, load = scenario.resources.server, scenario.resources.load
        split_cpus([(core,) for core in range(cores)], server.cpus, load.cpus, server.share)
    except GilfreeError as error:
        yield ("resources", "server", "cpus"), str(error)


def setting_problems(scenario: Scenario) -> Iterator[tuple[YamlPath, str]]:
    """Combinations that cannot be measured: the path of each in the file, and a message. Pure."""
    for index, cell in enumerate(scenario.matrix):
        for point in cell.points():
            yield from ((("matrix", index, key), message) for key, message in point_problems(scenario, point))
    yield from _load_and_app_problems(scenario)
    yield from _twin_problems(scenario)
    yield from _claim_problems(scenario)
    taken: set[tuple[str, Point]] = set()
    points = scenario.points()
    for index, row in enumerate(scenario.published.rows if scenario.published else ()):
        matching = {(row.variant, point) for point in points if row.matches(point, row.variant)}
        if not matching:
            yield (
                ("published", "rows", index),
                "no point of the matrix matches this row\n  remedy: add one to the matrix",
            )
        if matching & taken:
            yield ("published", "rows", index), "an earlier row is for the same point\n  remedy: remove one of the two"
        taken |= matching


def _load_and_app_problems(scenario: Scenario) -> Iterator[tuple[YamlPath, str]]:
    load = scenario.load
    if scenario.trials > MAX_TRIALS:
        yield ("load", "rounds"), f"{trials_in_words(scenario)}\n  remedy: lower `rounds`, or measure fewer points"
    if "max_seconds" in load.model_fields_set and load.max_seconds < load.duration_seconds:
        yield (
            ("load", "longest"),
            f"the longest window, {load.max_seconds} s, is shorter than the duration, {load.duration_seconds} s"
            f"\n  remedy: set it to at least {load.duration_seconds}s",
        )
    if scenario.app.interface == "wsgi" and scenario.app.threadpool:
        yield (
            ("app", "threadpool"),
            "a thread pool has no effect on WSGI\n  remedy: set `threads` in the matrix instead",
        )


def _twin_problems(scenario: Scenario) -> Iterator[tuple[YamlPath, str]]:
    for name, endpoint in scenario.endpoints.items():
        if endpoint.twin and (endpoint.twin.of == name or endpoint.twin.of not in scenario.endpoints):
            others = ", ".join(sorted(scenario.endpoints.keys() - {name})) or "another endpoint, which there is not yet"
            yield (
                ("endpoints", name, "twin", "of"),
                f"{endpoint.twin.of!r} is no other endpoint\n  remedy: write one of {others}",
            )


def _claim_problems(scenario: Scenario) -> Iterator[tuple[YamlPath, str]]:
    known: set[str] = set()
    every = scenario.points()
    for index, claim in enumerate(scenario.claims):
        if claim.id in known:
            yield (
                ("claims", index, "id"),
                f"the id {claim.id!r} is used by an earlier claim\n  remedy: rename one of them",
            )
        known.add(claim.id)
        points = {}
        for side in ("of", "against"):
            cell = getattr(claim, side)
            points[side] = _matching(cell, every)
            wanted = ", ".join(f"{name} {value}" for name, value in cell.model_dump(exclude_none=True).items())
            if not points[side]:
                yield (
                    ("claims", index, side),
                    f"claim {claim.id!r}: no point of the matrix has {wanted}\n  remedy: add one to the matrix",
                )
            if len(points[side]) > 1:
                yield (
                    ("claims", index, side),
                    f"claim {claim.id!r}: {wanted} matches {len(points[side])} points,"
                    f" among them {' and '.join(point.key for point in points[side][:2])}"
                    f"\n  remedy: give also {' and '.join(_differing(points[side]))}",
                )
        if claim.of.variant == claim.against.variant and points["of"] == points["against"]:
            yield (
                ("claims", index, "against"),
                f"claim {claim.id!r} compares a cell with itself\n  remedy: change `of` or `against`",
            )


def _matching(cell: Cell, points: list[Point]) -> list[Point]:
    """The points that have all settings of the cell; as `Cell.matches`, but the settings are listed once."""
    given = cell.model_dump(exclude={"variant"}, exclude_none=True)
    return [point for point in points if all(getattr(point, name) == value for name, value in given.items())]


def _differing(points: list[Point]) -> list[str]:
    """The names of the settings in which the points differ."""
    return [name for name in MatrixCell.model_fields if len({getattr(point, name) for point in points}) > 1]


def point_problems(scenario: Scenario, point: Point) -> Iterator[tuple[str, str]]:
    """Settings of one point that cannot be measured: the key in the matrix of each, and a message. Pure."""
    if point.endpoint not in scenario.endpoints:
        names = ", ".join(sorted(scenario.endpoints))
        yield (
            "endpoint",
            f"there is no endpoint {point.endpoint!r}\n  remedy: write one of {names}, or add it to `endpoints`",
        )
    if scenario.app.interface == "asgi" and point.threads > 1:
        yield (
            "threads",
            f"{point.threads} threads on ASGI, where Granian refuses more than 1\n  remedy: set `workers` instead",
        )
    if scenario.app.interface == "wsgi" and point.loop != DEFAULT_LOOP:
        yield "loop", f"the event loop {point.loop!r} has no effect on WSGI\n  remedy: remove it"
    if scenario.app.interface == "wsgi" and point.threadpool:
        yield "threadpool", "a thread pool has no effect on WSGI\n  remedy: set `threads` instead"
    if point.workers * point.threads > MAX_THREADS_OF_A_SERVER:
        yield (
            "workers",
            f"{point.workers} workers with {point.threads} threads each are {point.workers * point.threads:,} threads,"
            f" more than a machine runs\n  remedy: keep their product at {MAX_THREADS_OF_A_SERVER:,} or less",
        )
    if scenario.granian.backpressure < 2 * point.connections:
        yield (
            "connections",
            f"{point.connections} connections, but granian.backpressure allows {scenario.granian.backpressure} per worker"
            f"\n  remedy: set granian.backpressure to at least {2 * point.connections}",
        )

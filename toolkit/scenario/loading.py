"""Scenarios from files, and everything that can be wrong with one said with file, line and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.host.cpus import split_cpus
from toolkit.scenario.messages import explain
from toolkit.scenario.model import DEFAULT_LOOP, WRAPPED_RUNTIME_PATH, Point, Scenario
from toolkit.scenario.yaml_source import Place, Source, read_yaml


def load_scenario(name: str, cores: int | None = None) -> Scenario:
    """A scenario by the name of a shipped one or by the path of a file.

    cores: physical cores of the machine it is to run on, if it is to be checked against them.
    """
    file = Path(name) if name.endswith((".yaml", ".yml")) else paths.shipped("scenarios") / f"{name}.yaml"
    if not file.exists():
        known = sorted(path.stem for path in paths.shipped("scenarios").glob("*.yaml"))
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise GilfreeError(
            f"there is no scenario {name!r}", f"{hint}shipped are {', '.join(known)}; or give a path ending in .yaml"
        )
    return validated(read_yaml(file), cores)


def own_app(target: str, interface: str, path: str, project: str | None) -> Scenario:
    """A scenario for a user's own service, without a file: any answer with status 200 counts as right."""
    asgi = interface == "asgi"
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
        "endpoints": {"own": {"path": path, "any_body": True}},
        "matrix": [{"endpoint": "own", "workers": 1, "threads": 1 if asgi else 8, "connections": 64}],
    }
    called: dict[Place, str] = {
        ("app", "target"): "--app",
        ("app", "interface"): "--interface",
        ("endpoints", "own", "path"): "--path",
    }
    return validated(Source("the command line", data, {}, called=called))


def validated(source: Source, cores: int | None = None) -> Scenario:
    """The scenario in a parsed file. Raises GilfreeError naming file, line, value and remedy for each thing wrong."""
    if source.data is None:
        raise GilfreeError(f"{source.where(())}: it holds nothing", "begin with a copy of a shipped scenario")
    try:
        scenario = Scenario.model_validate(source.data)
    except ValidationError as error:
        raise GilfreeError("\n".join(explain(source, error, Scenario))) from None
    problems = [*impossible(scenario), *(() if cores is None else too_large(scenario, cores))]
    found = dict.fromkeys(f"{source.where(place)}: {message}" for place, message in problems)
    if found:
        raise GilfreeError("\n".join(found))
    return scenario


def too_large(scenario: Scenario, cores: int) -> Iterator[tuple[Place, str]]:
    """More CPUs than a machine of so many physical cores has, with the place in the file. Pure."""
    try:
        split_cpus([(core,) for core in range(cores)], scenario.resources.server.cpus, scenario.resources.load.cpus)
    except GilfreeError as error:
        yield ("resources", "server", "cpus"), str(error)


def impossible(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Combinations that cannot be measured, each with its place in the file. Pure."""
    for index, cell in enumerate(scenario.matrix):
        for point in cell.points():
            yield from ((("matrix", index, key), message) for key, message in impossible_point(scenario, point))
    yield from _impossible_settings(scenario)
    yield from _impossible_claims(scenario)
    taken: set[tuple[str, Point]] = set()
    for index, row in enumerate(scenario.published.rows if scenario.published else ()):
        of = {(row.variant, point) for point in scenario.points() if row.matches(point, row.variant)}
        if not of:
            yield ("published", "rows", index), "no point of the matrix is this row's\n  remedy: add it to the matrix"
        if of & taken:
            yield ("published", "rows", index), "an earlier row is of the same cell\n  remedy: remove one of the two"
        taken |= of


def _impossible_settings(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    load = scenario.load
    if "max_seconds" in load.model_fields_set and load.max_seconds < load.duration_seconds:
        yield (
            ("load", "longest"),
            f"the longest window, {load.max_seconds} s, is shorter than the duration, {load.duration_seconds} s"
            f"\n  remedy: set it to at least {load.duration_seconds}s",
        )
    if scenario.app.interface == "wsgi" and scenario.app.threadpool:
        yield (
            ("app", "threadpool"),
            "a thread pool has no meaning on WSGI\n  remedy: set `threads` in the matrix instead",
        )


def _impossible_claims(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    known: set[str] = set()
    for index, claim in enumerate(scenario.claims):
        if claim.id in known:
            yield ("claims", index, "id"), f"the claim {claim.id!r} is there already\n  remedy: rename one of the two"
        known.add(claim.id)
        points = {}
        for side in ("of", "against"):
            cell = getattr(claim, side)
            points[side] = [point for point in scenario.points() if cell.matches(point)]
            wanted = ", ".join(f"{name} {value}" for name, value in cell.model_dump(exclude_none=True).items())
            if not points[side]:
                yield (
                    ("claims", index, side),
                    f"claim {claim.id!r}: no point of the matrix is {wanted}\n  remedy: add it to the matrix",
                )
            if len(points[side]) > 1:
                yield (
                    ("claims", index, side),
                    f"claim {claim.id!r}: {wanted} is {len(points[side])} points,"
                    f" {' and '.join(point.key for point in points[side][:2])} among them"
                    f"\n  remedy: give also {' and '.join(_differing(points[side]))}",
                )
        if claim.of.variant == claim.against.variant and points["of"] == points["against"]:
            yield (
                ("claims", index, "against"),
                f"claim {claim.id!r} compares a cell with itself\n  remedy: change `of` or `against`",
            )


def _differing(points: list[Point]) -> list[str]:
    """The settings in which points differ."""
    return [name for name in Point.model_fields if len({getattr(point, name) for point in points}) > 1]


def impossible_point(scenario: Scenario, point: Point) -> Iterator[tuple[str, str]]:
    """What cannot be at one point, each with the key of the matrix that asks for it. Pure."""
    if point.endpoint not in scenario.endpoints:
        names = ", ".join(sorted(scenario.endpoints))
        yield (
            "endpoint",
            f"there is no endpoint {point.endpoint!r}\n  remedy: take one of {names}, or add it to `endpoints`",
        )
    if scenario.app.interface == "asgi" and point.threads > 1:
        yield (
            "threads",
            f"{point.threads} threads on ASGI, where Granian refuses more than 1\n  remedy: set `workers` instead",
        )
    if scenario.app.interface == "wsgi" and point.loop != DEFAULT_LOOP:
        yield "loop", f"the event loop {point.loop!r} has no meaning on WSGI\n  remedy: remove it"
    if scenario.app.interface == "wsgi" and point.threadpool:
        yield "threadpool", "a thread pool has no meaning on WSGI\n  remedy: set `threads` instead"
    if scenario.granian.backpressure < 2 * point.connections:
        yield (
            "connections",
            f"{point.connections} connections, but granian.backpressure caps them at {scenario.granian.backpressure} per worker"
            f"\n  remedy: set granian.backpressure to at least {2 * point.connections}",
        )

"""Scenarios from files, and everything that can be wrong with one said with file, line and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from toolkit import paths
from toolkit.backends.cpus import split
from toolkit.errors import GilfreeError
from toolkit.scenario import DEFAULT_LOOP, Point, Scenario
from toolkit.yaml_source import Place, Source, read_yaml

WRAPPED_RUNTIME_PATH = "/-/gilfree/runtime"


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
    return validated(Source("the command line", data, {}))


def validated(source: Source, cores: int | None = None) -> Scenario:
    """The scenario in a parsed file. Raises GilfreeError naming file, line, value and remedy for each thing wrong."""
    try:
        scenario = Scenario.model_validate(source.data)
    except ValidationError as error:
        raise GilfreeError("\n".join(_explained(source, problem) for problem in error.errors())) from None
    problems = [*impossible(scenario), *(() if cores is None else too_large(scenario, cores))]
    found = [f"{source.name}:{source.line(place)}: {message}" for place, message in problems]
    if found:
        raise GilfreeError("\n".join(found))
    return scenario


def too_large(scenario: Scenario, cores: int) -> Iterator[tuple[Place, str]]:
    """More CPUs than a machine of so many physical cores has, with the place in the file. Pure."""
    try:
        split([(core,) for core in range(cores)], scenario.resources.server.cpus, scenario.resources.load.cpus)
    except GilfreeError as error:
        yield ("resources", "server", "cpus"), str(error)


def impossible(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Combinations that cannot be measured, each with its place in the file. Pure."""
    for index, cell in enumerate(scenario.matrix):
        for point in cell.points():
            yield from ((("matrix", index, key), message) for key, message in impossible_point(scenario, point))
    for index, claim in enumerate(scenario.claims):
        for side in ("of", "against"):
            cell_ = getattr(claim, side)
            if not any(cell_.matches(point) for point in scenario.points()):
                wanted = cell_.model_dump(exclude_none=True)
                yield (
                    ("claims", index, side),
                    f"claim {claim.id!r}: no point of the matrix is {wanted}\n  remedy: add it to the matrix",
                )
    for index, row in enumerate(scenario.published.rows if scenario.published else ()):
        if not any(row.matches(point, row.variant) for point in scenario.points()):
            yield ("published", "rows", index), "no point of the matrix is this row's\n  remedy: add it to the matrix"


def impossible_point(scenario: Scenario, point: Point) -> Iterator[tuple[str, str]]:
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


def _explained(source: Source, problem: ErrorDetails) -> str:
    place = _shorten(problem["loc"], source)
    where, name = f"{source.name}:{source.line(place)}", ".".join(str(part) for part in place) or "the file"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _names_at(place[:-1]), 1)
        return f"{where}: unknown key {name!r}\n  remedy: " + (f"did you mean {near[0]!r}?" if near else "remove it")
    if problem["type"] == "missing":
        return f"{where}: {name!r} is missing\n  remedy: add it"
    message, value = problem["msg"].removeprefix("Value error, "), problem["input"]
    shown = f"{value!r}: " if isinstance(value, str | int | float) and repr(value) not in message else ""
    return f"{where}: {name}: {shown}{message}\n  remedy: write at that line what it asks for"


def _shorten(loc: Sequence[str | int], source: Source) -> Place:
    """The part of pydantic's location that is in the file (it adds the names of union members), and a missing key."""
    place: list[str | int] = []
    for part in loc:
        if (*place, part) in source.lines or (isinstance(part, str) and part.isidentifier() and part != "float"):
            place.append(part)
    return tuple(place)


def _names_at(place: Place) -> list[str]:
    """The keys that may stand at `place`."""
    model: Any = Scenario
    for part in place:
        model = _fields(model).get(str(part), model)
    return list(_fields(model))


def _fields(model: Any) -> dict[str, Any]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {}
    return {info.alias or name: _model_in(info.annotation) for name, info in model.model_fields.items()}


def _model_in(annotation: Any) -> Any:
    """The model in a field's type, however deep in lists and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in getattr(annotation, "__args__", ()) if (found := _model_in(arg))), None)

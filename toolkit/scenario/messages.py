"""What pydantic found wrong with a scenario, in the words of the file: line, key, what stands there, and the remedy.

Pydantic says it once for every member of a union and again for what holds a bad value; here each thing is said once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from toolkit.scenario.yaml_source import Place, Source

_KINDS = {
    "model_type": "has to be keys with values",
    "dict_type": "has to be keys with values",
    "tuple_type": "has to be a list",
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "too_short": "is empty",
}
_FOLLOWING = {"too_short"}
"""Errors of a list that an error inside it brings along."""

_REMEDIES = {
    "model_type": "write `key: value` lines below it, or { key: value } beside it",
    "dict_type": "write `key: value` lines below it, or { key: value } beside it",
    "tuple_type": "write [one, two], or `- one` lines below it",
    "int_type": "write the digits alone, without quotes or a fraction",
    "bool_type": "write true or false, without quotes",
    "float_type": "write a number, such as 0.5",
    "float_parsing": "write a number, such as 0.5",
    "too_short": "give at least one",
}


def explain(source: Source, error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One message for each thing that is wrong, in the order of the file. root: the model of the whole file."""
    problems: dict[Place, list[ErrorDetails]] = {}
    for problem in error.errors(include_url=False):
        problems.setdefault(_in_file(problem["loc"], source, root), []).append(problem)
    found = []
    for place in sorted(problems, key=source.line):
        here = [one for one in problems[place] if one["type"] not in _FOLLOWING]
        if not here and not _inside(place, problems):
            here = problems[place]
        if here:
            found.append(f"{source.where(place)}: {_message(source, place, here, root)}")
    return found


def _inside(place: Place, problems: dict[Place, list[ErrorDetails]]) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in problems)


def _message(source: Source, place: Place, problems: Sequence[ErrorDetails], root: type[BaseModel]) -> str:
    """What is wrong at one place. The members of a union each have their say; the one with a reason is heard."""
    name = source.called.get(place) or ".".join(str(part) for part in place) or "the file"
    literals = [one["ctx"]["expected"] for one in problems if one["type"] == "literal_error"]
    problem = next((one for one in problems if one["type"] != "literal_error"), problems[0])
    kind, value = problem["type"], source.texts.get(place, problem["input"])
    if kind == "extra_forbidden":
        return f"unknown key {name!r}\n  remedy: {_other_key(place, root)}"
    if kind == "missing":
        return f"{name!r} is missing\n  remedy: add it"
    if kind == "value_error":
        # Its own words say what to write; a union's other members are as good.
        message, _, remedy = problem["msg"].removeprefix("Value error, ").partition("; ")
        other = f", or {' or '.join(literals)}" if literals else ""
        return f"{name}: {message}\n  remedy: {remedy or 'mend it'}{other}"
    if value is None or value == "":
        return f"{name}: holds nothing\n  remedy: {_REMEDIES.get(kind, 'write a value, or remove the key')}"
    said = f"{name}: {value!r}" if isinstance(value, str | int | float) else f"{name}: it"
    if kind == "literal_error" and f"'{value}'" in literals[0]:
        kind = "string_type"  # the right word, but not as text: 1 for "1"
    if kind == "string_type":
        return f"{said} is not text to YAML\n  remedy: write " + (
            f'it in quotes: "{value}"' if said[-2:] != "it" else "one text"
        )
    if kind == "literal_error":
        return f"{said} is not {literals[0]}\n  remedy: {_near_word(value, problem)}"
    field = _field_at(place, root)
    if kind == "string_pattern_mismatch" and field is not None and field.description:
        return f"{said} is not {field.description}\n  remedy: write it so"
    message = _KINDS.get(kind, problem["msg"].replace("Input should be", "has to be"))
    return f"{said} {message}\n  remedy: {_REMEDIES.get(kind, 'write such a value')}"


def _near_word(value: Any, problem: ErrorDetails) -> str:
    words = re.findall("'(.*?)'", problem["ctx"]["expected"])
    near = difflib.get_close_matches(str(value), words, 1, cutoff=0.8)
    if near:
        return f"did you mean {near[0]!r}?"
    return "take one of these" if len(words) > 1 else "take that, or remove the key"


def _other_key(place: Place, root: type[BaseModel]) -> str:
    known = list(_fields(_model_at(place[:-1], root)))
    near = difflib.get_close_matches(str(place[-1]), known, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"remove it; known here are {', '.join(known)}" if known else "remove it"


def _in_file(loc: Sequence[str | int], source: Source, root: type[BaseModel]) -> Place:
    """Pydantic's location without what is not in the file: the names of union members. A missing key stays, last."""
    place: list[str | int] = []
    for part in loc:
        if part == "[key]":  # the key itself is wrong and not its value
            continue
        known = _fields(_model_at(tuple(place), root))
        if (*place, part) in source.lines or not source.lines or part in known:
            place.append(part)
    return tuple(place)


def _model_at(place: Place, root: type[BaseModel]) -> Any:
    """The model whose keys stand at `place`; None where any keys may."""
    model: Any = root
    inner: Any = None  # of a dict with free names (endpoints), the model of its values
    for part in place:
        if isinstance(part, int):
            continue
        if inner is not None:
            model, inner = inner, None
            continue
        info = _fields(model).get(part)
        if info is None:
            return None
        model = _model_in(info.annotation)
        if getattr(info.annotation, "__origin__", None) is dict:
            model, inner = None, model
    return model


def _field_at(place: Place, root: type[BaseModel]) -> FieldInfo | None:
    named = [part for part in place if isinstance(part, str)]
    return _fields(_model_at(tuple(named[:-1]), root)).get(named[-1]) if named else None


def _fields(model: Any) -> dict[str, FieldInfo]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {}
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _model_in(annotation: Any) -> Any:
    """The model in a field's type, however deep in lists and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in getattr(annotation, "__args__", ()) if (found := _model_in(arg))), None)

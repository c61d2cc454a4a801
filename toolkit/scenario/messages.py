"""Pydantic's errors about a YAML file as messages for its author: line, key, value, problem and remedy.

Pydantic reports an error once for each member of a union, and again for the list around a bad value; here each problem
is reported once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from toolkit.scenario.yaml_source import Source, YamlPath
from toolkit.units import shown

_PROBLEMS = {
    "model_type": "has to be keys with values",
    "dict_type": "has to be keys with values",
    "tuple_type": "has to be a list",
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "too_short": "is empty",
}
_IMPLIED_BY_INNER = {"too_short"}
"""Errors about a list that follow from an error inside it, and are not reported then."""

_REMEDIES = {
    "model_type": "write `key: value` lines below it, or { key: value } on its line",
    "dict_type": "write `key: value` lines below it, or { key: value } on its line",
    "tuple_type": "write [one, two], or `- one` lines below it",
    "int_type": "write the digits alone, without quotes or a fraction",
    "bool_type": "write true or false, without quotes",
    "float_type": "write a number, such as 0.5",
    "float_parsing": "write a number, such as 0.5",
    "too_short": "give at least one",
}


def explain(source: Source, error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One message for each problem, in the order of the file. root: the model of the whole file."""
    problems: dict[YamlPath, list[ErrorDetails]] = {}
    for problem in error.errors(include_url=False):
        problems.setdefault(_path_in_file(problem["loc"], source, root), []).append(problem)
    found = []
    for path in sorted(problems, key=source.line):
        here = [one for one in problems[path] if one["type"] not in _IMPLIED_BY_INNER]
        if not here and not _has_inner_problem(path, problems):
            here = problems[path]
        if here:
            found.append(f"{source.where(path)}: {_message(source, path, here, root)}")
    return found


def _has_inner_problem(path: YamlPath, problems: dict[YamlPath, list[ErrorDetails]]) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in problems)


def _message(source: Source, path: YamlPath, problems: Sequence[ErrorDetails], root: type[BaseModel]) -> str:
    """The problem at one path. Of the errors of a union's members, the one that is most specific is reported."""
    name = source.names.get(path) or ".".join(str(part) for part in path) or "the file"
    literals = [one["ctx"]["expected"] for one in problems if one["type"] == "literal_error"]
    problem = next((one for one in problems if one["type"] != "literal_error"), problems[0])
    kind, value = problem["type"], source.texts.get(path, problem["input"])
    if kind == "extra_forbidden":
        return f"unknown key {name!r}\n  remedy: {_key_remedy(path, root)}"
    if kind == "missing":
        return f"{name!r} is missing\n  remedy: add it"
    if kind == "value_error":
        # The validator's message names the remedy after a semicolon; a union's literals are alternatives to it.
        message, _, remedy = problem["msg"].removeprefix("Value error, ").partition("; ")
        other = f", or {' or '.join(literals)}" if literals else ""
        return f"{name}: {message}\n  remedy: {remedy or 'correct the value'}{other}"
    if value is None or value == "":
        return f"{name}: has no value\n  remedy: {_REMEDIES.get(kind, 'write a value, or remove the key')}"
    is_single = isinstance(value, str | int | float)
    subject = f"{name}: {shown(value)}" if is_single else f"{name}: it"
    if kind == "literal_error" and f"'{value}'" in literals[0]:
        kind = "string_type"  # the right word, but not as text: 1 for "1"
    if kind == "string_type":
        remedy = f'write it in quotes: "{value}"' if is_single else "write one text"
        return f"{subject} is not text to YAML\n  remedy: {remedy}"
    if kind == "literal_error":
        return f"{subject} is not {literals[0]}\n  remedy: {_word_remedy(value, problem)}"
    field = _field_at(path, root)
    if kind == "string_pattern_mismatch" and field is not None and field.description:
        return f"{subject} is not {field.description}\n  remedy: write it in that form"
    message = _PROBLEMS.get(kind, problem["msg"].replace("Input should be", "has to be"))
    return f"{subject} {message}\n  remedy: {_REMEDIES.get(kind) or _range_remedy(problem)}"


def _range_remedy(problem: ErrorDetails) -> str:
    """What to write in place of a number beyond its range."""
    context = problem.get("ctx", {})
    if "le" in context:
        return f"write a smaller number, at most {context['le']:,}"
    if "ge" in context:
        return f"write a larger number, at least {context['ge']:,}"
    return "write such a value"


def _word_remedy(value: Any, problem: ErrorDetails) -> str:
    words = re.findall("'(.*?)'", problem["ctx"]["expected"])
    near = difflib.get_close_matches(str(value), words, 1, cutoff=0.8)
    if near:
        return f"did you mean {near[0]!r}?"
    return "write one of these" if len(words) > 1 else "write that, or remove the key"


def _key_remedy(path: YamlPath, root: type[BaseModel]) -> str:
    known = list(_fields(_model_at(path[:-1], root)))
    near = difflib.get_close_matches(str(path[-1]), known, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"remove it; the keys here are {', '.join(known)}" if known else "remove it"


def _path_in_file(loc: Sequence[str | int], source: Source, root: type[BaseModel]) -> YamlPath:
    """Pydantic's location without the names of union members, which are not in the file. A missing key stays, last."""
    path: list[str | int] = []
    for part in loc:
        if part == "[key]":  # the key itself is wrong, not its value
            continue
        known = _fields(_model_at(tuple(path), root))
        if (*path, part) in source.lines or not source.lines or part in known:
            path.append(part)
    return tuple(path)


def _model_at(path: YamlPath, root: type[BaseModel]) -> Any:
    """The model of the keys below `path`; None where any keys are allowed."""
    model: Any = root
    inner: Any = None  # of a dict with free names (endpoints), the model of its values
    for part in path:
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


def _field_at(path: YamlPath, root: type[BaseModel]) -> FieldInfo | None:
    named = [part for part in path if isinstance(part, str)]
    return _fields(_model_at(tuple(named[:-1]), root)).get(named[-1]) if named else None


def _fields(model: Any) -> dict[str, FieldInfo]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {}
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _model_in(annotation: Any) -> Any:
    """The first model in a field's type, at any depth of lists and unions; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in getattr(annotation, "__args__", ()) if (found := _model_in(arg))), None)

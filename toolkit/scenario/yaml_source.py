"""YAML with its places: every value knows the line it stands on and how it was written, so that an error can name both.

Refuses what YAML lets pass and users regret: a key given twice, numbers that are not the ones written (`010` is 8 and
`1:30` is 90), dates, any tag that would make objects, values that contain themselves or multiply by aliases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from toolkit.errors import GilfreeError

Place = tuple[str | int, ...]

MAX_VALUES = 20_000
"""No scenario comes near it; a few lines of aliases of aliases pass any memory."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Source:
    """A parsed file: its `data`; the line of every value, and the text of every single one, by keys and indices.

    `called`: what a user knows a value by, where it came from elsewhere than a file.
    """

    name: str
    data: Any
    lines: dict[Place, int]
    texts: dict[Place, str] = field(default_factory=dict)
    called: dict[Place, str] = field(default_factory=dict)

    def line(self, place: Sequence[str | int]) -> int:
        """The line of the value at `place`, or of the nearest value around it that is there."""
        path = tuple(place)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, place: Sequence[str | int]) -> str:
        """File and line of the value at `place`; what did not come from a file has no lines."""
        return f"{self.name}:{self.line(place)}" if self.lines else self.name


def read_yaml(file: Path) -> Source:
    """Parse a file. Raises GilfreeError with file and line for anything that is not plain, unambiguous YAML."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise GilfreeError(
            f"{file}: cannot be read: {error.strerror}", "give the path of a readable YAML file"
        ) from None
    try:
        return parse_yaml(raw.decode("utf-8-sig"), str(file))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise GilfreeError(
            f"{file}:{line}: not UTF-8: byte {raw[error.start]:#04x}", "save the file as UTF-8"
        ) from None


def parse_yaml(text: str, name: str) -> Source:
    """Parse YAML text; `name` stands for the file in errors."""
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise GilfreeError(f"{name}:{line}: not YAML: {error.reason}", "remove that character") from None
    reading = _Reading(loader, name)
    try:
        node = loader.get_single_node()
        data = None if node is None else reading.build(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise GilfreeError(f"{name}:{line}: not YAML: {error.problem}", "mend the file at that line") from None
    except RecursionError:
        raise GilfreeError(f"{name}:1: not YAML that can be read: nested too deeply", "take levels away") from None
    finally:
        loader.dispose()
    return Source(name, data, reading.lines or {(): 1}, reading.texts)


class _Reading:
    """One walk over the nodes of a file."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self._loader, self._name = loader, name
        self._around: set[int] = set()
        self.lines: dict[Place, int] = {}
        self.texts: dict[Place, str] = {}

    def build(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = node.start_mark.line + 1
        if len(self.lines) > MAX_VALUES:
            raise self._wrong(node, f"more than {MAX_VALUES} values", "use fewer aliases (*name)")
        if id(node) in self._around:
            raise self._wrong(node, "a value that contains itself", "write it out instead of the alias (*name)")
        if node.tag not in _PLAIN:
            raise self._tag(node)
        if isinstance(node, yaml.ScalarNode):
            self.texts[place] = node.value
            return self._scalar(node)
        self._around.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
        finally:
            self._around.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                raise self._wrong(key_node, "the merge key << is not read", "write the keys out")
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._wrong(key_node, "a key that is not text", "put one word before the colon")
            key = key_node.value
            if key_node.tag != _TAG + "str":
                raise self._wrong(key_node, f"the key {key!r} is not text", f'write it in quotes: "{key}"')
            if key in found:
                first = self.lines[(*place, key)]
                raise self._wrong(
                    key_node, f"the key {key!r} is given twice, first in line {first}", "remove one of the two"
                )
            found[key] = self.build(value_node, (*place, key))
            self.lines[(*place, key)] = key_node.start_mark.line + 1
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        quotes = f'write it in quotes if it is text: "{node.value[:40]}"'
        number = node.tag in (_TAG + "int", _TAG + "float")
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError):  # an explicit tag (!!int) on something else, or a number without end
            raise self._wrong(node, f"{node.value[:40]!r} is no {node.tag.removeprefix(_TAG)}", quotes) from None
        if number and (not _NUMBER.fullmatch(node.value.replace("_", "")) or value in (float("inf"), -float("inf"))):
            raise self._wrong(node, f"{node.value[:40]!r} is {value} to YAML", f"write a plain number, or {quotes}")
        return value

    def _tag(self, node: yaml.Node) -> GilfreeError:
        if node.tag == _TAG + "timestamp":
            return self._wrong(node, f"{node.value!r} is a date to YAML", f'write it in quotes: "{node.value}"')
        if node.tag == _TAG + "value":
            return self._wrong(node, "a single = means something else in YAML", 'write it in quotes: "="')
        shown = node.tag.replace(_TAG, "!!")
        return self._wrong(node, f"the YAML tag {shown!r} makes more than plain data", "remove it")

    def _wrong(self, node: yaml.Node, message: str, remedy: str) -> GilfreeError:
        return GilfreeError(f"{self._name}:{node.start_mark.line + 1}: {message}", remedy)

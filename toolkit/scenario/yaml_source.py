"""YAML with the line and the original text of every value, so that an error can give both.

Refuses what YAML allows but rarely means: a key given twice, numbers that differ from what is written (`010` is 8 and
`1:30` is 90), dates, tags that create objects, values that contain themselves or grow without bound through aliases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from toolkit.errors import GilfreeError

YamlPath = tuple[str | int, ...]
"""Where a value is in a YAML document: keys and list indices from the top."""

MAX_VALUES = 20_000
"""Far above any scenario; without it a few lines of nested aliases would fill the memory."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Source:
    """A parsed document: its `data`, the line of every value and the text of every scalar, by path.

    `names`: what to call a value in messages when it does not come from a file (an option of the command line).
    """

    name: str
    data: Any
    lines: dict[YamlPath, int]
    texts: dict[YamlPath, str] = field(default_factory=dict)
    names: dict[YamlPath, str] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of the value at `path`, or of the nearest value around it that exists."""
        nearest = tuple(path)
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return self.lines.get(nearest, 1)

    def where(self, path: Sequence[str | int]) -> str:
        """`file:line` of the value at `path`; the name alone for data that does not come from a file."""
        return f"{self.name}:{self.line(path)}" if self.lines else self.name


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
    """Parse YAML text; `name` takes the file's place in messages. Raises GilfreeError as `read_yaml` does."""
    try:
        loader = yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise GilfreeError(f"{name}:{line}: not YAML: {error.reason}", "remove that character") from None
    builder = _TreeBuilder(loader, name)
    try:
        node = loader.get_single_node()
        data = None if node is None else builder.build(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise GilfreeError(f"{name}:{line}: not YAML: {error.problem}", "correct the file at that line") from None
    except RecursionError:
        raise GilfreeError(f"{name}:1: the YAML is nested too deeply", "remove levels") from None
    finally:
        loader.dispose()
    return Source(name, data, builder.lines or {(): 1}, builder.texts)


class _TreeBuilder:
    """Builds plain data from the nodes of one document, and notes the line and text of each value."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self._loader, self._name = loader, name
        self._ancestors: set[int] = set()
        self.lines: dict[YamlPath, int] = {}
        self.texts: dict[YamlPath, str] = {}

    def build(self, node: yaml.Node, path: YamlPath) -> Any:
        self.lines[path] = node.start_mark.line + 1
        if len(self.lines) > MAX_VALUES:
            raise self._error(node, f"more than {MAX_VALUES} values", "use fewer aliases (*name)")
        if id(node) in self._ancestors:
            raise self._error(node, "a value that contains itself", "write it out instead of the alias (*name)")
        if node.tag not in _PLAIN:
            raise self._tag_error(node)
        if isinstance(node, yaml.ScalarNode):
            self.texts[path] = node.value
            return self._scalar(node)
        self._ancestors.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._ancestors.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: YamlPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                raise self._error(key_node, "the merge key << is not supported", "write the keys out")
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key that is not text", "put one word before the colon")
            key = key_node.value
            if key_node.tag != _TAG + "str":
                raise self._error(key_node, f"the key {key!r} is not text", f'write it in quotes: "{key}"')
            if key in found:
                first = self.lines[(*path, key)]
                raise self._error(
                    key_node, f"the key {key!r} is given twice, first in line {first}", "remove one of the two"
                )
            found[key] = self.build(value_node, (*path, key))
            self.lines[(*path, key)] = key_node.start_mark.line + 1
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        quotes = f'write it in quotes if it is text: "{node.value[:40]}"'
        number = node.tag in (_TAG + "int", _TAG + "float")
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError):  # an explicit tag (!!int) on another value, or a number too long to convert
            raise self._error(
                node, f"{node.value[:40]!r} is not of type {node.tag.removeprefix(_TAG)}", quotes
            ) from None
        if number and (not _NUMBER.fullmatch(node.value.replace("_", "")) or value in (float("inf"), -float("inf"))):
            raise self._error(node, f"{node.value[:40]!r} is {value} to YAML", f"write a plain number, or {quotes}")
        return value

    def _tag_error(self, node: yaml.Node) -> GilfreeError:
        if node.tag == _TAG + "timestamp":
            return self._error(node, f"{node.value!r} is a date to YAML", f'write it in quotes: "{node.value}"')
        if node.tag == _TAG + "value":
            return self._error(node, "a single = has a special meaning in YAML", 'write it in quotes: "="')
        shown = node.tag.replace(_TAG, "!!")
        return self._error(node, f"the YAML tag {shown!r} creates more than plain data", "remove it")

    def _error(self, node: yaml.Node, message: str, remedy: str) -> GilfreeError:
        return GilfreeError(f"{self._name}:{node.start_mark.line + 1}: {message}", remedy)

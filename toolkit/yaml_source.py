"""YAML with its places: every value knows the line it stands on, so that an error can name it.

Refuses what YAML lets pass and users regret: a key given twice, and any tag that would make objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from toolkit.errors import GilfreeError

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """A parsed file: its `data`, and the line of every value by its path of keys and indices."""

    name: str
    data: Any
    lines: dict[Place, int]

    def line(self, place: Sequence[str | int]) -> int:
        """The line of the value at `place`, or of the nearest value around it that is there."""
        path = tuple(place)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(file: Path) -> Source:
    """Parse a file. Raises GilfreeError with file and line for anything that is not plain, unambiguous YAML."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GilfreeError(f"{file}: cannot be read: {error}", "give the path of a readable YAML file") from None
    return parse_yaml(text, str(file))


def parse_yaml(text: str, name: str) -> Source:
    """Parse YAML text; `name` stands for the file in errors."""
    loader = yaml.SafeLoader(text)
    lines: dict[Place, int] = {}
    try:
        node = loader.get_single_node()
        data = None if node is None else _build(loader, node, (), lines, name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise GilfreeError(f"{name}:{line}: not YAML: {error.problem}", "mend the file at that line") from None
    except yaml.YAMLError as error:
        raise GilfreeError(f"{name}: not YAML: {error}", "mend the file") from None
    finally:
        loader.dispose()
    return Source(name, data, lines)


def _build(loader: yaml.SafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int], name: str) -> Any:
    lines[place] = node.start_mark.line + 1
    if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
        raise GilfreeError(f"{name}:{lines[place]}: the YAML tag {node.tag!r} makes more than plain data", "remove it")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise GilfreeError(
                    f"{name}:{line}: the key {key!r} is not text", f'write it in quotes: "{key_node.value}"'
                )
            if key in found:
                raise GilfreeError(f"{name}:{line}: the key {key!r} is given twice", "remove one of the two")
            found[key] = _build(loader, value_node, (*place, key), lines, name)
            lines[(*place, key)] = line
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*place, index), lines, name) for index, item in enumerate(node.value)]
    return loader.construct_object(node)

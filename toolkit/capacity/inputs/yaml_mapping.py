"""Small YAML files of capacity planning (node catalogues, fleet rules, colocated Deployments, queries), read key by key.

The reader of a file asks for each value by its key. A key that was never asked for is unknown and therefore an error,
and every error names file, line, key and value.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from typing import Any

from toolkit.errors import GilfreeError
from toolkit.quantities import cpu_millis_of, memory_bytes_of
from toolkit.scenario.yaml_source import Source, YamlPath

MOST_SHOWN = 60
"""Characters of a value that an error message repeats: the value may be a whole file of another kind."""


class YamlMapping:
    """One mapping of a YAML file. Every method raises GilfreeError, with file and line, for a value of the wrong kind.

    A method without a default, or with the default None, also raises when the key is missing.
    """

    def __init__(self, source: Source, place: YamlPath = ()) -> None:
        self.source, self.place = source, place
        found = source.data
        for part in place:
            found = found[part]
        if not isinstance(found, dict):
            what = "holds nothing" if found is None else f"{str(found)[:MOST_SHOWN]!r} is not keys with values"
            raise GilfreeError(f"{self.where()}: {what}", "write `key: value` lines")
        self._values: dict[str, Any] = found
        self._known: set[str] = set()

    def where(self, key: str = "") -> str:
        """File, line and key: the beginning of an error message."""
        place = (*self.place, key) if key else self.place
        name = ".".join(str(part) for part in place)
        return f"{self.source.where(place)}: {name}" if name else self.source.where(place)

    def has(self, key: str) -> bool:
        """Whether the key is present. From now on the key counts as known."""
        self._known.add(key)
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.error_at(key, "is not text", 'write it in quotes if it looks like a number: "1"')
        return value

    def number(self, key: str, default: float | None = None, *, least: float = 0) -> float:
        """A finite number of at least `least`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error_at(key, "is not a number", "write a number, such as 0.5")
        if value < least:
            raise self.error_at(key, f"is less than {least:g}", f"write {least:g} or more")
        return float(value)

    def integer(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number of at least `least`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error_at(key, "is not a whole number", "write only digits")
        if value < least:
            raise self.error_at(key, f"is less than {least}", f"write {least} or more")
        return value

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error_at(key, "is neither true nor false", "write true or false, without quotes")
        return value

    def cpu(self, key: str) -> int:
        """CPU in millicores, written as a Kubernetes quantity."""
        return cpu_millis_of(self._written(key), self.where(key))

    def memory(self, key: str) -> int:
        """Memory in bytes, written as a Kubernetes quantity."""
        return memory_bytes_of(self._written(key), self.where(key))

    def mapping(self, key: str) -> YamlMapping:
        """The mapping below a key."""
        self._get(key, None)
        return YamlMapping(self.source, (*self.place, key))

    def mappings(self, key: str) -> Iterator[YamlMapping]:
        """The mappings of the list below a key; the list must not be empty."""
        value = self._get(key, None)
        if not isinstance(value, list) or not value:
            raise GilfreeError(f"{self.where(key)} is not a list, or is empty", "write `- name: …` lines below it")
        for index in range(len(value)):
            yield YamlMapping(self.source, (*self.place, key, index))

    def all_keys(self) -> list[str]:
        """All keys, for a mapping whose keys the user chooses; they all count as known."""
        self._known.update(self._values)
        return list(self._values)

    def refuse_unknown_keys(self) -> None:
        """Raise GilfreeError for a key that no method was called with. Call it after the last value was read."""
        for key in self._values:
            if key not in self._known:
                near = difflib.get_close_matches(key, sorted(self._known), 1)
                remedy = f"did you mean {near[0]!r}?" if near else f"known here are {', '.join(sorted(self._known))}"
                raise GilfreeError(f"{self.where(key)}: unknown key {key!r}", remedy)

    def error_at(self, key: str, problem: str, remedy: str) -> GilfreeError:
        """An error about the value of a key, which the message shows as it is written in the file."""
        shown = self.source.texts.get((*self.place, key), str(self._values.get(key)))[:MOST_SHOWN]
        return GilfreeError(f"{self.where(key)}: {shown!r} {problem}", remedy)

    def _get(self, key: str, default: Any) -> Any:
        if self.has(key):
            return self._values[key]
        if default is None:
            raise GilfreeError(f"{self.where()}: {key!r} is missing", "add it")
        return default

    def _written(self, key: str) -> str:
        """The value as it is written in the file: 0.10, not the float that YAML reads."""
        value = self._get(key, None)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error_at(key, "is not a quantity", "write for example 500m or 4Gi")
        return self.source.texts.get((*self.place, key), str(value))

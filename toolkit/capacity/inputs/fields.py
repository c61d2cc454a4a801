"""Small YAML files of capacity planning (nodes, rules, neighbours, queries), read key by key with their lines.

Every value is asked for once by its name; what nobody asked for is an unknown key, and every error names file, line,
key and what stands there.
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
"""Characters of a value that an error repeats: it may be a whole file of another kind."""


class Fields:
    """The keys of one mapping of a file. Raises GilfreeError with the place for all that is not as it should be."""

    def __init__(self, source: Source, place: YamlPath = ()) -> None:
        self.source, self.place = source, place
        found = source.data
        for part in place:
            found = found[part]
        if not isinstance(found, dict):
            what = "holds nothing" if found is None else f"{str(found)[:MOST_SHOWN]!r} is not keys with values"
            raise GilfreeError(f"{self.where()}: {what}", "write `key: value` lines")
        self._values: dict[str, Any] = found
        self._asked: set[str] = set()

    def where(self, key: str = "") -> str:
        """File, line and key, as errors begin."""
        place = (*self.place, key) if key else self.place
        name = ".".join(str(part) for part in place)
        return f"{self.source.where(place)}: {name}" if name else self.source.where(place)

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        self._asked.add(key)
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """A text, not empty."""
        value = self._get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, "is not text", 'write it in quotes if it looks like a number: "1"')
        return value

    def number(self, key: str, default: float | None = None, *, least: float = 0) -> float:
        """A number of at least `least`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(key, "is not a number", "write a number, such as 0.5")
        if value < least:
            raise self.wrong(key, f"is less than {least:g}", f"write {least:g} or more")
        return float(value)

    def whole(self, key: str, default: int | None = None, *, least: int = 0) -> int:
        """A whole number of at least `least`."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, "is not a whole number", "write the digits alone")
        if value < least:
            raise self.wrong(key, f"is less than {least}", f"write {least} or more")
        return value

    def truth(self, key: str, default: bool | None = None) -> bool:
        """true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "is neither true nor false", "write true or false, without quotes")
        return value

    def cpu(self, key: str) -> int:
        """Millicores of a Kubernetes quantity."""
        return cpu_millis_of(self._written(key), self.where(key))

    def memory(self, key: str) -> int:
        """Bytes of a Kubernetes quantity."""
        return memory_bytes_of(self._written(key), self.where(key))

    def inside(self, key: str) -> Fields:
        """The mapping below a key."""
        self._get(key, None)
        return Fields(self.source, (*self.place, key))

    def each(self, key: str) -> Iterator[Fields]:
        """The mappings of a list, which must not be empty."""
        value = self._get(key, None)
        if not isinstance(value, list) or not value:
            raise GilfreeError(f"{self.where(key)} is not a list with something in it", "write `- name: …` lines below")
        for index in range(len(value)):
            yield Fields(self.source, (*self.place, key, index))

    def names(self) -> list[str]:
        """All keys, for a mapping whose keys are free; they all count as asked for."""
        self._asked.update(self._values)
        return list(self._values)

    def end(self) -> None:
        """Nothing else may be there."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, sorted(self._asked), 1)
                remedy = f"did you mean {near[0]!r}?" if near else f"known here are {', '.join(sorted(self._asked))}"
                raise GilfreeError(f"{self.where(key)}: unknown key {key!r}", remedy)

    def wrong(self, key: str, what: str, remedy: str) -> GilfreeError:
        """An error about the value of a key."""
        shown = self.source.texts.get((*self.place, key), str(self._values.get(key)))[:MOST_SHOWN]
        return GilfreeError(f"{self.where(key)}: {shown!r} {what}", remedy)

    def _get(self, key: str, default: Any) -> Any:
        if self.has(key):
            return self._values[key]
        if default is None:
            raise GilfreeError(f"{self.where()}: {key!r} is missing", "add it")
        return default

    def _written(self, key: str) -> str:
        """As it stands in the file: 0.10 and not what a float makes of it."""
        value = self._get(key, None)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.wrong(key, "is not a quantity", "write for example 500m or 4Gi")
        return self.source.texts.get((*self.place, key), str(value))

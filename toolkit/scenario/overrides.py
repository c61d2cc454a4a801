"""`--set key=value`: single cluster settings from the command line, checked like settings in a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings, parse_settings
from toolkit.scenario.yaml_source import Source, YamlPath, parse_yaml

FORM = r"write namespace=bench, server.cpus=4, nodeSelector.pool=bench or labels.example\.com/team=web (\. is a dot in a key)"


def parse_overrides(texts: Sequence[str]) -> ClusterSettings:
    """The settings that `key=value` texts give; a later text wins over an earlier one.

    Values are read as YAML, so lists and mappings work; a key may begin with `cluster.`. Raises GilfreeError with every
    problem and its remedy.
    """
    data: dict[str, Any] = {}
    source = Source("the command line", {"cluster": data}, {})
    for text in texts:
        key, equals, value = text.partition("=")
        words = [word.replace("\\.", ".") for word in re.split(r"(?<!\\)\.", key.strip().removeprefix("cluster."))]
        if not equals or not all(words):
            raise GilfreeError(f"--set {text}: not key=value", FORM)
        given = parse_yaml(value, f"--set {text}")
        path = ("cluster", *words)
        _set(data, words, given.data, text)
        source.texts.update({(*path, *inner): said for inner, said in given.texts.items()})
        for one in ((), *_inner_paths(given.data)):
            source.names[(*path, *one)] = f"--set {'.'.join(str(word) for word in (*words, *one))}"
    return parse_settings(source)


def _set(data: dict[str, Any], words: Sequence[str], value: Any, text: str) -> None:
    for index, word in enumerate(words[:-1]):
        inner = data.setdefault(word, {})
        if not isinstance(inner, dict):
            raise GilfreeError(f"--set {text}: {'.'.join(words[: index + 1])} is {inner!r} and has no keys", FORM)
        data = inner
    data[words[-1]] = value


def _inner_paths(data: Any) -> Iterator[YamlPath]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (key,)
        for inner in _inner_paths(value):
            yield (key, *inner)

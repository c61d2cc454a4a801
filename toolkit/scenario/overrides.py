"""`--set key=value`: single cluster settings from the command line, checked as if they stood in a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings, settings_in
from toolkit.scenario.yaml_source import Place, Source, parse_yaml

FORM = r"write namespace=bench, server.cpus=4, nodeSelector.pool=bench or labels.example\.com/team=web (\. is a dot in a key)"


def changes(texts: Sequence[str]) -> ClusterSettings:
    """What `key=value` texts alone say, a later one over an earlier; values are read as YAML, so lists and maps work.

    `cluster.` may stand before a key. Raises GilfreeError that names each wrong one.
    """
    data: dict[str, Any] = {}
    source = Source("the command line", {"cluster": data}, {})
    for text in texts:
        key, equals, value = text.partition("=")
        words = [word.replace("\\.", ".") for word in re.split(r"(?<!\\)\.", key.strip().removeprefix("cluster."))]
        if not equals or not all(words):
            raise GilfreeError(f"--set {text}: not key=value", FORM)
        given = parse_yaml(value, f"--set {text}")
        place = ("cluster", *words)
        _put(data, words, given.data, text)
        source.texts.update({(*place, *inner): said for inner, said in given.texts.items()})
        for one in ((), *_places(given.data)):
            source.called[(*place, *one)] = f"--set {'.'.join(str(word) for word in (*words, *one))}"
    return settings_in(source)


def _put(data: dict[str, Any], words: Sequence[str], value: Any, text: str) -> None:
    for index, word in enumerate(words[:-1]):
        inner = data.setdefault(word, {})
        if not isinstance(inner, dict):
            raise GilfreeError(f"--set {text}: {'.'.join(words[: index + 1])} holds no keys but {inner!r}", FORM)
        data = inner
    data[words[-1]] = value


def _places(data: Any) -> Iterator[Place]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (key,)
        for inner in _places(value):
            yield (key, *inner)

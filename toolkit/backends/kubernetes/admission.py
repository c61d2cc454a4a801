"""What admission did to an object: the difference between what was sent and what a server-side dry run returned. Pure.

A sidecar that a mesh injects, or a limit that a policy lowers, would change what is measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.quantities import quantity_of


def admission_changes(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """How admission changed an object, one line for each change.

    sent: what was sent; kept: what a server-side dry run returned. What was sent must be in it, and nothing may be added to
    a pod's containers, volumes, tolerations and the like; the API's own defaults do not count.
    """
    return list(_changes("", sent, kept))


GUARDED_LISTS = (
    "containers",
    "initContainers",
    "volumes",
    "tolerations",
    "env",
    "volumeMounts",
    "imagePullSecrets",
    "args",
)
GUARDED_MAPS = ("labels", "annotations", "nodeSelector", "limits", "requests")
API_KEYS = re.compile(r"(batch\.kubernetes\.io/)?(controller-uid|job-name|job-tracking)$")
API_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _changes(path: str, sent: Any, kept: Any) -> Iterator[str]:
    last = path.rpartition(".")[2]
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for key, value in sent.items():
            where = f"{path}.{key}" if path else str(key)
            if key in kept:
                yield from _changes(where, value, kept[key])
            elif value not in (None, [], {}, ""):
                yield f"{where} is removed"
        for key, value in kept.items():
            if key not in sent and (last in GUARDED_MAPS and not API_KEYS.match(key)):
                yield f"{path}.{key} is added: {str(value)[:100]}"
            elif key not in sent and key in GUARDED_LISTS and not path.endswith("]"):
                yield from _changes(f"{path}.{key}", [], value)
    elif isinstance(sent, list) and isinstance(kept, list):
        yield from _list_changes(path, last, sent, kept)
    elif sent != kept and not _same_amount(sent, kept):
        yield f"{path} is changed from {str(sent)[:100]} to {str(kept)[:100]}"


def _list_changes(path: str, last: str, sent: list[Any], kept: list[Any]) -> Iterator[str]:
    if not any(isinstance(one, Mapping) for one in (*sent, *kept)):
        if sent != kept:
            yield f"{path} is changed from {str(sent)[:100]} to {str(kept)[:100]}"
        return
    names = [_name(one) for one in sent]
    for index, one in enumerate(sent):
        same = [other for other in kept if _name(other) == names[index]]
        if same:
            yield from _changes(f"{path}[{names[index] or index}]", one, same[0] if names[index] else kept[index])
        else:
            yield f"{path}[{names[index] or index}] is removed"
    for one in kept:
        if _name(one) not in names and last in GUARDED_LISTS and one.get("key") not in API_TOLERATIONS:
            yield f"{path}[{_name(one)}] is added"


def _name(one: Any) -> str:
    return str(one.get("name") or one.get("key") or "") if isinstance(one, Mapping) else str(one)


def _same_amount(sent: Any, kept: Any) -> bool:
    try:
        return quantity_of(sent) == quantity_of(kept)
    except ValueError:
        return False

"""What this user has built, pushed and promoted: one JSON file in the cache, beside what the engine itself knows.

The engine says which images there are; only here stand the digests that a registry returned, so that a cluster is given
these and nothing else, without asking anybody. Written whole and by rename, under a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit import paths
from toolkit.errors import GilfreeError

SCHEMA = 1


def state_file() -> Path:
    """Where it is."""
    return paths.cache("images") / "state.json"


def read() -> dict[str, Any]:
    """`images` by id, `bases` by name, `promoted` by repository and moving tag. Empty when there is none yet."""
    file = state_file()
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {"schema": SCHEMA, "images": {}, "bases": {}, "promoted": {}}
    except ValueError as error:
        raise GilfreeError(f"{file} is not JSON: {error}", "remove it; images are then pushed again") from None
    if found.get("schema") != SCHEMA:
        raise GilfreeError(f"{file} has schema {found.get('schema')}, this gilfree knows {SCHEMA}", "update gilfree")
    return found


@contextmanager
def changing() -> Iterator[dict[str, Any]]:
    """The state, to be changed in place; written when the block ends without an error."""
    file = state_file()
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = read()
        yield found
        partial = file.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        partial.rename(file)


def remember(key: str, /, **fields: Any) -> None:
    """Add to what is known of the image with this id; `pushed` is joined, all else replaced."""
    with changing() as found:
        known = found["images"].setdefault(key, {"first_seen": now()})
        pushed = {**known.get("pushed", {}), **fields.pop("pushed", {})}
        known.update(fields)
        if pushed:
            known["pushed"] = pushed


def now() -> str:
    """A time stamp as all records of this file have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")

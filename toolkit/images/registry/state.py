"""What this user has built, pushed and promoted: one JSON file in the user's cache, alongside the engine's own knowledge.

The engine says which images there are. Only this file has the digests that a registry returned, so that a cluster can be
given exactly these without asking anybody.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from toolkit import paths
from toolkit.errors import GilfreeError

SCHEMA = 1


def state_file() -> Path:
    """The file's path, whether it is there or not."""
    return paths.cache("images") / "state.json"


def read() -> dict[str, Any]:
    """The state: `images` by id, `bases` by name, `promoted` by repository and moving tag; empty when there is no file.

    Raises GilfreeError for a file that is not JSON or of another schema.
    """
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
def transaction() -> Iterator[dict[str, Any]]:
    """The state, to be changed in place. Written as a whole when the block ends without an error; others wait meanwhile."""
    file = state_file()
    with FileLock(file.with_suffix(".lock")):
        found = read()
        yield found
        partial = file.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        partial.rename(file)


def update_image(image_id: str, /, **fields: Any) -> None:
    """Write these fields of the image with this id; digests in `pushed` are added to those known, all else is replaced."""
    with transaction() as found:
        known = found["images"].setdefault(image_id, {"first_seen": now()})
        pushed = {**known.get("pushed", {}), **fields.pop("pushed", {})}
        known.update(fields)
        if pushed:
            known["pushed"] = pushed


def now() -> str:
    """The current time as all records of this file have it: `2026-11-25T10:00:00+0000`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")

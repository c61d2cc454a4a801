"""Looking at images from all sides for `images check`: the lock, the engine or what is remembered of it, and upstream."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.engine.client import connected
from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.base import find_base, remembered_bases, wanted_base
from toolkit.images.registry.resolve import wanted_images
from toolkit.images.spec.inputs import Base
from toolkit.images.staleness.check import Judged, judge
from toolkit.images.staleness.upstream import Upstream, ask
from toolkit.pythons.lock import Lock, load_lock
from toolkit.setup.index import pip_files, pip_settings
from toolkit.trial.contract import LABEL

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_INDEX = "https://pypi.org/simple"
DEFAULT_PROFILE = "release"


@dataclass(frozen=True)
class Seen:
    """All images of a pair judged, and what was learnt on the way."""

    judged: list[Judged]
    upstream: Upstream
    pins: Mapping[str, str]
    profile: str
    base: Base


def look(python: str, profile: str | None, base_name: str | None, prereleases: bool) -> Seen:
    """Judge the images of one Python. Without an engine what is remembered of the last builds is taken."""
    lock = load_lock()
    entry = lock.resolve(python)
    base, built = _here(lock, base_name)
    chosen = profile or _last_profile(built, entry.series)
    wanted = wanted_images(python, chosen, base)
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", entry.requirements().read_text(), re.MULTILINE))
    wishes = entry.requirements().with_suffix(".in")
    top = re.findall(r"^([A-Za-z0-9-]+)", wishes.read_text(), re.MULTILINE) if wishes.exists() else []
    upstream = ask_upstream(lock, [name.lower() for name in top], None if base.local else base.name)
    found = judge(
        wanted,
        built,
        entry,
        upstream,
        base_local=base.local,
        base_identity=base.identity,
        base_name=base.name,
        prereleases=prereleases,
    )
    return Seen(found, upstream, pins, chosen, base)


def ask_upstream(lock: Lock, packages: Sequence[str], base: str | None = None) -> Upstream:
    """What is out there. base: to be asked for at its registry; when not told, the lock's if it has a digest."""
    name, digest = wanted_base(lock)
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
    index = index or pip_settings(os.environ, pip_files(os.environ)).get("index-url") or DEFAULT_INDEX
    return ask(lock, base or (name if digest else None), packages, index)


def wanted_ids(client: DockerClient) -> frozenset[str]:
    """Ids of all images that are current now, of every series in the lock and both profiles."""
    lock = load_lock()
    try:
        base = find_base(client, None, lock)
    except GilfreeError:
        return frozenset()
    found = [
        one for series in lock.series for profile in ("fast", "release") for one in wanted_images(series, profile, base)
    ]
    return frozenset(one.id for one in found)


def _here(lock: Lock, base_name: str | None) -> tuple[Base, dict[str, dict[str, Any]]]:
    """The base, and what is built by id: what the engine has, with what is remembered of it."""
    known: dict[str, dict[str, Any]] = state.read()["images"]
    try:
        with connected() as client:
            listed = client.api.images(filters={"label": f"{LABEL}id"})
            there = {one["Labels"][f"{LABEL}id"]: _of_labels(one) for one in listed}
            try:
                base = find_base(client, base_name, lock)
            except GilfreeError:
                # No base in the engine: nothing can be built from it either; a registry's digest is not known yet.
                name = base_name or wanted_base(lock)[0]
                base = Base(name, "not here yet", "")
            return base, {key: known.get(key, fields) for key, fields in there.items()}
    except GilfreeError:
        remembered = [one for one in remembered_bases(lock) if base_name in (None, one.name)]
        if not remembered:
            raise
        return remembered[0], known


def _of_labels(image: Mapping[str, Any]) -> dict[str, Any]:
    """What an image says of itself, for one that another user or another cache folder built."""
    labels = {name.removeprefix(LABEL): text for name, text in image["Labels"].items() if name.startswith(LABEL)}
    own = [tag for tag in image.get("RepoTags") or () if tag.endswith(labels["id"][:12]) and "/" not in tag]
    return {
        "repository": own[0].rpartition(":")[0] if own else "",
        "variant": labels.get("variant", ""),
        "profile": labels.get("profile", ""),
        "inputs": json.loads(labels.get("inputs", "{}")),
        "built_at": "",
    }


def _last_profile(built: Mapping[str, Mapping[str, Any]], series: str) -> str:
    mine = [one for one in built.values() if str(one.get("variant", "")).startswith(series) and one.get("profile")]
    return str(max(mine, key=lambda one: str(one.get("built_at", "")))["profile"]) if mine else DEFAULT_PROFILE

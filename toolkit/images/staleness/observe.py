"""What `gilfree images check` needs to know: the lock, the images in the engine (else in the state), and upstream."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from toolkit.engine.client import connected
from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.base import find_base, known_bases, locked_base
from toolkit.images.registry.engine_images import own_labels
from toolkit.images.registry.resolve import image_specs
from toolkit.images.spec.inputs import PROFILES, BaseImage, Profile
from toolkit.images.staleness.status import ImageStatus, image_statuses
from toolkit.images.staleness.upstream import Upstream, query_upstream
from toolkit.pythons.lock import Lock, load_lock, top_level_file
from toolkit.pythons.packages import pinned_packages
from toolkit.setup.index import pip_files, pip_settings
from toolkit.trial.contract import LABEL

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_PROFILE: Profile = "release"


@dataclass(frozen=True)
class Observation:
    """The status of all images of a pair, and what it was decided on.

    pins: version by name of the locked packages. profile: the build profile that was looked at.
    """

    statuses: list[ImageStatus]
    upstream: Upstream
    pins: Mapping[str, str]
    profile: str
    base: BaseImage


def observe(python: str, profile: str | None, base_name: str | None, prereleases: bool) -> Observation:
    """The status of the images of one Python. Without an engine, the state says what is built.

    profile: None for that of the last build. base_name: `--base REF`. prereleases: they count as newer Pythons too.
    Raises GilfreeError for a Python that is not locked, and where neither engine nor state knows a base.
    """
    lock = load_lock()
    entry = lock.resolve(python)
    base, built = _base_and_built(lock, base_name)
    chosen = profile or _last_profile(built, entry.series)
    pins = pinned_packages(entry.requirements().read_text())
    upstream = ask_upstream(lock, _top_level_packages(entry.series), None if base.local else base.name)
    specs = image_specs(python, chosen, base)
    statuses = image_statuses(specs, built, entry, upstream, base, prereleases=prereleases)
    return Observation(statuses, upstream, pins, chosen, base)


def ask_upstream(lock: Lock, packages: Sequence[str], base: str | None = None) -> Upstream:
    """What is upstream now. base: the name to ask its registry for; by default the lock's base if it has a digest.

    packages: names to ask the package index for that pip is configured for on this machine.
    """
    name, digest = locked_base(lock)
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
    index = index or pip_settings(os.environ, pip_files(os.environ)).get("index-url")
    return query_upstream(lock, base or (name if digest else None), packages, index)


def current_ids(client: DockerClient) -> frozenset[str]:
    """Ids of the images that are current now, for every series in the lock and both profiles; none without a base."""
    lock = load_lock()
    try:
        base = find_base(client, None, lock)
    except GilfreeError:
        return frozenset()
    return frozenset(
        spec.id for series in lock.series for profile in PROFILES for spec in image_specs(series, profile, base)
    )


def _top_level_packages(series: str) -> list[str]:
    """Names of the packages that the sample apps ask for; newer releases of these are worth a note."""
    file = top_level_file(series)
    lines = [line.partition("#")[0].strip() for line in file.read_text().splitlines()] if file.exists() else []
    return [canonicalize_name(Requirement(line).name) for line in lines if line]


def _base_and_built(lock: Lock, base_name: str | None) -> tuple[BaseImage, dict[str, dict[str, Any]]]:
    """The base, and the images that are built, by id: those in the engine with what the state knows of them, else those
    in the state."""
    known: dict[str, dict[str, Any]] = state.read()["images"]
    try:
        with connected() as client:
            listed = client.api.images(filters={"label": f"{LABEL}id"})
            there = {one["Labels"][f"{LABEL}id"]: _fields_from_labels(one) for one in listed}
            try:
                base = find_base(client, base_name, lock)
            except GilfreeError:
                # Without a base in the engine nothing is current: no image can have begun with this one.
                name = base_name or locked_base(lock)[0]
                base = BaseImage(name, "not here yet", "")
            return base, {key: known.get(key, fields) for key, fields in there.items()}
    except GilfreeError:
        bases = [base for base in known_bases(lock) if base_name in (None, base.name)]
        if not bases:
            raise
        return bases[0], known


def _fields_from_labels(image: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an image that is not in the state, since another user or another cache folder built it."""
    labels = own_labels(image["Labels"])
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

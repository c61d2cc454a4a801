"""Whether images are current, and if not, why: decided on the images' specs, what is built and what is upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from packaging.version import Version

from toolkit.errors import BAD_INPUT, FINE, STALE
from toolkit.images.spec.inputs import BaseImage, ImageSpec, input_changes
from toolkit.images.staleness.upstream import Upstream, announced, newest
from toolkit.pythons.lock import Lock, LockedSeries

State = Literal["current", "stale", "missing", "unknown"]


@dataclass(frozen=True)
class ImageStatus:
    """One image: its title, its state with the reason, and the name that it has, or would have if it were built."""

    title: str
    state: State
    reason: str
    name: str

    def words(self) -> str:
        """`stale because python 3.14.6 -> 3.14.7`."""
        if self.state == "current":
            return f"current ({self.reason})" if self.reason else "current"
        return f"{self.state} because {self.reason}" if self.reason else self.state


def image_statuses(
    specs: Sequence[ImageSpec],
    built: Mapping[str, Mapping[str, Any]],
    entry: LockedSeries,
    upstream: Upstream,
    base: BaseImage,
    *,
    prereleases: bool = False,
) -> list[ImageStatus]:
    """The status of each image, in order.

    built: the images that there are, by id, with `repository`, `variant`, `profile`, `inputs`, `built_at`. entry: the
    locked Python, and base: the base image, that `specs` are made of. A local base is compared with nothing upstream.
    """
    newer, unknown = _newer_upstream(entry, upstream, base, prereleases)
    found = []
    for spec in specs:
        reasons = newer if spec.kind != "load" else [words for words in newer if words.startswith("base ")]
        doubts = unknown if spec.kind != "load" else [words for words in unknown if words.startswith("base ")]
        found.append(_status(spec, built, reasons, doubts, base))
    return found


def _status(
    spec: ImageSpec,
    built: Mapping[str, Mapping[str, Any]],
    newer: Sequence[str],
    doubts: Sequence[str],
    base: BaseImage,
) -> ImageStatus:
    if spec.id not in built:
        mine = [
            fields
            for fields in built.values()
            if (fields.get("repository"), fields.get("variant"), fields.get("profile"))
            == (spec.repository, spec.variant, spec.profile)
        ]
        if not mine:
            return ImageStatus(spec.title, "missing", "it was never built here", spec.name)
        last = max(mine, key=lambda fields: str(fields.get("built_at", "")))
        reasons = [*input_changes(_telling(last.get("inputs") or {}), _telling(spec.inputs)), *newer]
        return ImageStatus(spec.title, "stale", "; ".join(reasons) or "it is gone from the engine", spec.name)
    if newer:
        return ImageStatus(spec.title, "stale", "; ".join(newer), spec.name)
    if doubts:
        return ImageStatus(spec.title, "unknown", "; ".join(doubts), spec.name)
    return ImageStatus(spec.title, "current", "local base" if base.local else "", spec.name)


def _telling(inputs: Mapping[str, str]) -> dict[str, str]:
    """The inputs whose change is worth saying: the source's hash and the runtime's id only follow from others."""
    return {name: value for name, value in inputs.items() if name not in ("source", "runtime")}


def _newer_upstream(
    entry: LockedSeries,
    upstream: Upstream,
    base: BaseImage,
    prereleases: bool,
) -> tuple[list[str], list[str]]:
    """What is newer upstream than in the lock, and what could not be learnt, both in words."""
    newer, unknown = [], []
    if upstream.versions.value is None:
        unknown.append(f"the newest {entry.series} cannot be learnt: {upstream.versions.reason}")
    else:
        latest = newest(upstream.versions.value, entry.series, prereleases=prereleases)
        if latest is None and newest(upstream.versions.value, entry.series, prereleases=True) is None:
            unknown.append(f"the newest {entry.series} cannot be learnt: the source of Pythons lists none of them")
        elif latest is not None and _is_newer(latest, entry.version):
            newer.append(f"python {entry.version} -> {latest}")
    if not base.local and upstream.base is not None:
        if upstream.base.value is None:
            unknown.append(f"base {base.name} cannot be looked up: {upstream.base.reason}")
        elif upstream.base.value != base.identity:
            newer.append(f"base {base.name} digest changed {_short(base.identity)} -> {_short(upstream.base.value)}")
    return newer, unknown


def _is_newer(one: str, other: str) -> bool:
    return Version(one) > Version(other)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def notes(lock: Lock, upstream: Upstream, pins: Mapping[str, str]) -> list[str]:
    """What is worth knowing but makes no image stale: new series, newer packages, ends of life. pins: locked packages."""
    found = []
    if upstream.versions.value is None:
        found.append(f"the newest Pythons cannot be learnt: {upstream.versions.reason}")
    else:
        found += [
            f"python {version} is announced; to add it: gilfree images update --python {version}"
            for version in announced(upstream.versions.value, lock.series)
        ]
    for name, fact in upstream.packages.items():
        if fact.value is None:
            found.append(f"{name}: its newest release cannot be learnt: {fact.reason}")
        elif name in pins and _is_newer(fact.value, pins[name]):
            found.append(
                f"{name} {pins[name]} -> {fact.value} is out: gilfree pythons --relock takes it if it has wheels"
            )
    for series, entry in lock.series.items():
        if entry.status or entry.end_of_life:
            found.append(
                f"python {series}: {entry.status or 'status unknown'}, end of life {entry.end_of_life or 'unknown'}"
            )
    return found


def exit_code(statuses: Sequence[ImageStatus], upstream: Upstream) -> int:
    """2 when anything is unknown (even where an image is stale or missing anyway), else 10 when any image is stale or
    missing, else 0."""
    states = {one.state for one in statuses}
    silent = upstream.versions.value is None or (upstream.base is not None and upstream.base.value is None)
    if silent or "unknown" in states:
        return BAD_INPUT
    return STALE if states & {"stale", "missing"} else FINE

"""Whether images are current, and if not, why. Pure: what is wanted, what there is and what is out there go in, words come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.errors import BAD_INPUT, FINE, STALE
from toolkit.images.spec.inputs import Wanted, changed
from toolkit.images.staleness.upstream import Upstream, announced, newest
from toolkit.pythons.lock import Lock, LockedSeries

State = Literal["current", "stale", "missing", "unknown"]


@dataclass(frozen=True)
class Judged:
    """One image: its state, why, and the name that it has or would have."""

    title: str
    state: State
    reason: str
    name: str

    def words(self) -> str:
        """`stale because python 3.14.6 -> 3.14.7`."""
        if self.state == "current":
            return f"current ({self.reason})" if self.reason else "current"
        return f"{self.state} because {self.reason}" if self.reason else self.state


def judge(
    wanted: Sequence[Wanted],
    built: Mapping[str, Mapping[str, Any]],
    entry: LockedSeries,
    upstream: Upstream,
    *,
    base_local: bool,
    base_identity: str,
    base_name: str,
    prereleases: bool = False,
) -> list[Judged]:
    """The state of each wanted image.

    built: what there is, by id: `repository`, `variant`, `profile`, `inputs`, `built_at`. base_identity: the digest that the
    wanted images begin with; base_local: no registry knows it, so there is nothing to ask.
    """
    outside, unknown = _outside(entry, upstream, base_local, base_identity, base_name, prereleases)
    found = []
    for one in wanted:
        news = outside if one.kind != "load" else [words for words in outside if words.startswith("base ")]
        doubts = unknown if one.kind != "load" else [words for words in unknown if words.startswith("base ")]
        found.append(_one(one, built, news, doubts, base_local))
    return found


def _one(
    one: Wanted, built: Mapping[str, Mapping[str, Any]], news: Sequence[str], doubts: Sequence[str], base_local: bool
) -> Judged:
    if one.id not in built:
        mine = [
            fields
            for fields in built.values()
            if (fields.get("repository"), fields.get("variant"), fields.get("profile"))
            == (one.repository, one.variant, one.profile)
        ]
        if not mine:
            return Judged(one.title, "missing", "it was never built here", one.name)
        last = max(mine, key=lambda fields: str(fields.get("built_at", "")))
        reasons = [*changed(_told(last.get("inputs") or {}), _told(one.inputs)), *news]
        return Judged(one.title, "stale", "; ".join(reasons) or "it is gone from the engine", one.name)
    if news:
        return Judged(one.title, "stale", "; ".join(news), one.name)
    if doubts:
        return Judged(one.title, "unknown", "; ".join(doubts), one.name)
    return Judged(one.title, "current", "local base" if base_local else "", one.name)


def _told(inputs: Mapping[str, str]) -> dict[str, str]:
    """Inputs whose change says something to a person: the source's hash and the runtime's id only follow from others."""
    return {name: value for name, value in inputs.items() if name not in ("source", "runtime")}


def _outside(
    entry: LockedSeries,
    upstream: Upstream,
    base_local: bool,
    base_identity: str,
    base_name: str,
    prereleases: bool,
) -> tuple[list[str], list[str]]:
    """What is newer out there than in the lock, and what could not be learnt."""
    news, unknown = [], []
    if upstream.versions.value is None:
        unknown.append(f"the newest {entry.series} cannot be learnt: {upstream.versions.why}")
    else:
        latest = newest(upstream.versions.value, entry.series, prereleases=prereleases)
        if latest is None and newest(upstream.versions.value, entry.series, prereleases=True) is None:
            unknown.append(f"the newest {entry.series} cannot be learnt: the source of Pythons lists none of them")
        elif latest is not None and _newer(latest, entry.version):
            news.append(f"python {entry.version} -> {latest}")
    if not base_local and upstream.base is not None:
        if upstream.base.value is None:
            unknown.append(f"base {base_name} cannot be asked for: {upstream.base.why}")
        elif upstream.base.value != base_identity:
            news.append(f"base {base_name} digest changed {_short(base_identity)} -> {_short(upstream.base.value)}")
    return news, unknown


def _newer(one: str, other: str) -> bool:
    from packaging.version import Version

    return Version(one) > Version(other)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def notes(lock: Lock, upstream: Upstream, pins: Mapping[str, str]) -> list[str]:
    """What is worth knowing and makes no image stale: new series, newer packages, ends of life."""
    found = []
    if upstream.versions.value is None:
        found.append(f"the newest Pythons cannot be learnt: {upstream.versions.why}")
    else:
        found += [
            f"python {version} is announced, not built until asked: gilfree images update --python {version}"
            for version in announced(upstream.versions.value, lock.series)
        ]
    for name, fact in upstream.packages.items():
        if fact.value is None:
            found.append(f"{name}: its newest release cannot be learnt: {fact.why}")
        elif name in pins and _newer(fact.value, pins[name]):
            found.append(
                f"{name} {pins[name]} -> {fact.value} is out: gilfree pythons --relock takes it if it has wheels"
            )
    for series, entry in lock.series.items():
        if entry.status or entry.end_of_life:
            found.append(
                f"python {series}: {entry.status or 'status unknown'}, end of life {entry.end_of_life or 'unknown'}"
            )
    return found


def exit_code(found: Sequence[Judged], upstream: Upstream) -> int:
    """2 when anything is unknown (also what would only add to an image's being stale or missing), else 10 when anything
    is stale or missing, else 0."""
    states = {one.state for one in found}
    silent = upstream.versions.value is None or (upstream.base is not None and upstream.base.value is None)
    if silent or "unknown" in states:
        return BAD_INPUT
    return STALE if states & {"stale", "missing"} else FINE

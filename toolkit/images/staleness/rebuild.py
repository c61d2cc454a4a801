"""`gilfree images rebuild`: check, update, build, test, promote in one go.

Each step is that of its own command; here stands when to go on. Whatever ends it early leaves every moving tag where it
was. gilfree.lock is written before the build, so that the same command goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.engine.client import connected
from toolkit.errors import GilfreeError
from toolkit.images.builder.build import build_images
from toolkit.images.checks.judge import Finding, judge
from toolkit.images.checks.run import collect
from toolkit.images.progress import Watching
from toolkit.images.registry import state
from toolkit.images.registry.base import fetch, find_base
from toolkit.images.registry.built import Built
from toolkit.images.registry.engine_images import inspected
from toolkit.images.registry.promote import promote
from toolkit.images.registry.push import push_images
from toolkit.images.registry.resolve import wanted_images
from toolkit.images.spec.inputs import Wanted
from toolkit.images.spec.network import Network
from toolkit.images.staleness.check import Judged
from toolkit.images.staleness.observe import Seen, look
from toolkit.images.staleness.update import update
from toolkit.pythons.lock import load_lock

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class Asked:
    """What to rebuild, and how. `again` is the command that repeats it; `child`: also test with a child image."""

    python: str
    profile: str | None
    base: str | None
    again: str
    prereleases: bool = False
    registry: str | None = None
    network: Network = field(default_factory=Network)
    child: bool = True


@dataclass(frozen=True)
class Rebuilt:
    """What came of it. `old`: the app images, GIL and free-threaded, that the moving tags pointed to before."""

    judged: Sequence[Judged]
    series: str = ""
    profile: str = ""
    changes: Sequence[str] = ()
    built: Sequence[Built] = ()
    findings: Sequence[Finding] = ()
    moved: dict[str, str] = field(default_factory=dict)
    old: tuple[str, str] | None = None
    new: tuple[str, str] | None = None

    @property
    def failed(self) -> list[Finding]:
        """Findings that do not hold; no tag was moved when there is one."""
        return [one for one in self.findings if not one.holds]


Test = Callable[["DockerClient", Sequence[Wanted], Asked, Watching], Sequence[Finding]]


def examined(client: DockerClient, images: Sequence[Wanted], asked: Asked, watching: Watching) -> Sequence[Finding]:
    """As `gilfree images test` does."""
    return judge(collect(client, images, asked.network, watching, child=asked.child))


def rebuild(asked: Asked, watching: Watching, test: Test = examined) -> Rebuilt:
    """Bring the images of one Python up to date. Raises GilfreeError, with nothing done, when that cannot be learnt."""
    seen = look(asked.python, asked.profile, asked.base, asked.prereleases)
    for one in seen.judged:
        watching.say(f"{one.title}: {one.words()}")
    unknown = list(dict.fromkeys(one.reason for one in seen.judged if one.state == "unknown"))
    if unknown:
        raise GilfreeError(
            f"not rebuilt: {'; '.join(unknown)}",
            "see the network, or set GILFREE_SOURCES to a folder or address that holds Python-X.Y.Z.tar.xz; "
            "`gilfree images build` builds what gilfree.lock has and asks nobody",
        )
    series = load_lock().resolve(asked.python).series
    with connected() as client:
        changes = _updated(client, seen, series, asked, watching)
        base = find_base(client, asked.base, load_lock(), pull=True)
        images = wanted_images(series, seen.profile, base)
        apps = [one for one in images if one.kind == "app"]
        old = _promoted(apps)
        if all(one.state == "current" for one in seen.judged) and not changes and _tags_are_there(client, images):
            return Rebuilt(seen.judged, series, seen.profile)
        built = build_images(client, images, asked.network, watching, asked.again)
        findings = test(client, images, asked, watching)
        moved: dict[str, str] = {}
        if all(one.holds for one in findings):
            if asked.registry is not None:
                built = push_images(client, built, asked.registry, watching)
            moved = promote(client, images, watching, registry=asked.registry)
    new = (apps[0].name, apps[1].name)
    return Rebuilt(seen.judged, series, seen.profile, changes, built, findings, moved, old, new)


def _updated(client: DockerClient, seen: Seen, series: str, asked: Asked, watching: Watching) -> list[str]:
    """The lock written anew, and a base that moved at its registry pulled."""
    changes = update(series, seen.upstream, watching.say, prereleases=asked.prereleases)
    moved = any(f"base {seen.base.name} " in one.reason for one in seen.judged if one.state == "stale")
    if moved and seen.upstream.base is not None and load_lock().base.digest is None:
        fetch(client, seen.base.name)
        changes.append(f"base {seen.base.name}: pulled anew")
    for words in changes:
        watching.say(words)
    return changes


def _promoted(apps: Sequence[Wanted]) -> tuple[str, str] | None:
    """The immutable names of the pair that the moving tags were moved to last."""
    known = state.read()["promoted"]
    names = [known.get(f"{one.repository}:{one.moving}", {}).get("name") for one in apps]
    return (str(names[0]), str(names[1])) if all(names) else None


def _tags_are_there(client: DockerClient, images: Sequence[Wanted]) -> bool:
    """Whether each moving tag points to its image already."""
    found = [(inspected(client, one.name), inspected(client, f"{one.repository}:{one.moving}")) for one in images]
    return all(here is not None and tag is not None and here["Id"] == tag["Id"] for here, tag in found)

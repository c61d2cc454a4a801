"""`gilfree images rebuild`: check, update, build, test, promote in one go.

Each step is that of a command of its own; this module decides whether the next one follows. When it ends early, every
moving tag stays where it was. gilfree.lock is written before the build, so that the same command continues where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.engine.client import connected
from toolkit.errors import GilfreeError
from toolkit.images.builder.build import build_images
from toolkit.images.checks.collect import collect_facts
from toolkit.images.checks.results import CheckResult, check_results
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import state
from toolkit.images.registry.base import find_base, pull_base
from toolkit.images.registry.built import BuiltImage
from toolkit.images.registry.engine_images import inspected
from toolkit.images.registry.promote import promote
from toolkit.images.registry.push import push_images
from toolkit.images.registry.resolve import image_specs
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.spec.network import Network
from toolkit.images.staleness.observe import Observation, observe
from toolkit.images.staleness.status import ImageStatus
from toolkit.images.staleness.update import update
from toolkit.pythons.lock import load_lock

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class RebuildRequest:
    """What to rebuild, and how.

    python: a series or locked version. profile: None for that of the last build. base: `--base REF`, None for the lock's.
    again: the command that repeats this. registry: also push there. child: also test with a child image.
    """

    python: str
    profile: str | None
    base: str | None
    again: str
    prereleases: bool = False
    registry: str | None = None
    network: Network = field(default_factory=Network)
    child: bool = True


@dataclass(frozen=True)
class RebuildResult:
    """What a rebuild found and did.

    statuses: of all images before. changes: of gilfree.lock and the base, in words. moved: tag -> immutable name. old, new:
    the names of the app images (GIL, free-threaded) that the moving tags pointed to before, and of the built ones.
    """

    statuses: Sequence[ImageStatus]
    series: str = ""
    profile: str = ""
    changes: Sequence[str] = ()
    built: Sequence[BuiltImage] = ()
    check_results: Sequence[CheckResult] = ()
    moved: dict[str, str] = field(default_factory=dict)
    old: tuple[str, str] | None = None
    new: tuple[str, str] | None = None

    @property
    def failed(self) -> list[CheckResult]:
        """The requirements that are not met; if there is any, no tag was moved."""
        return [one for one in self.check_results if not one.passed]


Checks = Callable[["DockerClient", Sequence[ImageSpec], RebuildRequest, BuildProgress], Sequence[CheckResult]]


def run_checks(
    client: DockerClient, specs: Sequence[ImageSpec], request: RebuildRequest, progress: BuildProgress
) -> Sequence[CheckResult]:
    """The results of `gilfree images test`."""
    return check_results(collect_facts(client, specs, request.network, progress, child=request.child))


def rebuild(request: RebuildRequest, progress: BuildProgress, checks: Checks = run_checks) -> RebuildResult:
    """Bring the images of one Python up to date; with failed checks the result says so and no tag has moved.

    Raises GilfreeError, with nothing done, when it cannot be learnt whether they are current; later, when an update, a
    build, a push or a promotion fails.
    """
    seen = observe(request.python, request.profile, request.base, request.prereleases)
    for status in seen.statuses:
        progress.say(f"{status.title}: {status.words()}")
    unknown = list(dict.fromkeys(status.reason for status in seen.statuses if status.state == "unknown"))
    if unknown:
        raise GilfreeError(
            f"not rebuilt: {'; '.join(unknown)}",
            "check the network, or set GILFREE_SOURCES to a folder or address that holds Python-X.Y.Z.tar.xz; "
            "`gilfree images build` builds what gilfree.lock has and asks no source for newer versions",
        )
    series = load_lock().resolve(request.python).series
    with connected() as client:
        changes = _update_lock_and_base(client, seen, series, request, progress)
        base = find_base(client, request.base, load_lock(), pull=True)
        specs = image_specs(series, seen.profile, base)
        apps = [spec for spec in specs if spec.kind == "app"]
        old = _promoted_pair(apps)
        current = all(status.state == "current" for status in seen.statuses) and not changes
        if current and _tags_are_moved(client, specs):
            return RebuildResult(seen.statuses, series, seen.profile)
        built = build_images(client, specs, request.network, progress, request.again)
        results = checks(client, specs, request, progress)
        moved: dict[str, str] = {}
        if all(result.passed for result in results):
            if request.registry is not None:
                built = push_images(client, built, request.registry, progress)
            moved = promote(client, specs, progress, registry=request.registry)
    new = (apps[0].name, apps[1].name)
    return RebuildResult(seen.statuses, series, seen.profile, changes, built, results, moved, old, new)


def _update_lock_and_base(
    client: DockerClient, seen: Observation, series: str, request: RebuildRequest, progress: BuildProgress
) -> list[str]:
    """Update gilfree.lock, and pull a base that its registry has a new image of; the changes in words."""
    changes = update(series, seen.upstream, progress.say, prereleases=request.prereleases)
    base_moved = any(f"base {seen.base.name} " in status.reason for status in seen.statuses if status.state == "stale")
    if base_moved and seen.upstream.base is not None and load_lock().base.digest is None:
        pull_base(client, seen.base.name)
        changes.append(f"base {seen.base.name}: pulled again")
    for words in changes:
        progress.say(words)
    return changes


def _promoted_pair(apps: Sequence[ImageSpec]) -> tuple[str, str] | None:
    """The immutable names of the app images to which the moving tags were last moved."""
    known = state.read()["promoted"]
    names = [known.get(f"{app.repository}:{app.moving_tag}", {}).get("name") for app in apps]
    return (str(names[0]), str(names[1])) if all(names) else None


def _tags_are_moved(client: DockerClient, specs: Sequence[ImageSpec]) -> bool:
    """Whether each moving tag points to its image already."""
    found = [
        (inspected(client, spec.name), inspected(client, f"{spec.repository}:{spec.moving_tag}")) for spec in specs
    ]
    return all(image is not None and tagged is not None and image["Id"] == tagged["Id"] for image, tagged in found)

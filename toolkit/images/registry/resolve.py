"""Finding current images: by their id, the hash of what they are made of, never by a moving tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.base import known_bases
from toolkit.images.registry.engine_images import inspected, labels_of
from toolkit.images.spec.inputs import PROFILES, BaseImage, ImageSpec, Profile, load_image, pair_images
from toolkit.images.spec.project import Project
from toolkit.pythons.lock import load_lock
from toolkit.trial.contract import ImageRef, Images

if TYPE_CHECKING:
    from docker import DockerClient


def as_profile(profile: str) -> Profile:
    """The profile of this name. Raises GilfreeError when there is none."""
    for known in PROFILES:
        if profile == known:
            return known
    raise GilfreeError(f"there is no profile {profile!r}", f"take {' or '.join(PROFILES)}")


def image_specs(python: str, profile: str, base: BaseImage, project: Project | None = None) -> list[ImageSpec]:
    """All images of one Python (a series or a locked version) in the order in which they are built: runtimes, apps, load.

    project: a user's own app instead of the sample apps.
    """
    entry = load_lock().resolve(python)
    return [*pair_images(entry, as_profile(profile), base, project), load_image(base)]


def resolve(series: str, profile: str, *, registry: str | None = None, project: str | None = None) -> Images:
    """The current images of a pair of one profile, from the state: neither the network nor the engine is asked.

    registry: `HOST[/PREFIX]` whose digests to give (None: of the last push). project: name of a user's app as
    `gilfree images build --project` built it (None: the sample apps). Raises GilfreeError with the command that builds
    what is missing.
    """
    if project is not None:
        return _of_project(series, profile, registry, project)
    known = state.read()["images"]
    missing_by_base = []
    for base in known_bases(load_lock()):
        _, _, gil, free_threaded, load = image_specs(series, profile, base)
        missing = [spec.title for spec in (gil, free_threaded, load) if spec.id not in known]
        if not missing:
            return Images(*(_reference(spec.id, known[spec.id], registry) for spec in (gil, free_threaded, load)))
        missing_by_base.append(missing)
    closest = min(missing_by_base, key=len, default=["everything"])
    raise GilfreeError(
        f"not built, or stale: {', '.join(closest)} (`gilfree images check` says why)",
        f"gilfree images build --python {series} --profile {profile}",
    )


def _of_project(series: str, profile: str, registry: str | None, project: str) -> Images:
    """A user's app as it was last built; only `images build` compares it with what its folder holds now."""
    known = state.read()["images"]
    found = {}
    for variant in (series, f"{series}t"):
        mine = [
            (fields["built_at"], image_id)
            for image_id, fields in known.items()
            if fields.get("repository") == f"gilfree-app-{project}"
            and (fields["variant"], fields["profile"]) == (variant, profile)
        ]
        if not mine:
            raise GilfreeError(
                f"the app {project} was not built for {variant} ({profile})",
                f"gilfree images build --python {series} --profile {profile} --project DIR --app package.module:app",
            )
        found[variant] = max(mine)[1]
    loads = [(fields["built_at"], image_id) for image_id, fields in known.items() if fields.get("kind") == "load"]
    ids = [*found.values(), max(loads)[1]]
    return Images(*(_reference(one, known[one], registry) for one in ids))


def _reference(image_id: str, fields: dict[str, object], registry: str | None) -> ImageRef:
    pushed = fields.get("pushed")
    digests = pushed if isinstance(pushed, dict) else {}
    digest = digests.get(registry) if registry is not None else fields.get("last_pushed")
    return ImageRef(
        str(fields["kind"]), str(fields["variant"]), image_id, str(fields["name"]), str(digest) if digest else None
    )


def engine_has(client: DockerClient, image: ImageRef) -> bool:
    """Whether the engine has exactly this image: its name with its id."""
    return labels_of(inspected(client, image.name)).get("id") == image.id

"""Moving tags (`3.14`, `3.14t`; `3.14-fast` for a fast build): they point to the last pair of which both images passed.

All or nothing: when one tag cannot be moved, those that were moved before it are moved back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import state
from toolkit.images.registry.built import find_current
from toolkit.images.registry.engine_images import inspected
from toolkit.images.registry.push import push
from toolkit.images.spec.inputs import ImageSpec

if TYPE_CHECKING:
    from docker import DockerClient


def promote(
    client: DockerClient, pair: Sequence[ImageSpec], progress: BuildProgress, *, registry: str | None = None
) -> dict[str, str]:
    """Move the tags of a whole pair (runtimes and apps of both variants, and the load image) to these images.

    registry: also move the tags there. The result maps each tag to the immutable name that it now points to. Call this
    when all images have passed their tests. Raises GilfreeError, with every tag where it was before, when the images are
    no pair, one is not current, or a tag cannot be moved.
    """
    _require_pairs(pair)
    missing = [spec.name for spec in pair if find_current(client, spec) is None]
    if missing:
        raise GilfreeError(f"not promoted: {', '.join(missing)} is not built", "gilfree images build")
    undo: list[Callable[[], object]] = []
    try:
        for spec in pair:
            _move(client, spec, spec.repository, undo)
            if registry is not None:
                _move_pushed(client, spec, f"{registry}/{spec.repository}", progress, undo)
    except BaseException:
        for back in reversed(undo):
            with contextlib.suppress(GilfreeError):
                back()
        raise
    moved = {f"{spec.repository}:{spec.moving_tag}": spec.name for spec in pair}
    with state.transaction() as known:
        known["promoted"].update({tag: {"name": name, "at": state.now()} for tag, name in moved.items()})
    return moved


def _require_pairs(pair: Sequence[ImageSpec]) -> None:
    """Raises GilfreeError unless each repository has both variants of one version and profile."""
    for repository in {spec.repository for spec in pair if spec.kind != "load"}:
        specs = [spec for spec in pair if spec.repository == repository]
        variants = {spec.variant.endswith("t") for spec in specs}
        builds = {(spec.version, spec.profile) for spec in specs}
        if len(specs) != 2 or len(variants) != 2 or len(builds) != 1:
            raise GilfreeError(
                f"not promoted: {', '.join(spec.title for spec in specs)} is no pair of one version and profile",
                "both variants are promoted together, of one build profile",
            )


def _move(client: DockerClient, spec: ImageSpec, repository: str, undo: list[Callable[[], object]]) -> None:
    before = inspected(client, f"{repository}:{spec.moving_tag}")
    with engine_errors(f"tagging {repository}:{spec.moving_tag}"):
        client.api.tag(spec.name, repository, spec.moving_tag)
    if before is None:
        undo.append(lambda: client.api.remove_image(f"{repository}:{spec.moving_tag}", noprune=True))
    else:
        undo.append(lambda: client.api.tag(before["Id"], repository, spec.moving_tag))


def _move_pushed(
    client: DockerClient, spec: ImageSpec, repository: str, progress: BuildProgress, undo: list[Callable[[], object]]
) -> None:
    before = inspected(client, f"{repository}:{spec.moving_tag}")
    push(client, spec.name, repository, spec.moving_tag, progress)
    if before is not None:  # a new tag stays in the registry: few registries let a tag be deleted
        undo.append(lambda: push(client, before["Id"], repository, spec.moving_tag, progress))

"""Moving tags (`3.14`, `3.14t`; `3.14-fast` for a fast build): they follow a pair of which both images passed, or stay.

All or nothing: when one tag cannot be moved, those moved before it go back to where they were.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.progress import Watching
from toolkit.images.registry import state
from toolkit.images.registry.built import current
from toolkit.images.registry.engine_images import inspected
from toolkit.images.registry.push import push
from toolkit.images.spec.inputs import Wanted

if TYPE_CHECKING:
    from docker import DockerClient


def promote(
    client: DockerClient, pair: Sequence[Wanted], watching: Watching, *, registry: str | None = None
) -> dict[str, str]:
    """Move the tags of a whole pair (runtimes, apps, and the load image's) to these images: tag -> immutable name.

    Call it when all of them have passed their tests. Raises GilfreeError, with every tag where it was, otherwise.
    """
    _whole(pair)
    missing = [one.name for one in pair if current(client, one) is None]
    if missing:
        raise GilfreeError(f"not promoted: {', '.join(missing)} is not built", "gilfree images build")
    undo: list[Callable[[], object]] = []
    try:
        for one in pair:
            _move(client, one, one.repository, undo)
            if registry is not None:
                _move_pushed(client, one, f"{registry}/{one.repository}", watching, undo)
    except BaseException:
        for back in reversed(undo):
            with contextlib.suppress(GilfreeError):
                back()
        raise
    moved = {f"{one.repository}:{one.moving}": one.name for one in pair}
    with state.changing() as known:
        known["promoted"].update({tag: {"name": name, "at": state.now()} for tag, name in moved.items()})
    return moved


def _whole(pair: Sequence[Wanted]) -> None:
    """Both variants of one version and profile for each repository, or GilfreeError. Pure."""
    for repository in {one.repository for one in pair if one.kind != "load"}:
        mine = [one for one in pair if one.repository == repository]
        kinds = {one.variant.endswith("t") for one in mine}
        builds = {(one.version, one.profile) for one in mine}
        if len(mine) != 2 or len(kinds) != 2 or len(builds) != 1:
            raise GilfreeError(
                f"not promoted: {', '.join(one.title for one in mine)} is no pair of one version and profile",
                "both variants are promoted together, of one build profile",
            )


def _move(client: DockerClient, one: Wanted, repository: str, undo: list[Callable[[], object]]) -> None:
    before = inspected(client, f"{repository}:{one.moving}")
    with engine_errors(f"tagging {repository}:{one.moving}"):
        client.api.tag(one.name, repository, one.moving)
    if before is None:
        undo.append(lambda: client.api.remove_image(f"{repository}:{one.moving}", noprune=True))
    else:
        undo.append(lambda: client.api.tag(before["Id"], repository, one.moving))


def _move_pushed(
    client: DockerClient, one: Wanted, repository: str, watching: Watching, undo: list[Callable[[], object]]
) -> None:
    before = inspected(client, f"{repository}:{one.moving}")
    push(client, one.name, repository, one.moving, watching)
    if before is not None:  # a tag new to the registry stays there: registries rarely let a tag be deleted
        undo.append(lambda: push(client, before["Id"], repository, one.moving, watching))

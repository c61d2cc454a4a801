"""Which images are there to be used: asked before they are tested, promoted or run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.errors import GilfreeError
from toolkit.images.builder.build import current
from toolkit.images.registry import state
from toolkit.images.spec.inputs import Wanted
from toolkit.pythons.lock import load_lock

if TYPE_CHECKING:
    from docker import DockerClient


def require(client: DockerClient, wanted: Sequence[Wanted], command: str) -> None:
    """Raises GilfreeError naming those that are not in the engine as they have to be now."""
    missing = [one.title for one in wanted if current(client, one) is None]
    if missing:
        raise GilfreeError(f"not built, or stale: {', '.join(missing)}", command)


def newest_profile(python: str) -> str:
    """The profile of the app image of this Python that was built last; release when there is none."""
    version = load_lock().resolve(python).version
    mine = [
        (str(fields["built_at"]), str(fields["profile"]))
        for fields in state.read()["images"].values()
        if fields["kind"] == "app" and fields["version"] == version
    ]
    return max(mine)[1] if mine else "release"

"""Which images are there to be used: asked before they are tested, promoted or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.engine_images import inspected, labels_of
from toolkit.images.spec import inventory
from toolkit.images.spec.inputs import Wanted
from toolkit.pythons.lock import load_lock

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class Built:
    """One image as it is in the engine now. `why` is empty when it was current already; layer sizes are above the base."""

    wanted: Wanted
    image_id: str
    size_bytes: int
    seconds: float = 0.0
    why: tuple[str, ...] = ()
    log: Path | None = None
    digest: str | None = field(default=None)

    def describe(self) -> dict[str, Any]:
        """For --json."""
        return {
            "name": self.wanted.name,
            "kind": self.wanted.kind,
            "variant": self.wanted.variant,
            "profile": self.wanted.profile,
            "id": self.wanted.id,
            "image_id": self.image_id,
            "size_bytes": self.size_bytes,
            "built": bool(self.why),
            "why": list(self.why),
            "seconds": round(self.seconds, 1),
            "log": str(self.log) if self.log else None,
            "inventory": str(inventory.file_of(self.wanted.id)),
            "digest": self.digest,
        }


def current(client: DockerClient, wanted: Wanted) -> Built | None:
    """The image as it has to be, when the engine has it."""
    found = inspected(client, wanted.name)
    if found is None or labels_of(found).get("id") != wanted.id:
        return None
    if wanted.id not in state.read()["images"]:
        remember(wanted, found, 0.0, ("found in the engine",))
    return Built(wanted, found["Id"], int(found["Size"]))


def remember(wanted: Wanted, found: Mapping[str, Any], seconds: float, why: Sequence[str]) -> None:
    """Add to what is known here that this image was made, and of what."""
    state.remember(
        wanted.id,
        name=wanted.name,
        repository=wanted.repository,
        kind=wanted.kind,
        variant=wanted.variant,
        version=wanted.version,
        profile=wanted.profile,
        inputs=dict(wanted.inputs),
        image_id=found["Id"],
        size_bytes=found["Size"],
        built_at=state.now(),
        seconds=round(seconds, 1),
        why=list(why),
    )


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

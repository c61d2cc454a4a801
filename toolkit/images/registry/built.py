"""Built images: found in the engine by what they are made of, and recorded in the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.engine_images import inspected, labels_of
from toolkit.images.spec import inventory
from toolkit.images.spec.inputs import ImageSpec
from toolkit.pythons.lock import load_lock

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class BuiltImage:
    """One image as it is in the engine now.

    image_id: the engine's own id. seconds, why, log: of its build; `why` is empty when it was current already.
    digest: `repository@sha256:…` once it is pushed.
    """

    spec: ImageSpec
    image_id: str
    size_bytes: int
    seconds: float = 0.0
    why: tuple[str, ...] = ()
    log: Path | None = None
    digest: str | None = None

    def describe(self) -> dict[str, Any]:
        """The image for `--json`."""
        return {
            "name": self.spec.name,
            "kind": self.spec.kind,
            "variant": self.spec.variant,
            "profile": self.spec.profile,
            "id": self.spec.id,
            "image_id": self.image_id,
            "size_bytes": self.size_bytes,
            "built": bool(self.why),
            "why": list(self.why),
            "seconds": round(self.seconds, 1),
            "log": str(self.log) if self.log else None,
            "inventory": str(inventory.inventory_file(self.spec.id)),
            "digest": self.digest,
        }


def find_current(client: DockerClient, spec: ImageSpec) -> BuiltImage | None:
    """The built image when the engine has one with exactly this id, else None. One that is new to the state is recorded."""
    found = inspected(client, spec.name)
    if found is None or labels_of(found).get("id") != spec.id:
        return None
    if spec.id not in state.read()["images"]:
        record_built(spec, found, 0.0, ("found in the engine",))
    return BuiltImage(spec, found["Id"], int(found["Size"]))


def record_built(spec: ImageSpec, image: Mapping[str, Any], seconds: float, why: Sequence[str]) -> None:
    """Record in the state that this image was built, of what, when and why. image: the engine's description of it."""
    state.update_image(
        spec.id,
        name=spec.name,
        repository=spec.repository,
        kind=spec.kind,
        variant=spec.variant,
        version=spec.version,
        profile=spec.profile,
        inputs=dict(spec.inputs),
        image_id=image["Id"],
        size_bytes=image["Size"],
        built_at=state.now(),
        seconds=round(seconds, 1),
        why=list(why),
    )


def require_current(client: DockerClient, specs: Sequence[ImageSpec], command: str) -> None:
    """Raises GilfreeError naming those of `specs` that are not current; `command`, which builds them, is the remedy."""
    missing = [spec.title for spec in specs if find_current(client, spec) is None]
    if missing:
        raise GilfreeError(f"not built, or stale: {', '.join(missing)}", command)


def last_built_profile(python: str) -> str:
    """The profile of the app image of this Python that was built last; `release` when there is none."""
    version = load_lock().resolve(python).version
    mine = [
        (str(fields["built_at"]), str(fields["profile"]))
        for fields in state.read()["images"].values()
        if fields["kind"] == "app" and fields["version"] == version
    ]
    return max(mine)[1] if mine else "release"

"""gilfree's images in the engine, and the removal of old ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.trial.contract import LABEL

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class EngineImage:
    """One of gilfree's images in the engine.

    id: of its inputs. image_id: the engine's own. created: when it was built (ISO, or seconds since 1970 where this user
    did not build it). why: it was built. moving: the moving tags that point to it now.
    """

    name: str
    id: str
    image_id: str
    kind: str
    variant: str
    profile: str
    size_bytes: int
    created: str
    why: str
    moving: tuple[str, ...]


def list_images(client: DockerClient) -> list[EngineImage]:
    """All images in the engine that gilfree built, newest first."""
    known: Mapping[str, Any] = state.read()["images"]
    with engine_errors("listing images"):
        listed = client.api.images(filters={"label": f"{LABEL}id"})
    found = []
    for one in listed:
        labels = one.get("Labels") or {}
        mine, tags = labels[f"{LABEL}id"], [tag for tag in one.get("RepoTags") or () if tag != "<none>:<none>"]
        if not any(tag.rpartition("/")[2].startswith("gilfree-") for tag in tags):
            continue  # a user's own image on top of one of gilfree's inherits its labels
        own = [tag for tag in tags if tag.endswith(mine[:12]) and tag.count("/") == 0] or tags
        moving = tuple(sorted(tag for tag in tags if not tag.endswith(mine[:12])))
        fields = known.get(mine, {})
        found.append(
            EngineImage(
                own[0],
                mine,
                one["Id"],
                labels.get(f"{LABEL}kind", ""),
                labels.get(f"{LABEL}variant", ""),
                labels.get(f"{LABEL}profile", ""),
                int(one["Size"]),
                str(fields.get("built_at", "")) or str(one["Created"]),
                "; ".join(fields.get("why", ())),
                moving,
            )
        )
    return sorted(found, key=lambda image: image.created, reverse=True)


def prunable(found: Sequence[EngineImage], keep: int, current: frozenset[str]) -> list[EngineImage]:
    """The images that may be removed: those beyond the newest `keep` of each repository, kind, variant and profile.

    current: ids of images that are current; neither these nor images with a moving tag are ever returned.
    """
    groups: dict[tuple[str, str, str, str], list[EngineImage]] = defaultdict(list)
    for one in found:
        groups[(one.name.partition(":")[0], one.kind, one.variant, one.profile)].append(one)
    removable = []
    for group in groups.values():
        newest_first = sorted(group, key=lambda one: one.created, reverse=True)
        removable += [one for one in newest_first[keep:] if not one.moving and one.id not in current]
    return removable


def remove_images(client: DockerClient, images: Sequence[EngineImage]) -> list[str]:
    """Remove images, apps before the runtimes below them; their names. Raises GilfreeError for one that is in use."""
    import docker

    order = {"app": 0, "load": 1, "python": 2}
    removed = []
    for one in sorted(images, key=lambda image: order.get(image.kind, 0)):
        try:
            for tag in client.images.get(one.image_id).tags or [one.image_id]:
                client.images.remove(tag)
        except docker.errors.ImageNotFound:
            pass
        except docker.errors.APIError as error:
            raise GilfreeError(
                f"{one.name} cannot be removed: {error.explanation}", "stop the containers that use it"
            ) from None
        removed.append(one.name)
    return removed

"""Which of our images the engine has, and which of them may go."""

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
class Present:
    """One of our images as the engine has it. `moving`: tags that follow tested pairs and point here now."""

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


def present_images(client: DockerClient) -> list[Present]:
    """All images that carry our label, newest first."""
    known: Mapping[str, Any] = state.read()["images"]
    with engine_errors("listing images"):
        listed = client.api.images(filters={"label": f"{LABEL}id"})
    found = []
    for one in listed:
        labels = one.get("Labels") or {}
        mine, tags = labels[f"{LABEL}id"], [tag for tag in one.get("RepoTags") or () if tag != "<none>:<none>"]
        if not any(tag.rpartition("/")[2].startswith("gilfree-") for tag in tags):
            continue  # somebody's own image on one of ours inherits its labels
        own = [tag for tag in tags if tag.endswith(mine[:12]) and tag.count("/") == 0] or tags
        moving = tuple(sorted(tag for tag in tags if not tag.endswith(mine[:12])))
        fields = known.get(mine, {})
        found.append(
            Present(
                own[0],
                mine,
                one["Id"],
                labels.get(f"{LABEL}kind", ""),
                labels.get(f"{LABEL}variant", ""),
                labels.get(f"{LABEL}profile", ""),
                int(one["Size"]),
                str(fields.get("built_at", "")) or str(one["Created"]),
                "; ".join(fields.get("why") or ())
                if isinstance(fields.get("why"), list)
                else str(fields.get("why") or ""),
                moving,
            )
        )
    return sorted(found, key=lambda image: image.created, reverse=True)


def superfluous(found: Sequence[Present], keep: int, wanted: frozenset[str]) -> list[Present]:
    """Those beyond the newest `keep` of each kind, variant and profile; never one that is wanted now or has a moving tag."""
    groups: dict[tuple[str, str, str, str], list[Present]] = defaultdict(list)
    for one in found:
        groups[(one.name.partition(":")[0], one.kind, one.variant, one.profile)].append(one)
    gone = []
    for group in groups.values():
        newest_first = sorted(group, key=lambda one: one.created, reverse=True)
        gone += [one for one in newest_first[keep:] if not one.moving and one.id not in wanted]
    return gone


def remove(client: DockerClient, images: Sequence[Present]) -> list[str]:
    """Remove them, apps before the runtimes below them; the names of those that are gone. One in use stays, and is said."""
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
            raise GilfreeError(f"{one.name} cannot be removed: {error.explanation}", "end what uses it") from None
        removed.append(one.name)
    return removed

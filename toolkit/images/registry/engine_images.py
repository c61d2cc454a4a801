"""Images in the engine: looked up by name, their labels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.trial.contract import LABEL

if TYPE_CHECKING:
    from docker import DockerClient


def inspected(client: DockerClient, name: str) -> dict[str, Any] | None:
    """The engine's description of an image (as `docker image inspect`); None when it has none of that name."""
    import docker

    try:
        return dict(client.images.get(name).attrs)
    except docker.errors.ImageNotFound:
        return None


def labels_of(image: dict[str, Any] | None) -> dict[str, str]:
    """gilfree's own labels of an inspected image, without their prefix: id, kind, variant, profile, inputs, inventory."""
    labels: dict[str, str] = ((image or {}).get("Config") or {}).get("Labels") or {}
    return own_labels(labels)


def own_labels(labels: dict[str, str]) -> dict[str, str]:
    """Those of an image's labels that are gilfree's, without their prefix."""
    return {name.removeprefix(LABEL): value for name, value in labels.items() if name.startswith(LABEL)}

"""Which base all images begin with, and what identifies its content."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from toolkit.engine.client import request_error
from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.engine_images import inspected
from toolkit.images.spec.inputs import Base
from toolkit.pythons.lock import Lock

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_BASE = "debian:trixie-slim"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def find_base(client: DockerClient, asked: str | None, lock: Lock, *, pull: bool = False) -> Base:
    """The base by name: the lock's digest, else what the engine has, else (pull) what a registry gives.

    asked: `--base REF`, for which the lock says nothing. Raises GilfreeError when it is nowhere.
    """
    name, digest = wanted_base(lock) if asked is None else (asked, None)
    if digest is None and "@sha256:" in name:
        digest = name.partition("@")[2]
    place = f"linux/{client.version()['Arch']}"
    found = inspected(client, name)
    if found is None and digest is None:
        if not pull:
            raise GilfreeError(f"the base image {name} is not in this engine", "gilfree images build")
        fetch(client, name)
        found = inspected(client, name)
    base = Base(name, digest or identity(found or {}, name), place)
    with state.changing() as known:
        known["bases"][name] = {"identity": base.identity, "platform": base.platform}
    return base


def wanted_base(lock: Lock) -> tuple[str, str | None]:
    """Name and digest of the base as the lock has them."""
    locked: Any = getattr(lock, "base", None)
    return (locked.name, locked.digest) if locked is not None else (DEFAULT_BASE, None)


def remembered_bases(lock: Lock) -> list[Base]:
    """Bases without asking an engine: the lock's (by its digest, or as last built with), then those of `--base REF`."""
    name, digest = wanted_base(lock)
    known = state.read()["bases"]
    found = []
    if name in known or digest is not None:
        here = f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}"
        fields = known.get(name, {"identity": digest, "platform": here})
        found.append(Base(name, digest or fields["identity"], fields["platform"]))
    return found + [
        Base(other, fields["identity"], fields["platform"]) for other, fields in known.items() if other != name
    ]


def identity(image: dict[str, Any], name: str) -> str:
    """What identifies an image as the engine describes it: its repository's digest, else its own id. Pure."""
    repository = name.split("@")[0].rpartition(":")[0] or name
    for digest in image.get("RepoDigests") or ():
        place, _, found = digest.partition("@")
        if place.removeprefix("docker.io/").removeprefix("library/") == repository.removeprefix("docker.io/"):
            return str(found)
    return f"local:{image['Id']}"


def fetch(client: DockerClient, name: str) -> None:
    """Take what a registry has under this name now."""
    import docker

    try:
        client.images.pull(name)
    except docker.errors.DockerException as error:
        words = request_error(error, f"the base image {name} cannot be pulled")
        raise GilfreeError(
            words.message, words.remedy or "see that its registry is reached, or name another: --base REF"
        ) from error

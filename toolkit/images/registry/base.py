"""The base image that all others begin with, and what identifies its content."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from toolkit.engine.client import request_error
from toolkit.errors import GilfreeError
from toolkit.images.registry import state
from toolkit.images.registry.engine_images import inspected
from toolkit.images.spec.inputs import BaseImage
from toolkit.pythons.lock import Lock

if TYPE_CHECKING:
    from docker import DockerClient

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def find_base(client: DockerClient, reference: str | None, lock: Lock, *, pull: bool = False) -> BaseImage:
    """The base image, identified by the lock's digest, else by what the engine has; it is recorded in the state.

    reference: `--base REF`, which replaces the lock's base. pull: take the image from its registry when the engine has
    none. Raises GilfreeError when the engine has none and it cannot be, or is not to be, pulled.
    """
    name, digest = locked_base(lock) if reference is None else (reference, None)
    if digest is None and "@sha256:" in name:
        digest = name.partition("@")[2]
    image = inspected(client, name)
    if image is None and digest is None:
        if not pull:
            raise GilfreeError(f"the base image {name} is not in this engine", "gilfree images build")
        pull_base(client, name)
        image = inspected(client, name)
    base = BaseImage(name, digest or identity(image or {}, name), f"linux/{client.version()['Arch']}")
    with state.transaction() as known:
        known["bases"][name] = {"identity": base.identity, "platform": base.platform}
    return base


def locked_base(lock: Lock) -> tuple[str, str | None]:
    """Name and digest (None: not pinned) of the lock's base."""
    return lock.base.name, lock.base.digest


def known_bases(lock: Lock) -> list[BaseImage]:
    """The bases that are known without an engine: the lock's first (by its digest, or as it was last built on), then those
    of earlier `--base REF`."""
    name, digest = locked_base(lock)
    known = state.read()["bases"]
    found = []
    if name in known or digest is not None:
        platform_here = f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}"
        fields = known.get(name, {"identity": digest, "platform": platform_here})
        found.append(BaseImage(name, digest or fields["identity"], fields["platform"]))
    return found + [
        BaseImage(other, fields["identity"], fields["platform"]) for other, fields in known.items() if other != name
    ]


def identity(image: dict[str, Any], name: str) -> str:
    """What identifies an image: the digest of its repository, else `local:` and its id. image: the engine's description."""
    repository = name.split("@")[0].rpartition(":")[0] or name
    for digest in image.get("RepoDigests") or ():
        name_there, _, sha256 = digest.partition("@")
        if _short_name(name_there) == _short_name(repository):
            return str(sha256)
    return f"local:{image['Id']}"


def _short_name(repository: str) -> str:
    """As Docker abbreviates the names of its own registry: `docker.io/library/debian` is `debian`."""
    return repository.removeprefix("docker.io/").removeprefix("library/")


def pull_base(client: DockerClient, name: str) -> None:
    """Pull what the registry has under this name now. Raises GilfreeError with its answer."""
    import docker

    try:
        client.images.pull(name)
    except docker.errors.DockerException as error:
        words = request_error(error, f"the base image {name} cannot be pulled")
        raise GilfreeError(
            words.message, words.remedy or "check that its registry can be reached, or name another: --base REF"
        ) from error

"""Pushing images by their immutable tag. The digest that the registry returns is recorded and used from then on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import state
from toolkit.images.registry.built import BuiltImage

if TYPE_CHECKING:
    from docker import DockerClient


def push_images(
    client: DockerClient, built: Sequence[BuiltImage], registry: str, progress: BuildProgress
) -> list[BuiltImage]:
    """Push the images that the registry does not have yet; all are returned with their digests, which are recorded.

    registry: `HOST[/PREFIX]`. Raises GilfreeError with the registry's answer and a remedy.
    """
    known = state.read()["images"]
    pushed = []
    for image in built:
        spec = image.spec
        digest = known.get(spec.id, {}).get("pushed", {}).get(registry)
        if digest is None or not _registry_has(client, digest):
            progress.begin(spec.title, f"pushing to {registry}")
            digest = push(client, spec.name, f"{registry}/{spec.repository}", spec.tag, progress)
            progress.say(f"{spec.title}: {digest}")
        state.update_image(spec.id, pushed={registry: digest}, last_pushed=digest)
        pushed.append(replace(image, digest=digest))
    return pushed


def push(client: DockerClient, image: str, repository: str, tag: str, progress: BuildProgress) -> str:
    """Push one image under a tag; `repository@sha256:…` with the digest that the registry returned.

    Raises GilfreeError with the registry's answer and a remedy.
    """
    with engine_errors(f"pushing {repository}:{tag}"), progress.running():
        client.api.tag(image, repository, tag)
        digest = ""
        for event in client.api.push(repository, tag, stream=True, decode=True):
            if "error" in event:
                raise push_error(f"{repository}:{tag}", str(event["error"]))
            progress.line(_layer_status(event))
            digest = (event.get("aux") or {}).get("Digest", digest)
    if not digest:
        raise GilfreeError(f"pushing {repository}:{tag}: the registry returned no digest", "push it again")
    return f"{repository}@{digest}"


def push_error(name: str, answer: str) -> GilfreeError:
    """The error, with the remedy, for a registry's `answer` to the push of an image named `HOST/…:TAG`."""
    lower = answer.lower()
    host = name.partition("/")[0]
    if any(sign in lower for sign in ("denied", "unauthorized", "authentication required", "no basic auth")):
        return GilfreeError(f"{host} does not let this user push {name}: {answer}", f"docker login {host}")
    if "http response to https" in lower:
        return GilfreeError(
            f"{host} speaks plain HTTP: {answer}", f'add "insecure-registries": ["{host}"] to the engine\'s daemon.json'
        )
    if any(sign in lower for sign in ("x509", "certificate")):
        return GilfreeError(
            f"the engine does not trust {host}: {answer}", f"put its CA into /etc/docker/certs.d/{host}/ca.crt"
        )
    if any(sign in lower for sign in ("connection refused", "no such host", "timeout", "no route", "dial tcp")):
        return GilfreeError(
            f"the registry {host} cannot be reached: {answer}", "check that it runs and that its name is right"
        )
    if "no space left" in lower:
        return GilfreeError(f"the disk of {host} is full: {answer}", "free some space there, then push again")
    return GilfreeError(f"{host} did not take {name}: {answer}", "read its log, then push again")


def checked_registry(registry: str) -> str:
    """The registry in the form that image names begin with. Raises GilfreeError for anything but `HOST[:PORT][/PREFIX]`."""
    if "://" in registry or not registry.strip("/") or registry != registry.lower() or "@" in registry:
        raise GilfreeError(
            f"--registry {registry!r} is no registry", "give host and prefix in lower case: registry.example:5000/team"
        )
    return registry.strip("/")


def _registry_has(client: DockerClient, digest: str) -> bool:
    import docker

    try:
        client.images.get_registry_data(digest)
    except docker.errors.APIError:
        return False
    return True


def _layer_status(event: dict[str, Any]) -> str:
    parts = [str(event.get(key, "")) for key in ("id", "status", "progress")]
    return " ".join(part for part in parts if part)

"""Pushing images: by their immutable tag; the digest that the registry returned is recorded and used from then on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.progress import Watching
from toolkit.images.registry import state
from toolkit.images.registry.built import Built

if TYPE_CHECKING:
    from docker import DockerClient


def push_images(client: DockerClient, built: Sequence[Built], registry: str, watching: Watching) -> list[Built]:
    """Push those that the registry does not have; all come back with their digests."""
    known = state.read()["images"]
    done = []
    for one in built:
        digest = known.get(one.wanted.id, {}).get("pushed", {}).get(registry)
        if digest is None or not _there(client, digest):
            watching.begin(one.wanted.title, f"pushing to {registry}")
            digest = push(client, one.wanted.name, f"{registry}/{one.wanted.repository}", one.wanted.tag, watching)
            watching.say(f"{one.wanted.title}: {digest}")
        state.remember(one.wanted.id, pushed={registry: digest}, last_pushed=digest)
        done.append(replace(one, digest=digest))
    return done


def push(client: DockerClient, image: str, repository: str, tag: str, watching: Watching) -> str:
    """Push one tag; `repository@sha256:…` as the registry returned it. Raises GilfreeError with the registry's words."""
    with engine_errors(f"pushing {repository}:{tag}"):
        client.api.tag(image, repository, tag)
        digest = ""
        for event in client.api.push(repository, tag, stream=True, decode=True):
            if "error" in event:
                raise refused(f"{repository}:{tag}", str(event["error"]))
            watching.line(_words(event))
            digest = (event.get("aux") or {}).get("Digest", digest)
    if not digest:
        raise GilfreeError(f"pushing {repository}:{tag}: the registry returned no digest", "push it again")
    return f"{repository}@{digest}"


def refused(what: str, words: str) -> GilfreeError:
    """Why a registry did not take an image, with the remedy. Pure."""
    lower = words.lower()
    host = what.partition("/")[0]
    if any(sign in lower for sign in ("denied", "unauthorized", "authentication required", "no basic auth")):
        return GilfreeError(f"{host} does not let this user push {what}: {words}", f"docker login {host}")
    if "http response to https" in lower:
        return GilfreeError(
            f"{host} speaks plain HTTP: {words}", f'add "insecure-registries": ["{host}"] to the engine\'s daemon.json'
        )
    if any(sign in lower for sign in ("x509", "certificate")):
        return GilfreeError(
            f"the engine does not trust {host}: {words}", f"put its CA into /etc/docker/certs.d/{host}/ca.crt"
        )
    if any(sign in lower for sign in ("connection refused", "no such host", "timeout", "no route", "dial tcp")):
        return GilfreeError(
            f"the registry {host} is not reached: {words}", "see that it runs and that its name is right"
        )
    if "no space left" in lower:
        return GilfreeError(f"the disk of {host} is full: {words}", "free some there, then push again")
    return GilfreeError(f"{host} did not take {what}: {words}", "see its log, then push again")


def checked_registry(registry: str) -> str:
    """`HOST[:PORT][/PREFIX]` as images are named after it. Raises GilfreeError for an address."""
    if "://" in registry or not registry.strip("/") or registry != registry.lower() or "@" in registry:
        raise GilfreeError(
            f"--registry {registry!r} is no registry", "give host and prefix in lower case: registry.example:5000/team"
        )
    return registry.strip("/")


def _there(client: DockerClient, digest: str) -> bool:
    import docker

    try:
        client.images.get_registry_data(digest)
    except docker.errors.APIError:
        return False
    return True


def _words(event: dict[str, Any]) -> str:
    parts = [str(event.get(key, "")) for key in ("id", "status", "progress")]
    return " ".join(part for part in parts if part)

"""Connecting to a Docker engine, so that what can be wrong with it is said in a sentence, with its remedy.

The engine is the one that the `docker` command would use: DOCKER_HOST, else the current context, else the socket. The
API's version is negotiated: whatever the engine speaks, from 1.41 (Docker 20.10) on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolkit.errors import GilfreeError

if TYPE_CHECKING:
    from docker import DockerClient


class EngineUnreachable(GilfreeError):
    """The engine answered before and does not any more: nothing more can be done, and nothing is known."""


OLDEST_API = "1.41"
TIMEOUT_SECONDS = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def connect(timeout_seconds: int = TIMEOUT_SECONDS) -> DockerClient:
    """A client of the user's engine. Raises GilfreeError saying what is missing: package, engine, permission, version."""
    try:
        import docker
    except ImportError:
        raise GilfreeError("the Docker SDK for Python is not installed", 'pip install "gilfree[docker]"') from None
    try:
        client = docker.from_env(timeout=timeout_seconds)
    except (docker.errors.DockerException, ValueError) as error:
        raise connection_error(error) from error
    speaks = client.api.api_version
    if _version(speaks) < _version(OLDEST_API):
        client.close()
        raise GilfreeError(
            f"the Docker engine at {engine_address()} speaks API {speaks}, {OLDEST_API} is the oldest that will do",
            "update it to Docker 20.10 or newer",
        )
    return client


@contextmanager
def connected(timeout_seconds: int = TIMEOUT_SECONDS) -> Iterator[DockerClient]:
    """`connect` for a `with`; what the engine refuses inside is raised as GilfreeError too."""
    client = connect(timeout_seconds)
    try:
        with engine_errors("the Docker engine"):
            yield client
    finally:
        client.close()


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn the SDK's and the connection's errors inside into GilfreeErrors that begin with what was being done."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise request_error(error, doing) from error


def engine_address() -> str:
    """Where the engine is looked for, in words for messages."""
    host = os.environ.get("DOCKER_HOST")
    if host:
        return f"{host} (DOCKER_HOST)"
    context = os.environ.get("DOCKER_CONTEXT")
    return f"context {context} (DOCKER_CONTEXT)" if context else "/var/run/docker.sock or the current docker context"


def is_local(client: DockerClient) -> bool:
    """Whether the engine runs on this machine: reached over a socket file or loopback."""
    base_url = str(client.api.base_url)
    if base_url.startswith("http+docker://"):
        return not base_url.endswith("//ssh")
    return urlsplit(base_url).hostname in _LOOPBACK


def connection_error(error: BaseException) -> GilfreeError:
    """Why no engine answered, from the operating system's own error where there is one below. Pure but for `engine_address`."""
    cause = next((one for one in _causes(error) if isinstance(one, OSError) and one.errno is not None), None)
    where = engine_address()
    if isinstance(cause, PermissionError):
        return GilfreeError(
            f"this user may not use the Docker engine at {where}: permission denied",
            "join its group (sudo usermod -aG docker $USER, then log in again), or run as root",
        )
    if isinstance(cause, FileNotFoundError):
        return GilfreeError(
            f"there is no Docker engine at {where}: its socket does not exist",
            "install Docker (https://docs.docker.com/engine/install/) and start it, or set DOCKER_HOST",
        )
    if isinstance(cause, ConnectionRefusedError):
        return GilfreeError(
            f"the Docker engine at {where} is not running: connection refused", "start it: sudo systemctl start docker"
        )
    if any("timed out" in str(one).lower() for one in _causes(error)):
        return GilfreeError(
            f"the Docker engine at {where} does not answer: timed out",
            "look at it with `docker info`; restart it: sudo systemctl restart docker",
        )
    return GilfreeError(
        f"the Docker engine at {where} cannot be used: {_first_line(error)}",
        "see that `docker version` works in the same shell",
    )


def request_error(error: BaseException, doing: str) -> GilfreeError:
    """What went wrong while `doing` something with an engine that answered before."""
    words = _first_line(error)
    lower = words.lower()
    if (
        any(isinstance(one, OSError) and one.errno == errno.ENOSPC for one in _causes(error))
        or "no space left" in lower
    ):
        return GilfreeError(
            f"{doing}: the engine's disk is full: {words}", "free some: docker system df, docker system prune"
        )
    if "no such image" in lower:
        return GilfreeError(f"{doing}: {words}", "gilfree images build")
    if "exec:" in lower and "no such file" in lower:
        return GilfreeError(f"{doing}: {words}", "docs/images.md says what an image needs")
    if any(isinstance(one, ConnectionError | FileNotFoundError) for one in _causes(error)):
        return EngineUnreachable(
            f"{doing}: the engine went away: {words}", "see that it runs with `docker info`, then go on"
        )
    return GilfreeError(f"{doing}: {words}", "")


def engine_facts(client: DockerClient) -> dict[str, Any]:
    """What a record needs to know of an engine: version, kernel, cgroup, CPUs, memory."""
    info = client.info()
    return {
        "version": info.get("ServerVersion"),
        "api": client.api.api_version,
        "name": info.get("Name"),
        "operating_system": info.get("OperatingSystem"),
        "kernel": info.get("KernelVersion"),
        "storage_driver": info.get("Driver"),
        "cgroup_version": info.get("CgroupVersion", "1"),
        "cgroup_driver": info.get("CgroupDriver"),
        "runtime": info.get("DefaultRuntime"),
        "security": info.get("SecurityOptions"),
        "cpus": info.get("NCPU"),
        "memory_bytes": info.get("MemTotal"),
        "local": is_local(client),
    }


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and errors among their arguments (as urllib3 and requests wrap them)."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *(arg for arg in one.args if isinstance(arg, BaseException))]
        reason = getattr(one, "reason", None)
        waiting.append(reason if isinstance(reason, BaseException) else None)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _first_line(error: BaseException) -> str:
    said = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return str(said).strip().splitlines()[0][:400]

"""Connecting to a Docker engine; what is wrong with it is reported in one sentence, with a remedy.

The engine is the one that the `docker` command would use: DOCKER_HOST, else the current context, else the socket. The
API's version is negotiated: the engine's own, from 1.41 (Docker 20.10) on.
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
    """The engine answered before and does not any more, so that nothing is known of its containers."""


OLDEST_API = "1.41"
TIMEOUT_SECONDS = 60
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def connect(timeout_seconds: int = TIMEOUT_SECONDS) -> DockerClient:
    """A client of the user's engine. Raises GilfreeError that names what is missing: package, engine, permission, version."""
    try:
        import docker
    except ImportError:
        raise GilfreeError("the Docker SDK for Python is not installed", 'pip install "gilfree[docker]"') from None
    try:
        client = docker.from_env(timeout=timeout_seconds)
    except (docker.errors.DockerException, ValueError) as error:
        raise connection_error(error) from error
    version = client.api.api_version
    if _version(version) < _version(OLDEST_API):
        client.close()
        raise GilfreeError(
            f"the Docker engine at {engine_address()} speaks API {version}; gilfree needs {OLDEST_API} or newer",
            "update it to Docker 20.10 or newer",
        )
    return client


@contextmanager
def connected(timeout_seconds: int = TIMEOUT_SECONDS) -> Iterator[DockerClient]:
    """`connect` as a context manager that closes the client; errors of the engine inside are GilfreeErrors too."""
    client = connect(timeout_seconds)
    try:
        with engine_errors("the Docker engine"):
            yield client
    finally:
        client.close()


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Raise errors of the Docker SDK and of its connection inside as GilfreeErrors, whose message begins with `action`."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise request_error(error, action) from error


def engine_address() -> str:
    """Where the engine is expected, as messages name it."""
    host = os.environ.get("DOCKER_HOST")
    if host:
        return f"{host} (DOCKER_HOST)"
    context = os.environ.get("DOCKER_CONTEXT")
    return f"context {context} (DOCKER_CONTEXT)" if context else "/var/run/docker.sock or the current docker context"


def is_local(client: DockerClient) -> bool:
    """Whether the engine runs on this machine: the client reaches it over a socket file or loopback."""
    base_url = str(client.api.base_url)
    if base_url.startswith("http+docker://"):
        return not base_url.endswith("//ssh")
    return urlsplit(base_url).hostname in _LOOPBACK


def connection_error(error: BaseException) -> GilfreeError:
    """Why no engine answered, from the operating system's error among the causes where there is one."""
    cause = next((one for one in _causes(error) if isinstance(one, OSError) and one.errno is not None), None)
    where = engine_address()
    if isinstance(cause, PermissionError):
        return GilfreeError(
            f"you may not use the Docker engine at {where}: permission denied",
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
            "check it with `docker info`; restart it: sudo systemctl restart docker",
        )
    return GilfreeError(
        f"the Docker engine at {where} cannot be used: {_first_line(error)}",
        "check that `docker version` works in the same shell",
    )


def request_error(error: BaseException, action: str) -> GilfreeError:
    """What went wrong with a request to an engine that answered before; the message begins with `action`. Pure."""
    reason = _first_line(error)
    lower = reason.lower()
    if (
        any(isinstance(one, OSError) and one.errno == errno.ENOSPC for one in _causes(error))
        or "no space left" in lower
    ):
        return GilfreeError(
            f"{action}: the engine's disk is full: {reason}", "free some: docker system df, docker system prune"
        )
    if "no such image" in lower:
        return GilfreeError(f"{action}: {reason}", "gilfree images build")
    if "exec:" in lower and "no such file" in lower:
        return GilfreeError(f"{action}: {reason}", "docs/images.md says what an image needs")
    if any(isinstance(one, ConnectionError | FileNotFoundError) for one in _causes(error)):
        return EngineUnreachable(
            f"{action}: the engine does not answer any more: {reason}",
            "check it with `docker info`, then run the same command again; a campaign goes on with --resume",
        )
    return GilfreeError(f"{action}: {reason}", "")


def engine_facts(client: DockerClient) -> dict[str, Any]:
    """What a record holds of an engine, JSON-ready: version, kernel, cgroup, CPUs, memory."""
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
    text = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return str(text).strip().splitlines()[0][:400]

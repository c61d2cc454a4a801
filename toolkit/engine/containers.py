"""The one wrapper around containers: whatever gilfree starts carries its labels, and is removed however it ends.

Ended normally or by Ctrl-C, a container is removed by its context manager. Killed with -9, the tool closes the pipe
that a `watched` container reads (so its agent stops by itself), and the next start removes what is left: containers
whose owner, a process named in their labels, is gone. A container of another gilfree that lives is left alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.agent import system
from toolkit.engine.client import engine_errors

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

MARK = "io.gilfree.container"
"""Label of every container that gilfree starts; its value says what for: trial, test, probe."""

TRIAL, OWNER = "io.gilfree.trial", "io.gilfree.owner"
GONE = (404, 409)
"""Statuses of the engine for a container that is gone, or that is being removed already."""


@dataclass(frozen=True)
class Exit:
    """How a container ended, in its own words. `code` is None while it runs; 137 is 128 + SIGKILL."""

    code: int | None
    oom_killed: bool
    error: str

    def data(self) -> dict[str, Any]:
        """As plain data for a record."""
        return {"code": self.code, "oom_killed": self.oom_killed, "error": self.error}


class OwnedContainer:
    """A container that this process made. Use it in a `with`: on leaving it is removed, running or not."""

    def __init__(self, client: DockerClient, container: Container) -> None:
        self._client, self.container = client, container
        self._stdin: Any = None

    @property
    def id(self) -> str:
        """The engine's id of it."""
        return str(self.container.id)

    def start(self, *, watched: bool = False) -> None:
        """Start it; `watched`: its standard input stays open until this process closes it or is gone."""
        if watched:
            self._stdin = self._client.api.attach_socket(self.id, params={"stdin": 1, "stream": 1})
        self.container.start()

    def close_stdin(self) -> None:
        """Let it read the end of its standard input, on which an agent stops its side and reports to the end."""
        stdin, self._stdin = self._stdin, None
        if stdin is None:
            return
        # Only shutting down the writing half is seen by the engine at once; closing waits for the garbage collector.
        with contextlib.suppress(OSError):
            getattr(stdin, "_sock", stdin).shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            stdin.close()

    def output(self) -> Iterator[bytes]:
        """Its standard output as it comes, in pieces, from the first byte until it ends or the engine breaks off."""
        return iter(self.container.logs(stdout=True, stderr=False, stream=True, follow=True))

    def whole_output(self) -> str:
        """All of its standard output so far."""
        return self.container.logs(stdout=True, stderr=False).decode(errors="replace")

    def errors(self, lines: int = 20) -> str:
        """The last lines of its standard error."""
        return self.container.logs(stdout=False, stderr=True, tail=lines).decode(errors="replace")

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until it has ended; whether it has."""
        import requests

        try:
            self.container.wait(timeout=timeout_seconds)
        except requests.RequestException:  # a read that timed out comes as several kinds of these
            return self.exit().code is not None
        return True

    def kill(self) -> None:
        """End it by force; one that has ended already is none the worse."""
        import docker

        try:
            self.container.kill()
        except docker.errors.APIError as error:
            if error.status_code not in GONE:
                raise

    def exit(self) -> Exit:
        """How it ended."""
        self.container.reload()
        state = self.container.attrs["State"]
        code = None if state["Status"] in ("created", "running", "paused", "restarting") else int(state["ExitCode"])
        return Exit(code, bool(state.get("OOMKilled")), str(state.get("Error") or ""))

    def remove(self) -> None:
        """Kill it and take it away with its anonymous volumes."""
        self.close_stdin()
        with engine_errors(f"removing container {self.container.name}"):
            _remove(self.container)

    def __enter__(self) -> OwnedContainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def create(
    client: DockerClient,
    image: str,
    command: Sequence[str],
    *,
    purpose: str,
    trial: str = "",
    name: str | None = None,
    **options: Any,
) -> OwnedContainer:
    """Make a container that runs `command` alone (no entry point, no health check of the image's), labelled as ours.

    options: as of docker's `containers.create`. The log is kept by the engine's json-file driver whatever its default
    is, since from some drivers it cannot be read again. Raises GilfreeError when the engine refuses.
    """
    from docker.types import LogConfig

    from toolkit.trial.contract import NO_HEALTHCHECK

    labels = {MARK: purpose, OWNER: own_identity(), **({TRIAL: trial} if trial else {}), **options.pop("labels", {})}
    with engine_errors(f"starting a container of {image}"):
        container = client.containers.create(
            image,
            list(command[1:]),
            entrypoint=list(command[:1]),
            labels=labels,
            name=name,
            healthcheck=NO_HEALTHCHECK,
            log_config=LogConfig(type="json-file", config={"max-size": "1g"}),
            **options,
        )
    return OwnedContainer(client, container)


def run(
    client: DockerClient, image: str, command: Sequence[str], *, purpose: str, timeout_seconds: float, **options: Any
) -> tuple[Exit, str, str]:
    """Run one command in a fresh container to its end: how it ended, and both its outputs. Killed when it takes longer."""
    with (
        create(client, image, command, purpose=purpose, **options) as one,
        engine_errors(f"running {command[0]} in {image}"),
    ):
        one.start()
        if not one.wait(timeout_seconds):
            one.kill()
            one.wait(10)
        return one.exit(), one.whole_output(), one.errors(lines=200)


def remove_leftover_containers(client: DockerClient, trial: str | None = None) -> list[str]:
    """Remove containers that nobody owns any more, or all of one trial; the names of those removed."""
    wanted = [MARK] if trial is None else [f"{TRIAL}={trial}"]
    removed = []
    with engine_errors("removing containers that an earlier run left"):
        for container in client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True):
            if trial is not None or owner_is_gone(container.labels, own_identity(), _alive):
                _remove(container)
                removed.append(str(container.name))
    return removed


def own_identity() -> str:
    """Names this process for good: host, boot, PID namespace, PID and when it started."""
    return _identity(os.getpid())


def owner_is_gone(labels: Mapping[str, str], own: str, alive: Callable[[str], bool]) -> bool:
    """Whether the owner that the labels name is surely gone. Pure, but for `alive`.

    Of another host's process, or of another PID namespace's on this boot, nothing is known: its container is left.
    """
    owner = labels.get(OWNER, "")
    host, boot, namespace = owner.split("/")[:3] if owner.count("/") == 4 else ("", "", "")
    my_host, my_boot, my_namespace = own.split("/")[:3]
    if host != my_host:
        return False
    return boot != my_boot or (namespace == my_namespace and not alive(owner))


def _alive(owner: str) -> bool:
    pid = int(owner.split("/")[3])
    return _identity(pid) == owner


def _identity(pid: int) -> str:
    fields = system.stat_fields(pid)
    started = fields[19] if len(fields) > 19 and fields[0] != "Z" else "gone"
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        namespace = "unknown"
    return "/".join((socket.gethostname().replace("/", "-"), system.boot_id(), namespace, str(pid), started))


def _remove(container: Container) -> None:
    import docker

    try:
        container.remove(force=True, v=True)
    except docker.errors.APIError as error:
        if error.status_code not in GONE:
            raise


def lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """Whole lines out of a stream of pieces; a last one without its newline counts."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")

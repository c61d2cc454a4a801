"""The one wrapper around containers: whatever gilfree starts carries its labels, and is removed however gilfree ends.

When gilfree ends normally or by Ctrl-C, the context manager removes its containers. When it is killed with -9, the
kernel closes the standard input of containers started with `keep_stdin`, so their agents stop by themselves, and the
next start removes the containers whose owner, a process named in their labels, is gone. Containers of another gilfree
that still runs are not touched.
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

PURPOSE_LABEL = "io.gilfree.container"
"""Label of every container that gilfree starts; its value is the purpose: trial, test, probe."""

TRIAL_LABEL, OWNER_LABEL = "io.gilfree.trial", "io.gilfree.owner"
GONE_STATUSES = (404, 409)
"""The engine's HTTP statuses for a container that is gone, or that is being removed already."""


@dataclass(frozen=True)
class Exit:
    """How a container ended, as the engine reports it. `code` is None while it runs; 137 is 128 + SIGKILL."""

    code: int | None
    oom_killed: bool
    error: str

    def data(self) -> dict[str, Any]:
        """As JSON-ready data for a record."""
        return {"code": self.code, "oom_killed": self.oom_killed, "error": self.error}


class OwnedContainer:
    """A container that this process made. Use it in a `with`, which removes it at the end, running or not.

    Methods raise the Docker SDK's and its connection's errors, unless they say otherwise; see `engine_errors`.
    """

    def __init__(self, client: DockerClient, container: Container) -> None:
        self._client, self.container = client, container
        self._stdin: Any = None

    @property
    def id(self) -> str:
        """The engine's id of the container."""
        return str(self.container.id)

    def start(self, *, keep_stdin: bool = False) -> None:
        """Start it. keep_stdin: its standard input stays open until `close_stdin`, or until this process is gone."""
        if keep_stdin:
            self._stdin = self._client.api.attach_socket(self.id, params={"stdin": 1, "stream": 1})
        self.container.start()

    def close_stdin(self) -> None:
        """Close its standard input, on which an agent stops its side and reports to the end. May be called again."""
        stdin, self._stdin = self._stdin, None
        if stdin is None:
            return
        # Only shutting down the writing half is seen by the engine at once; closing waits for the garbage collector.
        with contextlib.suppress(OSError):
            getattr(stdin, "_sock", stdin).shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            stdin.close()

    def output(self) -> Iterator[bytes]:
        """Its standard output in pieces as they come, from the first byte until it ends or the engine closes the stream."""
        return iter(self.container.logs(stdout=True, stderr=False, stream=True, follow=True))

    def whole_output(self) -> str:
        """All of its standard output so far."""
        return self.container.logs(stdout=True, stderr=False).decode(errors="replace")

    def errors(self, lines: int = 20) -> str:
        """The last lines of its standard error."""
        return self.container.logs(stdout=False, stderr=True, tail=lines).decode(errors="replace")

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until it has ended, at most `timeout_seconds`; whether it has ended."""
        import requests

        try:
            self.container.wait(timeout=timeout_seconds)
        except requests.RequestException:  # a read that timed out comes as several kinds of these
            return self.exit().code is not None
        return True

    def kill(self) -> None:
        """Kill it. Without effect when it has ended already."""
        import docker

        try:
            self.container.kill()
        except docker.errors.APIError as error:
            if error.status_code not in GONE_STATUSES:
                raise

    def exit(self) -> Exit:
        """How it ended, asked of the engine now."""
        self.container.reload()
        state = self.container.attrs["State"]
        code = None if state["Status"] in ("created", "running", "paused", "restarting") else int(state["ExitCode"])
        return Exit(code, bool(state.get("OOMKilled")), str(state.get("Error") or ""))

    def remove(self) -> None:
        """Remove it, running or not, with its anonymous volumes. Raises GilfreeError when the engine refuses."""
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
    """Make, but do not start, a container that runs `command` instead of the image's entry point and health check.

    purpose: what gilfree needs it for, as its label says. trial: the trial's id. options: as of the Docker SDK's
    `containers.create`. The engine's json-file driver keeps the log, whatever the engine's default is, since the logs
    of some drivers cannot be read again. Raises GilfreeError when the engine refuses.
    """
    from docker.types import LogConfig

    from toolkit.trial.contract import NO_HEALTHCHECK

    labels = {
        PURPOSE_LABEL: purpose,
        OWNER_LABEL: own_identity(),
        **({TRIAL_LABEL: trial} if trial else {}),
        **options.pop("labels", {}),
    }
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
    """Run one command in a fresh container, which is removed. Returns how it ended, its standard output and its errors.

    A command that takes longer than `timeout_seconds` is killed. Raises GilfreeError when the engine refuses.
    """
    with (
        create(client, image, command, purpose=purpose, **options) as container,
        engine_errors(f"running {command[0]} in {image}"),
    ):
        container.start()
        if not container.wait(timeout_seconds):
            container.kill()
            container.wait(10)
        return container.exit(), container.whole_output(), container.errors(lines=200)


def remove_leftover_containers(client: DockerClient, trial: str | None = None) -> list[str]:
    """Remove containers whose owner is gone, or all containers of one trial. Returns the names of those removed.

    Raises GilfreeError when the engine refuses.
    """
    label = PURPOSE_LABEL if trial is None else f"{TRIAL_LABEL}={trial}"
    removed = []
    with engine_errors("removing containers that an earlier run left"):
        for container in client.containers.list(all=True, filters={"label": [label]}, ignore_removed=True):
            if trial is not None or owner_is_gone(container.labels, own_identity(), _alive):
                _remove(container)
                removed.append(str(container.name))
    return removed


def own_identity() -> str:
    """Identifies this process, also after it has ended: host, boot, PID namespace, PID and when it started."""
    return _identity(os.getpid())


def owner_is_gone(labels: Mapping[str, str], own: str, alive: Callable[[str], bool]) -> bool:
    """Whether the process that the labels name as owner is certainly gone. Pure, but for `alive`.

    own: `own_identity()`. alive: whether the process of an identity runs, asked only of processes of this PID
    namespace. The result is False for a process of another host, or of another PID namespace of this boot, of which
    nothing can be known.
    """
    owner = labels.get(OWNER_LABEL, "")
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
        if error.status_code not in GONE_STATUSES:
            raise


def split_lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """The lines of a stream that comes in pieces, without their newlines; the last one may lack its newline. Pure."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")

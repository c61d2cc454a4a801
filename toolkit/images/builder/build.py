"""Building what is not current, one image after the other, through the Docker SDK.

An image gets its immutable tag in the last, tiny step that adds its labels: whatever ends a build earlier leaves no tag,
and the next one goes on from the engine's layers. What is current already costs one question to the engine.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from toolkit import paths
from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.progress import Watching
from toolkit.images.registry import state
from toolkit.images.registry.built import Built, current, remember
from toolkit.images.registry.engine_images import inspected
from toolkit.images.spec import inventory, labels
from toolkit.images.spec.context import context, dockerfile_only
from toolkit.images.spec.inputs import Wanted, changed, hashes
from toolkit.images.spec.network import Network, redacted
from toolkit.pythons.sources import tarball
from toolkit.setup.building import last_lines

if TYPE_CHECKING:
    from docker import DockerClient

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_RUNNING, _LAYER = re.compile(r" ---> Running in ([0-9a-f]+)"), re.compile(r" ---> ([0-9a-f]{12})\s*$")
_DONE = re.compile(r"Successfully built ([0-9a-f]+)")
_NO_NETWORK = (
    "Temporary failure resolving",
    "Could not resolve",
    "Failed to establish a new connection",
    "failed to lookup",
)


def build_images(
    client: DockerClient, wanted: Sequence[Wanted], network: Network, watching: Watching, again: str
) -> list[Built]:
    """Make all of them current, in order. `again` is the command that repeats this, for messages."""
    return [current(client, one) or _build(client, one, network, watching, again) for one in wanted]


def reasons(wanted: Wanted) -> tuple[str, ...]:
    """Why it has to be built: what changed since the newest of its kind, variant and profile that was built here."""
    known = [
        fields
        for fields in state.read()["images"].values()
        if (fields["repository"], fields["variant"], fields["profile"])
        == (wanted.repository, wanted.variant, wanted.profile)
    ]
    if not known:
        return ("missing",)
    newest = max(known, key=lambda fields: str(fields["built_at"]))
    return tuple(changed(newest["inputs"], wanted.inputs)) or ("missing",)


def _build(client: DockerClient, wanted: Wanted, network: Network, watching: Watching, again: str) -> Built:
    why = reasons(wanted)
    log = paths.cache("logs") / f"image-{wanted.repository}-{wanted.tag}.log"
    extra = [("Python.tar.xz", tarball(wanted.tarball, watching.say))] if wanted.tarball else []
    watching.begin(wanted.title, f"building {wanted.name}: {'; '.join(why[:3])}{' …' * (len(why) > 3)}; log: {log}")
    started = time.monotonic()
    arguments = {**wanted.arguments, **network.arguments()}
    with log.open("w", buffering=1) as file, context(wanted.files, extra) as files:
        _unchanged(wanted)
        run = _Run(client, wanted, network, watching, file, again)
        plain = run.built(files, arguments)
        listed = inventory.take(client, plain, wanted)
        labelled = run.built(dockerfile_only(labels.dockerfile(plain, wanted, listed)), {}, tag=wanted.name)
    seconds = time.monotonic() - started
    found = inspected(client, labelled) or {}
    remember(wanted, found, seconds, why)
    watching.say(f"{wanted.title}: {wanted.name}, {found['Size'] / 1e6:.0f} MB, in {seconds:.0f} s")
    return Built(wanted, found["Id"], int(found["Size"]), seconds, why, log)


def _unchanged(wanted: Wanted) -> None:
    """The context was packed by now: what is in it must be what the id was made of."""
    differing = [name for name, one in hashes(wanted.files).items() if wanted.inputs.get(name) != one]
    if differing:
        names = ", ".join(name.removeprefix("file:") for name in differing)
        raise GilfreeError(f"{wanted.title}: {names} changed while it was read", "run the same command again")


class _Run:
    """One image's builds by the engine, and what to say when one fails."""

    def __init__(
        self, client: DockerClient, wanted: Wanted, network: Network, watching: Watching, log: IO[str], again: str
    ) -> None:
        self._client, self._wanted, self._network, self._watching = client, wanted, network, watching
        self._log, self._again = log, again
        self._secrets = network.secrets()
        self._step = self._container = self._layer = ""

    def built(self, files: IO[bytes], arguments: Mapping[str, str], tag: str | None = None) -> str:
        """Build one context; the image's id. Ctrl-C ends the step that runs and takes its container away."""
        result = ""
        with engine_errors(f"building {self._wanted.title}"):
            stream = self._client.api.build(
                fileobj=files,
                custom_context=True,
                decode=True,
                rm=True,
                forcerm=True,
                buildargs=dict(arguments),
                tag=tag,
                network_mode="host" if self._network.host else None,
            )
            try:
                with self._watching.ticking():
                    for event in _whole_lines(stream):
                        result = self._seen(event) or result
            except BaseException:
                self._stop()
                raise
        if not result:
            raise GilfreeError(f"building {self._wanted.title}: the engine broke off", f"run it again: {self._again}")
        return result

    def _seen(self, event: Mapping[str, Any]) -> str:
        """Take in one event; the image's id when it is the last. Raises GilfreeError for a failed step."""
        if "error" in event:
            self._failed(str(event.get("errorDetail", {}).get("message") or event["error"]))
        text = redacted(str(event.get("stream") or event.get("status") or ""), self._secrets)
        if not text.strip():
            return ""
        self._log.write(text if text.endswith("\n") else text + "\n")
        step, running, layer = _STEP.match(text), _RUNNING.match(text), _LAYER.match(text)
        if step:
            self._step = f"step {step[1]} of {step[2]}: {' '.join(step[3].split())}"
            self._watching.step(int(step[1]), int(step[2]), " ".join(step[3].split()))
        elif running:
            self._container = running[1]
        elif layer:
            self._layer = layer[1]
        else:
            self._watching.line(text)
        done = _DONE.match(text)
        return done[1] if done else ""

    def _failed(self, words: str) -> None:
        words = redacted(words, self._secrets)
        tail = last_lines(Path(self._log.name), 12)
        inside = f"; to look around where it failed: docker run --rm -it -u 0 {self._layer} bash" if self._layer else ""
        lower = (words + tail).lower()
        remedy = f"mend it, then run again: {self._again}{inside}"
        if "no space left on device" in lower:
            remedy = f"the engine's disk is full: docker system df, docker system prune; then {self._again}"
        elif any(known.lower() in lower for known in _NO_NETWORK):
            remedy = f"the build reaches no network: options --apt-mirror, --pip-index, --cargo-mirror, --ca, --host-network; then {self._again}"
        elif "pull access denied" in lower or "manifest unknown" in lower or "failed to resolve" in lower:
            remedy = f"see that the base's registry is reached, or name another: --base REF; then {self._again}"
        raise GilfreeError(
            f"building {self._wanted.title} failed at {self._step[:300]}\n    {words.strip()}\n"
            f"  {self._log.name} ends with\n    {tail}",
            remedy,
        )

    def _stop(self) -> None:
        """The engine ends a build whose client is gone, but not at once: its container goes now."""
        import docker

        if self._container:
            with contextlib.suppress(docker.errors.APIError):
                self._client.api.remove_container(self._container, force=True, v=True)


def _whole_lines(stream: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Events whose text is whole lines: the engine cuts a step's output anywhere."""
    rest = ""
    for event in stream:
        if "stream" not in event:
            yield event
            continue
        *whole, rest = (rest + str(event["stream"])).split("\n")
        for line in whole:
            yield {"stream": line}
    if rest:
        yield {"stream": rest}

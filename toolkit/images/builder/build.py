"""Building the images that are not current, one after the other, through the Docker SDK.

An image gets its immutable tag in the last, tiny step, which adds its labels. So a build that ends earlier leaves no tag,
and the next one continues from the engine's layers. For an image that is current the engine is asked once and nothing is
built.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from toolkit import paths
from toolkit.engine.client import engine_errors
from toolkit.errors import GilfreeError
from toolkit.images.builder.stream import build_events, image_id_in
from toolkit.images.progress import BuildProgress
from toolkit.images.registry import state
from toolkit.images.registry.built import BuiltImage, find_current, record_built
from toolkit.images.registry.engine_images import inspected
from toolkit.images.spec import inventory, labels
from toolkit.images.spec.context import build_context, text_context
from toolkit.images.spec.inputs import ImageSpec, hashes, input_changes
from toolkit.images.spec.network import Network, redacted
from toolkit.pythons.sources import tarball
from toolkit.setup.building import last_lines

if TYPE_CHECKING:
    from docker import DockerClient

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_RUNNING, _LAYER = re.compile(r" ---> Running in ([0-9a-f]+)"), re.compile(r" ---> ([0-9a-f]{12})\s*$")
_NO_NETWORK = (
    "Temporary failure resolving",
    "Could not resolve",
    "Failed to establish a new connection",
    "failed to lookup",
)


def build_images(
    client: DockerClient, specs: Sequence[ImageSpec], network: Network, progress: BuildProgress, again: str
) -> list[BuiltImage]:
    """Build those of `specs` that are not current, in order; all of them are returned.

    again: the command that repeats this, for messages. Raises GilfreeError with the failed step, its output and a remedy.
    """
    return [find_current(client, spec) or _build(client, spec, network, progress, again) for spec in specs]


def build_reasons(spec: ImageSpec) -> tuple[str, ...]:
    """Why an image is to be built: what changed since the newest of its kind, variant and profile that was built here."""
    known = [
        fields
        for fields in state.read()["images"].values()
        if (fields["repository"], fields["variant"], fields["profile"]) == (spec.repository, spec.variant, spec.profile)
    ]
    if not known:
        return ("missing",)
    newest = max(known, key=lambda fields: str(fields["built_at"]))
    return tuple(input_changes(newest["inputs"], spec.inputs)) or ("missing",)


def _build(client: DockerClient, spec: ImageSpec, network: Network, progress: BuildProgress, again: str) -> BuiltImage:
    why = build_reasons(spec)
    log = paths.cache("logs") / f"image-{spec.repository}-{spec.tag}.log"
    extra = [("Python.tar.xz", tarball(spec.tarball, progress.say))] if spec.tarball else []
    progress.begin(spec.title, f"building {spec.name}: {'; '.join(why[:3])}{' …' * (len(why) > 3)}; log: {log}")
    started = time.monotonic()
    arguments = {**spec.arguments, **network.arguments()}
    with log.open("w", buffering=1) as file, build_context(spec.files, extra) as context:
        _require_unchanged(spec)
        build = _EngineBuild(client, spec, network, progress, file, again)
        unlabelled = build.run(context, arguments)
        inventory_sha256 = inventory.write_inventory(client, unlabelled, spec)
        dockerfile = labels.dockerfile(unlabelled, spec, inventory_sha256)
        labelled = build.run(text_context({"Dockerfile": dockerfile}), {}, tag=spec.name)
    seconds = time.monotonic() - started
    image = inspected(client, labelled) or {}
    record_built(spec, image, seconds, why)
    progress.say(f"{spec.title}: {spec.name}, {image['Size'] / 1e6:.0f} MB, in {seconds:.0f} s")
    return BuiltImage(spec, image["Id"], int(image["Size"]), seconds, why, log)


def _require_unchanged(spec: ImageSpec) -> None:
    """Raises GilfreeError when a file changed between the calculation of the id and the packing of the context."""
    differing = [name for name, digest in hashes(spec.files).items() if spec.inputs.get(name) != digest]
    if differing:
        names = ", ".join(name.removeprefix("file:") for name in differing)
        raise GilfreeError(f"{spec.title}: {names} changed while it was read", "run the same command again")


class _EngineBuild:
    """The builds of one image by the engine, and the message when one fails."""

    def __init__(
        self, client: DockerClient, spec: ImageSpec, network: Network, progress: BuildProgress, log: IO[str], again: str
    ) -> None:
        self._client, self._spec, self._network, self._progress = client, spec, network, progress
        self._log, self._again = log, again
        self._secrets = network.secrets()
        self._step = self._container = self._layer = ""

    def run(self, context: IO[bytes], arguments: Mapping[str, str], tag: str | None = None) -> str:
        """Build one context; the engine's id of the image. Ctrl-C ends the running step and removes its container."""
        image_id = ""
        with engine_errors(f"building {self._spec.title}"):
            events = build_events(self._client, context, self._network, arguments, tag)
            try:
                with self._progress.running():
                    for event in events:
                        self._take(event)
                        image_id = image_id_in(event) or image_id
            except BaseException:
                self._remove_container()
                raise
        if not image_id:
            raise GilfreeError(f"building {self._spec.title}: the engine broke off", f"run it again: {self._again}")
        return image_id

    def _take(self, event: Mapping[str, Any]) -> None:
        """Log one event and show it. Raises GilfreeError for a failed step."""
        if "error" in event:
            self._fail(str(event.get("errorDetail", {}).get("message") or event["error"]))
        text = redacted(str(event.get("stream") or event.get("status") or ""), self._secrets)
        if not text.strip():
            return
        self._log.write(text if text.endswith("\n") else text + "\n")
        step, running, layer = _STEP.match(text), _RUNNING.match(text), _LAYER.match(text)
        if step:
            instruction = " ".join(step[3].split())
            self._step = f"step {step[1]} of {step[2]}: {instruction}"
            self._progress.step(int(step[1]), int(step[2]), instruction)
        elif running:
            self._container = running[1]
        elif layer:
            self._layer = layer[1]
        else:
            self._progress.line(text)

    def _fail(self, engine_message: str) -> None:
        message = redacted(engine_message, self._secrets)
        tail = last_lines(Path(self._log.name), 12)
        shell = f"; to look around where it failed: docker run --rm -it -u 0 {self._layer} bash" if self._layer else ""
        lower = (message + tail).lower()
        remedy = f"fix it, then run again: {self._again}{shell}"
        if "no space left on device" in lower:
            remedy = f"the engine's disk is full: docker system df, docker system prune; then {self._again}"
        elif any(known.lower() in lower for known in _NO_NETWORK):
            remedy = f"the build reaches no network: options --apt-mirror, --pip-index, --cargo-mirror, --ca, --host-network; then {self._again}"
        elif "pull access denied" in lower or "manifest unknown" in lower or "failed to resolve" in lower:
            remedy = f"check that the base's registry can be reached, or name another: --base REF; then {self._again}"
        raise GilfreeError(
            f"building {self._spec.title} failed at {self._step[:300]}\n    {message.strip()}\n"
            f"  {self._log.name} ends with\n    {tail}",
            remedy,
        )

    def _remove_container(self) -> None:
        """Remove the running step's container now: the engine ends a build whose client is gone, but not at once."""
        import docker

        if self._container:
            with contextlib.suppress(docker.errors.APIError):
                self._client.api.remove_container(self._container, force=True, v=True)

"""The event stream of a build by the engine's builder: whole lines, and the id of the image at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from toolkit.images.spec.network import Network

if TYPE_CHECKING:
    from docker import DockerClient


def build_events(
    client: DockerClient, context: IO[bytes], network: Network, arguments: Mapping[str, str], tag: str | None = None
) -> Iterator[Mapping[str, Any]]:
    """Build a context (a tar archive with a Dockerfile); the engine's events, with text as whole lines.

    Containers of the steps are removed by the engine, also those of a failed step. A failed step is an event with `error`.
    """
    stream = client.api.build(
        fileobj=context,
        custom_context=True,
        decode=True,
        rm=True,
        forcerm=True,
        buildargs=dict(arguments),
        tag=tag,
        network_mode="host" if network.host else None,
    )
    return _whole_lines(stream)


def image_id_in(event: Mapping[str, Any]) -> str:
    """The engine's id of the image (`sha256:…`) when the event carries one, else empty. The last one of a build counts."""
    return str((event.get("aux") or {}).get("ID", ""))


def _whole_lines(stream: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The same events, but each text event is one line: the engine cuts a step's output anywhere."""
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

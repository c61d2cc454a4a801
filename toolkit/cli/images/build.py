"""`gilfree images build`: build the pair and the load image, or what of them is not current."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.images.shared import AsJson, BaseName, ProfileName, Python, Quiet, Registry, command_again


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(build)


def build(
    python: Python = "3.14",
    profile: ProfileName = "release",
    base: BaseName = None,
    push: Annotated[bool, typer.Option("--push", help="Push them by their immutable tags.")] = False,
    registry: Registry = None,
    project: Annotated[Path | None, typer.Option(help="Your own app: its folder.")] = None,
    app: Annotated[str, typer.Option("--app", help="Your own app: package.module:app.")] = "",
    interface: Annotated[str, typer.Option(help="Of your own app: asgi or wsgi.")] = "asgi",
    ca: Annotated[Path | None, typer.Option(help="Extra CA certificates (PEM) for the build's downloads.")] = None,
    pip_index: Annotated[str, typer.Option(help="Package index for pip.")] = "",
    apt_mirror: Annotated[str, typer.Option(help="Stands for http://deb.debian.org/debian.")] = "",
    cargo_mirror: Annotated[str, typer.Option(help="Stands for crates.io: sparse+https://…/.")] = "",
    host_network: Annotated[bool, typer.Option("--host-network", help="Build with this machine's network.")] = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Build the pair of one Python and the load image, or what of them is not current."""
    import json
    import time

    from toolkit.engine.client import connected
    from toolkit.errors import GilfreeError
    from toolkit.images.builder.build import build_images
    from toolkit.images.progress import Watching
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.push import checked_registry, push_images
    from toolkit.images.registry.resolve import wanted_images
    from toolkit.images.spec.network import network
    from toolkit.images.spec.project import open_project
    from toolkit.pythons.lock import load_lock

    if push != bool(registry):
        raise GilfreeError("--push and --registry go together", "gilfree images build --push --registry HOST[/PREFIX]")
    if (project is None) != (not app):
        raise GilfreeError(
            "--project and --app go together", "gilfree images build --project DIR --app package.module:app"
        )
    place = checked_registry(registry) if registry else None
    started = time.monotonic()
    watching = Watching(quiet=quiet)
    reached = network(ca, pip_index, apt_mirror, cargo_mirror, host=host_network)
    own = open_project(project, app, interface, python, watching.say) if project else None
    with connected() as client:
        found = find_base(client, base, load_lock(), pull=True)
        wanted = wanted_images(python, profile, found, own)
        built = build_images(client, wanted, reached, watching, command_again())
        if push and place:
            built = push_images(client, built, place, watching)
    if json_output:
        print(json.dumps([one.describe() for one in built], indent=1))
        return
    for one in built:
        state = f"built in {one.seconds:.0f} s" if one.why else "current"
        print(f"{one.wanted.title:24} {one.digest or one.wanted.name}  {one.size_bytes / 1e6:.0f} MB  {state}")
    made = sum(bool(one.why) for one in built)
    print(f"{made} built, {len(built) - made} current, {time.monotonic() - started:.1f} s")

"""`gilfree images build`: build those images that are not current."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.images.shared import AptMirror, BaseName, CaFile, CargoMirror, HostNetwork, PipIndex, command_again
from toolkit.cli.shared.options import DEFAULT_PYTHON, AsJson, ProfileName, Python, Quiet, Registry


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(build)


def build(
    python: Python = DEFAULT_PYTHON,
    profile: ProfileName = "release",
    base: BaseName = None,
    push: Annotated[bool, typer.Option("--push", help="Push the images by their immutable tags.")] = False,
    registry: Registry = None,
    project: Annotated[Path | None, typer.Option(help="Your own app: the folder of its project.")] = None,
    app: Annotated[str, typer.Option("--app", help="Your own app: package.module:app.")] = "",
    interface: Annotated[str, typer.Option(help="Of your own app: asgi or wsgi.")] = "asgi",
    ca: CaFile = None,
    pip_index: PipIndex = "",
    apt_mirror: AptMirror = "",
    cargo_mirror: CargoMirror = "",
    host_network: HostNetwork = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Build the images of one Python and the load image; those that are current are not built again."""
    import json
    import time

    from toolkit.engine.client import connected
    from toolkit.errors import GilfreeError
    from toolkit.images.builder.build import build_images
    from toolkit.images.progress import BuildProgress
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.push import checked_registry, push_images
    from toolkit.images.registry.resolve import image_specs
    from toolkit.images.spec.network import network_from_options
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
    progress = BuildProgress(quiet=quiet)
    reached = network_from_options(ca, pip_index, apt_mirror, cargo_mirror, host=host_network)
    own = open_project(project, app, interface, python, progress.say) if project else None
    with connected() as client:
        base_image = find_base(client, base, load_lock(), pull=True)
        specs = image_specs(python, profile, base_image, own)
        built = build_images(client, specs, reached, progress, command_again())
        if push and place:
            built = push_images(client, built, place, progress)
    if json_output:
        print(json.dumps([one.describe() for one in built], indent=1))
        return
    for one in built:
        state = f"built in {one.seconds:.0f} s" if one.why else "current"
        print(f"{one.spec.title:24} {one.digest or one.spec.name}  {one.size_bytes / 1e6:.0f} MB  {state}")
    made = sum(bool(one.why) for one in built)
    print(f"{made} built, {len(built) - made} current, {time.monotonic() - started:.1f} s")

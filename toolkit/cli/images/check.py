"""`gilfree images check`: whether the images are current."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli.images.shared import BaseName, BuiltProfile, Prereleases
from toolkit.cli.shared.options import DEFAULT_PYTHON, AsJson, Python


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    python: Python = DEFAULT_PYTHON,
    profile: BuiltProfile = None,
    base: BaseName = None,
    prereleases: Prereleases = False,
    timing: Annotated[
        bool, typer.Option("--timing", help="Also print how long a check, and a build of nothing, take.")
    ] = False,
    json_output: AsJson = False,
) -> None:
    """Report for each image whether it is current, and if not, why.

    Exit 0 when all are current, 10 when one is stale or missing, 2 when that is unknown.
    """
    import json
    import time

    from toolkit.images.staleness.observe import observe
    from toolkit.images.staleness.status import exit_code, notes
    from toolkit.images.staleness.upstream import python_source
    from toolkit.pythons.lock import load_lock

    began = time.monotonic()
    seen = observe(python, profile, base, prereleases)
    seconds = time.monotonic() - began
    lock = load_lock()
    remarks = notes(lock, seen.upstream, seen.pins)
    if json_output:
        rows = [
            {"image": one.title, "state": one.state, "reason": one.reason, "name": one.name} for one in seen.statuses
        ]
        print(
            json.dumps({"images": rows, "notes": remarks, "source": python_source(lock), "seconds": seconds}, indent=1)
        )
    else:
        for one in seen.statuses:
            print(f"{one.title:24} {one.words()}")
        for words in remarks:
            print(f"note: {words}")
        if any(one.state == "unknown" for one in seen.statuses):
            print(
                f"gilfree: the newest versions are unknown because {python_source(lock)} did not answer; repeat later, or set "
                "GILFREE_SOURCES to the address of a mirror or to a folder with tarballs",
                file=sys.stderr,
            )
    if timing:
        print(f"check: {seconds:.2f} s", file=sys.stderr)
        print(f"no-op build: {_no_op_build(python, seen.profile, base):.2f} s", file=sys.stderr)
    sys.exit(exit_code(seen.statuses, seen.upstream))


def _no_op_build(python: str, profile: str, base: str | None) -> float:
    """Seconds that a build takes when every image is current."""
    import time

    from toolkit.engine.client import connected
    from toolkit.images.builder.build import build_images
    from toolkit.images.progress import BuildProgress
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.resolve import image_specs
    from toolkit.images.spec.network import Network
    from toolkit.pythons.lock import load_lock

    began = time.monotonic()
    with connected() as client:
        specs = image_specs(python, profile, find_base(client, base, load_lock()))
        build_images(client, specs, Network(), BuildProgress(quiet=True), "gilfree images build")
    return time.monotonic() - began

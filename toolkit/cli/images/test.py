"""`gilfree images test`: check in containers whether the images keep their contract."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli.images.shared import AptMirror, BaseName, BuiltProfile, CaFile, HostNetwork, NoChild, PipIndex
from toolkit.cli.shared.options import DEFAULT_PYTHON, AsJson, Python, Quiet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("test")(run_checks)


def run_checks(
    python: Python = DEFAULT_PYTHON,
    profile: BuiltProfile = None,
    base: BaseName = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="If every check passes, move the tags 3.14 and 3.14t to these images.")
    ] = False,
    registry: Annotated[str | None, typer.Option(help="With --promote: move the tags in this registry too.")] = None,
    no_child: NoChild = False,
    ca: CaFile = None,
    pip_index: PipIndex = "",
    apt_mirror: AptMirror = "",
    host_network: HostNetwork = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test the current images by running containers of them. Exit 1 when a check fails; then no tag moves."""
    import json

    from toolkit.engine.client import connected
    from toolkit.errors import CHECK_FAILED
    from toolkit.images.checks.collect import collect_facts
    from toolkit.images.checks.results import check_results
    from toolkit.images.progress import BuildProgress
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.built import last_built_profile, require_current
    from toolkit.images.registry.promote import promote as move_tags
    from toolkit.images.registry.push import checked_registry
    from toolkit.images.registry.resolve import image_specs
    from toolkit.images.spec.network import network_from_options
    from toolkit.pythons.lock import load_lock

    place = checked_registry(registry) if registry else None
    progress = BuildProgress(quiet=quiet)
    reached = network_from_options(ca, pip_index, apt_mirror, "", host=host_network)
    moved: dict[str, str] = {}
    with connected() as client:
        base_image = find_base(client, base, load_lock())
        chosen = profile or last_built_profile(python)
        specs = image_specs(python, chosen, base_image)
        require_current(client, specs, f"gilfree images build --python {python} --profile {chosen}")
        results = check_results(collect_facts(client, specs, reached, progress, child=not no_child))
        failed = [one for one in results if not one.passed]
        if promote and not failed:
            moved = move_tags(client, specs, progress, registry=place)
    if json_output:
        rows = [
            {"of": one.subject, "claim": one.requirement, "holds": one.passed, "detail": one.problem} for one in results
        ]
        print(json.dumps({"findings": rows, "moved": moved}, indent=1))
    else:
        for one in results:
            problem = f": {one.problem}" if one.problem else ""
            print(f"{'ok  ' if one.passed else 'FAIL'} {one.subject}: {one.requirement}{problem}")
        for tag, name in moved.items():
            print(f"{tag} is {name}")
        print(f"{len(results) - len(failed)} of {len(results)} hold{'; no tag was moved' * bool(failed)}")
    if failed:
        sys.exit(CHECK_FAILED)

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
    from toolkit.images.checks.judge import judge
    from toolkit.images.checks.run import collect
    from toolkit.images.progress import Watching
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.built import newest_profile, require
    from toolkit.images.registry.promote import promote as move_tags
    from toolkit.images.registry.push import checked_registry
    from toolkit.images.registry.resolve import wanted_images
    from toolkit.images.spec.network import network
    from toolkit.pythons.lock import load_lock

    place = checked_registry(registry) if registry else None
    watching = Watching(quiet=quiet)
    reached = network(ca, pip_index, apt_mirror, "", host=host_network)
    moved: dict[str, str] = {}
    with connected() as client:
        found = find_base(client, base, load_lock())
        chosen = profile or newest_profile(python)
        wanted = wanted_images(python, chosen, found)
        require(client, wanted, f"gilfree images build --python {python} --profile {chosen}")
        findings = judge(collect(client, wanted, reached, watching, child=not no_child))
        failed = [one for one in findings if not one.holds]
        if promote and not failed:
            moved = move_tags(client, wanted, watching, registry=place)
    if json_output:
        rows = [{"of": one.of, "claim": one.claim, "holds": one.holds, "detail": one.detail} for one in findings]
        print(json.dumps({"findings": rows, "moved": moved}, indent=1))
    else:
        for one in findings:
            print(f"{'ok  ' if one.holds else 'FAIL'} {one.of}: {one.claim}{': ' * (not one.holds)}{one.detail}")
        for tag, name in moved.items():
            print(f"{tag} is {name}")
        print(f"{len(findings) - len(failed)} of {len(findings)} hold{'; no tag was moved' * bool(failed)}")
    if failed:
        sys.exit(CHECK_FAILED)

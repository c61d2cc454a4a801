"""`gilfree images test`: whether the images keep their contract, tried in containers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.images.shared import AsJson, BaseName, Python, Quiet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("test")(run_checks)


def run_checks(
    python: Python = "3.14",
    profile: Annotated[str | None, typer.Option(help="release or fast; what was built last, if not told.")] = None,
    base: BaseName = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="If all holds, move the tags (3.14, 3.14t) to them.")
    ] = False,
    registry: Annotated[str | None, typer.Option(help="With --promote: move the tags there too.")] = None,
    no_child: Annotated[
        bool, typer.Option("--no-child", help="Skip the child image, which needs the network.")
    ] = False,
    ca: Annotated[Path | None, typer.Option(help="As of `images build`, for the child image.")] = None,
    pip_index: Annotated[str, typer.Option(help="As of `images build`.")] = "",
    apt_mirror: Annotated[str, typer.Option(help="As of `images build`.")] = "",
    host_network: Annotated[bool, typer.Option("--host-network", help="As of `images build`.")] = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test the current images in containers of them. Exit 1 when something does not hold, and no tag moves then."""
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

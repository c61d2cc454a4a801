"""`gilfree images`: build, test and push the paired images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

images = typer.Typer(
    name="images", help="The paired images: build, test, push, keep them current.", no_args_is_help=True
)

Python = Annotated[str, typer.Option(help="A series (3.14) or an exact version of gilfree.lock.")]
ProfileName = Annotated[str, typer.Option(help="release (PGO and LTO) or fast (neither).")]
BaseName = Annotated[str | None, typer.Option(help="Another base than gilfree.lock's: any Debian.")]
Registry = Annotated[str | None, typer.Option(help="HOST[/PREFIX], for --push.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the images as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    app.add_typer(images)


@images.command()
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
        built = build_images(client, wanted, reached, watching, _again())
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


@images.command("test")
def check(
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


def _again() -> str:
    """This command, to be run again; without logins in addresses."""
    import shlex

    from toolkit.images.spec.network import hidden

    return f"gilfree {shlex.join(hidden(word) for word in sys.argv[1:])}"

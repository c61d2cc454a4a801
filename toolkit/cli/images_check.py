"""`gilfree images check|update|list|prune`: whether images are current, and keeping them so."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from toolkit.cli.images import AsJson, BaseName, Python, images


@images.command()
def check(
    python: Python = "3.14",
    profile: Annotated[str | None, typer.Option(help="release or fast; what was built last, if not told.")] = None,
    base: BaseName = None,
    prereleases: Annotated[bool, typer.Option("--prereleases", help="Alphas, betas and candidates count too.")] = False,
    timing: Annotated[
        bool, typer.Option("--timing", help="Also print how long a check and a no-op build take.")
    ] = False,
    json_output: AsJson = False,
) -> None:
    """Say of each image whether it is current, and why not: exit 0 current, 10 stale or missing, 2 unknown."""
    import json
    import time

    from toolkit.images.staleness.check import exit_code, notes
    from toolkit.images.staleness.observe import look
    from toolkit.images.staleness.upstream import python_source
    from toolkit.pythons.lock import load_lock

    began = time.monotonic()
    seen = look(python, profile, base, prereleases)
    seconds = time.monotonic() - began
    lock = load_lock()
    told = notes(lock, seen.upstream, seen.pins)
    if json_output:
        rows = [{"image": one.title, "state": one.state, "reason": one.reason, "name": one.name} for one in seen.judged]
        print(json.dumps({"images": rows, "notes": told, "source": python_source(lock), "seconds": seconds}, indent=1))
    else:
        for one in seen.judged:
            print(f"{one.title:24} {one.words()}")
        for words in told:
            print(f"note: {words}")
        if any(one.state == "unknown" for one in seen.judged):
            print(
                f"gilfree: not everything could be learnt; {python_source(lock)} has to answer, or set GILFREE_SOURCES "
                "to a mirror's address or to a folder with tarballs",
                file=sys.stderr,
            )
    if timing:
        print(f"check: {seconds:.2f} s", file=sys.stderr)
        print(f"no-op build: {_no_op_build(python, seen.profile, base):.2f} s", file=sys.stderr)
    sys.exit(exit_code(seen.judged, seen.upstream))


def _no_op_build(python: str, profile: str, base: str | None) -> float:
    """Seconds that a build takes which finds everything current."""
    import time

    from toolkit.engine.client import connected
    from toolkit.images.builder.build import build_images
    from toolkit.images.progress import Watching
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.resolve import wanted_images
    from toolkit.images.spec.network import Network
    from toolkit.pythons.lock import load_lock

    began = time.monotonic()
    with connected() as client:
        wanted = wanted_images(python, profile, find_base(client, base, load_lock()))
        build_images(client, wanted, Network(), Watching(quiet=True), "gilfree images build")
    return time.monotonic() - began


@images.command()
def update(
    python: Annotated[str | None, typer.Option(help="Only this: a series, or an exact version.")] = None,
    prereleases: Annotated[bool, typer.Option("--prereleases", help="Alphas, betas and candidates too.")] = False,
    json_output: AsJson = False,
) -> None:
    """Write the newest Pythons, with the hashes of their tarballs, and the base's digest into gilfree.lock."""
    import json

    from toolkit.images.staleness.observe import ask_upstream
    from toolkit.images.staleness.update import update as write
    from toolkit.pythons.lock import load_lock

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    early = prereleases or (python is not None and any(mark in python for mark in ("a", "b", "rc")))
    changes = write(python, ask_upstream(load_lock(), ()), say, prereleases=early)
    if json_output:
        print(json.dumps(changes, indent=1))
    else:
        print("\n".join(changes) or "gilfree.lock is up to date")


@images.command("list")
def list_images(json_output: AsJson = False) -> None:
    """The images of gilfree that the engine has: tag, id, size, age, why built."""
    import json
    from dataclasses import asdict

    from toolkit.engine.client import connected
    from toolkit.images.registry.prune import present_images

    with connected() as client:
        found = present_images(client)
    if json_output:
        print(json.dumps([asdict(one) for one in found], indent=1))
        return
    if found:
        print(f"{'tag':44} {'id':12}  {'size':>8}  {'age':>9}  why it was built")
    for one in found:
        print(f"{one.name:44} {one.image_id[7:19]}  {one.size_bytes / 1e6:5.0f} MB  {_age(one.created):>9}  {one.why}")
        for tag in one.moving:
            print(f"  {tag}")
    if not found:
        print("none; `gilfree images build` makes them")


@images.command()
def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of each kind and variant stay, newest first.")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    json_output: AsJson = False,
) -> None:
    """Remove old images of gilfree; never one that is current or that a moving tag points to."""
    import json

    from toolkit.engine.client import connected
    from toolkit.images.registry.prune import present_images, remove, superfluous
    from toolkit.images.staleness.observe import wanted_ids

    with connected() as client:
        gone = superfluous(present_images(client), keep, wanted_ids(client))
        names = [one.name for one in gone] if dry_run else remove(client, gone)
    if json_output:
        print(json.dumps(names, indent=1))
        return
    for name in names:
        print(f"{'would remove' if dry_run else 'removed'} {name}")
    print(f"{len(names)} images")


def _age(created: str) -> str:
    from datetime import UTC, datetime

    if created.isdigit():
        then = datetime.fromtimestamp(int(created), UTC)
    else:
        try:
            then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            return created
    seconds: Any = (datetime.now(UTC) - then).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"

"""`gilfree images rebuild`: check, update, build, test and promote in one go; and, if asked, measure old against new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.images.shared import AsJson, BaseName, Python, Quiet, command_again

if TYPE_CHECKING:
    from toolkit.images.staleness.rebuild import Rebuilt


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rebuild)


def rebuild(
    python: Python = "3.14",
    profile: Annotated[str | None, typer.Option(help="release or fast; what was built last, if not told.")] = None,
    base: BaseName = None,
    prereleases: Annotated[bool, typer.Option("--prereleases", help="Alphas, betas and candidates count too.")] = False,
    registry: Annotated[str | None, typer.Option(help="Also push there: HOST[/PREFIX].")] = None,
    bench: Annotated[
        bool, typer.Option("--bench", help="If the pair changed, measure old against new in one campaign on Docker.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="For --bench.")] = "asgi",
    no_child: Annotated[bool, typer.Option("--no-child", help="As of `images test`.")] = False,
    ca: Annotated[Path | None, typer.Option(help="As of `images build`.")] = None,
    pip_index: Annotated[str, typer.Option(help="As of `images build`.")] = "",
    apt_mirror: Annotated[str, typer.Option(help="As of `images build`.")] = "",
    cargo_mirror: Annotated[str, typer.Option(help="As of `images build`.")] = "",
    host_network: Annotated[bool, typer.Option("--host-network", help="As of `images build`.")] = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check, write gilfree.lock, build what is not current, test it, move the tags. Exit 1 if a test fails: none moves."""
    import json
    import time

    from toolkit.errors import CHECK_FAILED
    from toolkit.images.progress import Watching
    from toolkit.images.registry.push import checked_registry
    from toolkit.images.spec.network import network
    from toolkit.images.staleness.rebuild import Asked
    from toolkit.images.staleness.rebuild import rebuild as run

    reached = network(ca, pip_index, apt_mirror, cargo_mirror, host=host_network)
    place = checked_registry(registry) if registry else None
    asked = Asked(python, profile, base, command_again(), prereleases, place, reached, not no_child)
    started = time.monotonic()
    done = run(asked, Watching(quiet=quiet))
    seconds = time.monotonic() - started
    if json_output:
        print(json.dumps({**as_json(done), "seconds": round(seconds, 1)}, indent=1))
    else:
        _print(done, seconds)
    if done.failed:
        sys.exit(CHECK_FAILED)
    if bench:
        sys.exit(_bench(done, scenario))


def as_json(done: Rebuilt) -> dict[str, object]:
    """For scripts."""
    return {
        "images": [{"image": one.title, "state": one.state, "reason": one.reason} for one in done.judged],
        "changes": list(done.changes),
        "built": [one.describe() for one in done.built],
        "failed": [{"of": one.of, "claim": one.claim, "detail": one.detail} for one in done.failed],
        "moved": done.moved,
    }


def _print(done: Rebuilt, seconds: float) -> None:
    if not done.built:
        print(f"all current, nothing to do, {seconds:.1f} s")
        return
    for change in done.changes:
        print(change)
    for one in done.built:
        words = f"built in {one.seconds:.0f} s because {'; '.join(one.why)}" if one.why else "current"
        print(f"{one.wanted.title:24} {one.digest or one.wanted.name}  {words}")
    for finding in done.failed:
        print(f"FAIL {finding.of}: {finding.claim}: {finding.detail}")
    held = len(done.findings) - len(done.failed)
    print(f"{held} of {len(done.findings)} tests hold{'; no tag was moved' * bool(done.failed)}")
    for tag, name in done.moved.items():
        print(f"{tag} is {name}")
    print(f"{seconds:.0f} s")


def bench_command(done: Rebuilt, scenario: str) -> list[str]:
    """Old against new as two arms of one campaign; empty when there are no two. The new are those that are current now."""
    if done.old is None or done.new is None or done.old == done.new:
        return []
    pair = ["--python", done.series, "--profile", done.profile, "--against", ",".join(done.old)]
    return ["bench", "--backend", "docker", "--scenario", scenario, *pair]


def _bench(done: Rebuilt, scenario: str) -> int:
    import subprocess

    command = bench_command(done, scenario)
    if not command:
        print("nothing to measure: no other pair was promoted before", file=sys.stderr)
        return 0
    print(f"gilfree {' '.join(command)}", file=sys.stderr, flush=True)
    return subprocess.run([sys.executable, "-m", "toolkit.cli", *command]).returncode

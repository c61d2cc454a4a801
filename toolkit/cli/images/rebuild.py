"""`gilfree images rebuild`: check, update, build, test and promote in one command; with --bench, then measure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.images.shared import (
    AptMirror,
    BaseName,
    BuiltProfile,
    CaFile,
    CargoMirror,
    HostNetwork,
    NoChild,
    PipIndex,
    Prereleases,
    command_again,
)
from toolkit.cli.shared.options import DEFAULT_PYTHON, AsJson, Python, Quiet

if TYPE_CHECKING:
    from toolkit.images.staleness.rebuild import RebuildResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rebuild)


def rebuild(
    python: Python = DEFAULT_PYTHON,
    profile: BuiltProfile = None,
    base: BaseName = None,
    prereleases: Prereleases = False,
    registry: Annotated[str | None, typer.Option(help="Also push to this registry: HOST[/PREFIX].")] = None,
    bench: Annotated[
        bool, typer.Option("--bench", help="If the pair changed, measure the new pair against the old one on Docker.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="With --bench: the scenario.")] = "asgi",
    no_child: NoChild = False,
    ca: CaFile = None,
    pip_index: PipIndex = "",
    apt_mirror: AptMirror = "",
    cargo_mirror: CargoMirror = "",
    host_network: HostNetwork = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check, update gilfree.lock, build what is not current, test it, and move the tags.

    Exit 1 when a test fails; then no tag moves.
    """
    import json
    import time

    from toolkit.errors import CHECK_FAILED
    from toolkit.images.progress import BuildProgress
    from toolkit.images.registry.push import checked_registry
    from toolkit.images.spec.network import network_from_options
    from toolkit.images.staleness.rebuild import RebuildRequest
    from toolkit.images.staleness.rebuild import rebuild as run

    reached = network_from_options(ca, pip_index, apt_mirror, cargo_mirror, host=host_network)
    place = checked_registry(registry) if registry else None
    request = RebuildRequest(python, profile, base, command_again(), prereleases, place, reached, not no_child)
    started = time.monotonic()
    done = run(request, BuildProgress(quiet=quiet))
    seconds = time.monotonic() - started
    if json_output:
        print(json.dumps({**as_json(done), "seconds": round(seconds, 1)}, indent=1))
    else:
        _print(done, seconds)
    if done.failed:
        sys.exit(CHECK_FAILED)
    if bench:
        sys.exit(_bench(done, scenario))


def as_json(done: RebuildResult) -> dict[str, object]:
    """The result as data for --json."""
    return {
        "images": [{"image": one.title, "state": one.state, "reason": one.reason} for one in done.statuses],
        "changes": list(done.changes),
        "built": [one.describe() for one in done.built],
        "failed": [{"of": one.subject, "claim": one.requirement, "detail": one.problem} for one in done.failed],
        "moved": done.moved,
    }


def _print(done: RebuildResult, seconds: float) -> None:
    if not done.built:
        print(f"all current, nothing to do, {seconds:.1f} s")
        return
    for change in done.changes:
        print(change)
    for one in done.built:
        words = f"built in {one.seconds:.0f} s because {'; '.join(one.why)}" if one.why else "current"
        print(f"{one.spec.title:24} {one.digest or one.spec.name}  {words}")
    for result in done.failed:
        print(f"FAIL {result.subject}: {result.requirement}: {result.problem}")
    held = len(done.check_results) - len(done.failed)
    print(f"{held} of {len(done.check_results)} tests hold{'; no tag was moved' * bool(done.failed)}")
    for tag, name in done.moved.items():
        print(f"{tag} is {name}")
    print(f"{seconds:.0f} s")


def bench_command(done: RebuildResult, scenario: str) -> list[str]:
    """The arguments of `gilfree bench` that measure the new pair against the old one; empty without another old pair."""
    if done.old is None or done.new is None or done.old == done.new:
        return []
    pair = ["--python", done.series, "--profile", done.profile, "--against", ",".join(done.old)]
    return ["bench", "--backend", "docker", "--scenario", scenario, *pair]


def _bench(done: RebuildResult, scenario: str) -> int:
    import subprocess

    command = bench_command(done, scenario)
    if not command:
        print("nothing to measure: no other pair was promoted earlier", file=sys.stderr)
        return 0
    print(f"gilfree {' '.join(command)}", file=sys.stderr, flush=True)
    return subprocess.run([sys.executable, "-m", "toolkit.cli", *command]).returncode

"""`gilfree cluster render`: the manifests of the Jobs of a campaign, to read or for GitOps, without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_PROFILE, DEFAULT_PYTHON, ClusterFile, ProfileName, Python, Registry
from toolkit.units import MAX_ROUNDS


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(render)


def render(
    scenario: Annotated[str, typer.Argument(help="A scenario by name or path.")],
    python: Python = DEFAULT_PYTHON,
    out: Annotated[str, typer.Option(help="Folder that gets one file per Job, or - for standard output.")] = "-",
    cluster: ClusterFile = None,
    given_settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of `cluster:`: namespace=bench, server.cpus=4. Repeatable."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the campaign.")] = "render",
    blocks: Annotated[int | None, typer.Option(min=1, max=MAX_ROUNDS, help="Blocks at every point.")] = None,
    images: Annotated[
        str | None, typer.Option(help="Images GIL,FREE,LOAD instead of those that were built and pushed.")
    ] = None,
    profile: ProfileName = DEFAULT_PROFILE,
    registry: Registry = None,
    suspend: Annotated[
        bool, typer.Option(help="Suspended, as `gilfree bench` creates them; --no-suspend: they start when applied.")
    ] = True,
) -> None:
    """Print the Jobs of a scenario, one for each trial of each block, in the order in which they would run.

    The same input always gives the same bytes.
    """
    from toolkit.bench.rendering import render_jobs
    from toolkit.errors import GilfreeError
    from toolkit.images.registry.resolve import resolve
    from toolkit.manifests import as_yaml
    from toolkit.pythons.lock import load_lock
    from toolkit.scenario.cluster import merge, read_settings
    from toolkit.scenario.loading import load_scenario
    from toolkit.scenario.overrides import parse_overrides

    loaded = load_scenario(scenario)
    if blocks:
        loaded = loaded.with_load(rounds=blocks)
    settings = merge(loaded.cluster, read_settings(cluster) if cluster else None, parse_overrides(given_settings or []))
    series = load_lock().resolve(python).series
    if images:
        given = images.split(",")
        if len(given) != 3:
            raise GilfreeError(f"--images {images}: {len(given)} given instead of three", "give GIL,FREE,LOAD")
        if moving := [one for one in given if "@sha256:" not in one]:
            print(
                f"gilfree: not named by digest, so the image may change between trials: {', '.join(moving)}",
                file=sys.stderr,
            )
    else:
        try:
            found = resolve(python, profile, registry=registry)
        except GilfreeError as error:
            raise GilfreeError(error.message, f"{error.remedy}; or name others by --images GIL,FREE,LOAD") from None
        given = [found.gil.pinned, found.free_threaded.pinned, found.load.pinned]
    jobs = render_jobs(loaded, name, series, given, settings, suspend)
    texts = dict(zip((str(job["metadata"]["name"]) for job in jobs), as_yaml(jobs), strict=True))
    if out == "-":
        print("".join(texts.values()), end="")
        return
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for job_name, text in texts.items():
            (folder / f"{job_name}.yaml").write_text(text)
    except OSError as error:
        raise GilfreeError(f"--out {out} cannot be written: {error.strerror}", "give another folder") from None
    print(f"{len(texts)} Jobs in {folder}", file=sys.stderr)

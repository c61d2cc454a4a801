"""`gilfree cluster render`: the manifests of a campaign's Jobs, for looking at or for GitOps; no cluster is asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(render)


def render(
    scenario: Annotated[str, typer.Argument(help="A scenario by name or path.")],
    python: Annotated[str, typer.Option(help="A series (3.14) or an exact version of gilfree.lock.")] = "3.14",
    out: Annotated[str, typer.Option(help="Folder for one file a Job, or - for one stream.")] = "-",
    cluster: Annotated[Path | None, typer.Option(help="A file with `cluster:` settings.")] = None,
    given_settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of `cluster:`: namespace=bench, server.cpus=4. Again for more."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the campaign.")] = "render",
    blocks: Annotated[int | None, typer.Option(min=1, help="Blocks at every point.")] = None,
    images: Annotated[
        str | None, typer.Option(help="GIL,FREE,LOAD images instead of those that were built and pushed.")
    ] = None,
    profile: Annotated[str, typer.Option(help="fast or release.")] = "fast",
    registry: Annotated[str | None, typer.Option(help="Images as pushed there: HOST[/PREFIX].")] = None,
    suspend: Annotated[bool, typer.Option(help="As the tool creates them; --no-suspend runs at once.")] = True,
) -> None:
    """Render the Jobs of a scenario, every trial of every block, in the order in which they would run.

    The same input gives the same output, byte for byte.
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
            raise GilfreeError(f"--images {images}: {len(given)} given", "give three: GIL,FREE,LOAD")
        if moving := [one for one in given if "@sha256:" not in one]:
            print(f"gilfree: not by digest, so it may change between trials: {', '.join(moving)}", file=sys.stderr)
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

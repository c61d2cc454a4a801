"""`gilfree bench`: the main job."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    scenario: Annotated[
        str, typer.Option(help="Scenarios by name or path, separated by commas.")
    ] = "asgi,wsgi,wsgi-threads",
    python: Annotated[str, typer.Option(help="A series (3.14) or an exact version of gilfree.lock.")] = "3.14",
    backend: Annotated[str, typer.Option(help="Where trials run: local, docker or kubernetes.")] = "local",
    blocks: Annotated[int | None, typer.Option(min=1, help="Blocks at every point.")] = None,
    duration: Annotated[str | None, typer.Option(help="Measured window, whole seconds: 5s, 1m.")] = None,
    profile: Annotated[
        str, typer.Option(help="If interpreters must be built: fast, or release (PGO and LTO).")
    ] = "fast",
    limit: Annotated[
        list[str] | None, typer.Option(help="Change a limit of trials: foreign_cpu=0.2. May be given again.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Measure as the scenario says, not a quick look.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with a run: its name, or `last`.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; the time by default.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    app: Annotated[str | None, typer.Option("--app", help="Your own service: pkg.module:app.")] = None,
    interface: Annotated[str, typer.Option(help="Of your own service: asgi or wsgi.")] = "asgi",
    path: Annotated[str, typer.Option(help="Of your own service: the path to load.")] = "/",
    project: Annotated[Path | None, typer.Option(help="Of your own service: folder to install from.")] = None,
    gil: Annotated[str | None, typer.Option(help="Use this interpreter (or image) as the GIL build.")] = None,
    free_threaded: Annotated[str | None, typer.Option(help="Use this one as the free-threaded build.")] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Measure REF beside it: a setting (threads=8), requirements (old.txt), a version, GIL,FREE."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help="With --against: exit 1 if surely beyond: 'requests_per_second<-5%'. May be given again."),
    ] = None,
    stop_when_sure: Annotated[
        bool, typer.Option("--stop-when-sure", help="Stop a point when its intervals are narrow, or at --blocks (20).")
    ] = False,
    half_width: Annotated[str, typer.Option(help="How narrow, for --stop-when-sure.")] = "3%",
    aa: Annotated[bool, typer.Option("--aa", help="Measure the GIL build twice in each block, as a check.")] = False,
    port: Annotated[int | None, typer.Option(help="Local: port of the server; a free one by default.")] = None,
    registry: Annotated[str | None, typer.Option(help="Images as pushed there: HOST[/PREFIX].")] = None,
    context: Annotated[str | None, typer.Option(help="Kubernetes: context of the kubeconfig.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Kubernetes: namespace for the Jobs.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Kubernetes: do not ask before the first Job.")] = False,
    cluster: Annotated[Path | None, typer.Option(help="Kubernetes: a file with `cluster:` settings.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Kubernetes: leave Jobs and logs there at the end.")] = False,
    max_duration: Annotated[str | None, typer.Option(help="Begin no block after this time: 30m, 2h.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Measure scenarios (or your own service with --app) on both variants and print the tables."""
    from toolkit.bench import runs
    from toolkit.bench.backends import check_backend
    from toolkit.bench.request import BackendOptions
    from toolkit.cli.bench_comparison import broken, compared_too, read
    from toolkit.cli.shared.tables import print_tables
    from toolkit.errors import CHECK_FAILED, INTERRUPTED, GilfreeError

    check_backend(backend)
    if profile not in ("fast", "release"):
        raise GilfreeError(f"there is no profile {profile!r}", "take fast or release")
    if (gil is None) != (free_threaded is None):
        raise GilfreeError("only one interpreter of the pair is given", "give both --gil and --free-threaded")

    def say(words: str) -> None:
        if not quiet:
            print(words, file=sys.stderr, flush=True)

    images = backend != "local"
    longest = _seconds(max_duration, "--max-duration")
    extras = read(against, fail_on or [], stop_when_sure, half_width, blocks, full, resume, images=images)
    options = BackendOptions(backend, registry, context, namespace, yes, cluster, keep)
    if resume:
        campaigns, place = runs.resume(resume, results, port, say, options)
    else:
        chosen = _scenarios(scenario, app, interface, path, project, extras.blocks, duration, full, backend)
        chosen = [(runs.with_limits(one, limit or []), caveats) for one, caveats in chosen]
        for one, caveats in chosen:
            for words in caveats:
                say(f"{one.name}: {words} (FULL=1 or --full measures all)")
        request = runs.BenchRequest(
            python=python,
            profile=profile,
            explicit=(gil, free_threaded) if gil and free_threaded else None,
            project=project.resolve() if project else (Path.cwd() if app else None),
            port=port,
            quiet=quiet,
            against=extras.against,
            aa=aa,
            stopping=extras.stopping,
            options=options,
        )
        campaigns, place = runs.start(name or time.strftime("%Y%m%d-%H%M%S"), results, chosen, request, say)
    try:
        stopped = runs.run_campaigns(campaigns, place, quiet, say, longest)
    except KeyboardInterrupt:
        run = campaigns[0].description["run"]
        say(
            f"\ninterrupted; nothing is left running. Go on with: gilfree bench --resume {run}  (make bench RESUME={run})"
        )
        sys.exit(INTERRUPTED)
    tables = print_tables(campaigns, "json" if json_output else "text")
    failed = False
    if compared_too(campaigns):
        failed = broken(campaigns, extras.limits, json_output)
    say("results: " + ", ".join(str(campaign.folder) for campaign in campaigns))
    empty = [cell for table in tables for cell in table.empty_cells()]
    for cell in empty:
        print(f"gilfree: no accepted trial: {cell}", file=sys.stderr)
    if empty or stopped or failed:
        sys.exit(CHECK_FAILED)


def _scenarios(
    names: str,
    app: str | None,
    interface: str,
    path: str,
    project: Path | None,
    blocks: int | None,
    duration: str | None,
    full: bool,
    backend: str,
) -> list[tuple[Any, list[str]]]:
    """The scenarios to run with the caveats that come with how they were asked for."""
    from toolkit.bench import runs
    from toolkit.errors import GilfreeError
    from toolkit.host.cpus import physical_cores
    from toolkit.scenario.loading import load_scenario, scenario_for_app

    seconds = _seconds(duration, "--duration")
    if app:
        loaded = [scenario_for_app(app, interface, path, str(project) if project else None)]
    else:
        cores = len(physical_cores()) if backend == "local" else None  # elsewhere the place itself is asked
        loaded = [load_scenario(one.strip(), cores) for one in names.split(",") if one.strip()]
    if not loaded:
        raise GilfreeError("no scenario is named", "give --scenario asgi, or leave it away for all")
    chosen: list[tuple[Any, list[str]]] = []
    for one in loaded:
        if full:
            chosen.append((one.with_load(rounds=blocks, duration_seconds=seconds), []))
        else:
            cut, words = runs.quick_scenario(one, blocks, seconds)
            chosen.append((cut, [words]))
    return chosen


def _seconds(text: str | None, option: str) -> int | None:
    from toolkit.errors import GilfreeError
    from toolkit.units import whole_seconds_of

    try:
        return whole_seconds_of(text) if text else None
    except ValueError as error:
        raise GilfreeError(f"{option}: {error}") from None

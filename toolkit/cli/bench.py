"""`gilfree bench`: measure scenarios, or a service of your own, on both variants."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import (
    DEFAULT_PROFILE,
    DEFAULT_PYTHON,
    DEFAULT_RESULTS,
    AsJson,
    BackendName,
    ClusterFile,
    Context,
    Limits,
    Namespace,
    ProfileName,
    Python,
    Quiet,
    Registry,
    Results,
    RunName,
    Yes,
)
from toolkit.units import MAX_ROUNDS

if TYPE_CHECKING:
    from toolkit.scenario.model import Scenario


RESUMABLE = (
    *("resume", "results", "blocks", "limit", "max_duration", "fail_on", "port", "context", "namespace", "yes", "keep"),
    *("json_output", "quiet"),
)
"""The options that can go with --resume."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    invoked: typer.Context,
    scenario: Annotated[
        str, typer.Option(help="Scenarios by name or path, separated by commas.")
    ] = "asgi,wsgi,wsgi-threads",
    python: Python = DEFAULT_PYTHON,
    backend: BackendName = "local",
    blocks: Annotated[int | None, typer.Option(min=1, max=MAX_ROUNDS, help="Blocks at every point.")] = None,
    duration: Annotated[str | None, typer.Option(help="Length of each measured window: 5s, 1m.")] = None,
    profile: ProfileName = DEFAULT_PROFILE,
    limit: Limits = None,
    full: Annotated[
        bool, typer.Option("--full", help="Measure as the scenario says; the default is a quick run.")
    ] = False,
    resume: Annotated[str | None, typer.Option(help="Continue a run: its name, or `last`.")] = None,
    name: RunName = None,
    results: Results = DEFAULT_RESULTS,
    app: Annotated[str | None, typer.Option("--app", help="Your own service: pkg.module:app.")] = None,
    interface: Annotated[str, typer.Option(help="With --app: asgi or wsgi.")] = "asgi",
    path: Annotated[str, typer.Option(help="With --app: the path to load.")] = "/",
    project: Annotated[Path | None, typer.Option(help="With --app: the folder of the project to install.")] = None,
    gil: Annotated[str | None, typer.Option(help="Interpreter (or image) to use as the GIL build.")] = None,
    free_threaded: Annotated[
        str | None, typer.Option(help="Interpreter (or image) to use as the free-threaded build.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Baseline to measure in the same blocks: a setting (threads=8), requirements (old.txt), "
            "a version, or GIL,FREE.",
            metavar="BASELINE",
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            help="With --against: exit 1 if the whole interval is beyond it: 'requests_per_second<-5%'. Repeatable."
        ),
    ] = None,
    stop_when_sure: Annotated[
        bool,
        typer.Option(
            "--stop-when-sure",
            help="Stop a point when its intervals are narrow enough, at the latest after --blocks (20).",
        ),
    ] = False,
    half_width: Annotated[str, typer.Option(help="With --stop-when-sure: half-width of a narrow interval.")] = "3%",
    aa: Annotated[bool, typer.Option("--aa", help="Measure the GIL build twice in each block, as a check.")] = False,
    apart: Annotated[
        bool, typer.Option("--apart", help="Load one server after the other, instead of all of a block in turns.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Local: port of the server; a free one by default.")] = None,
    registry: Registry = None,
    context: Context = None,
    namespace: Namespace = None,
    yes: Yes = False,
    cluster: ClusterFile = None,
    keep: Annotated[bool, typer.Option("--keep", help="Kubernetes: do not remove Jobs and logs at the end.")] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            help="The time of the run: 14m. Points that do not fit are left out by name; time that is left gives more "
            "blocks to the points with the widest intervals."
        ),
    ] = None,
    max_duration: Annotated[str | None, typer.Option(help="Start no block after this time: 30m, 2h.")] = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure scenarios (or your own service with --app) on both variants and print the tables."""
    from toolkit.bench import runs
    from toolkit.bench.backends import check_backend
    from toolkit.bench.request import BackendOptions
    from toolkit.bench.resume import ResumeChanges
    from toolkit.bench.resume import resume as resume_run
    from toolkit.cli.bench_comparison import (
        comparison_options,
        is_compared,
        print_comparison_and_gate,
        refuse_budget_with,
        refuse_limits,
    )
    from toolkit.cli.shared.given import refuse_others
    from toolkit.cli.shared.last_words import last_words
    from toolkit.cli.shared.output import progress
    from toolkit.cli.shared.tables import print_tables
    from toolkit.cli.shared.values import check_both_interpreters, check_profile, seconds_of
    from toolkit.errors import CHECK_FAILED, INTERRUPTED

    check_backend(backend)
    check_profile(profile)
    check_both_interpreters(gil, free_threaded)
    say = progress(quiet)
    images = backend != "local"
    max_seconds = seconds_of("--max-duration", max_duration) if max_duration else None
    budget_seconds = seconds_of("--budget", budget) if budget else None
    refuse_budget_with(budget, stop_when_sure=stop_when_sure)
    compared = comparison_options(
        against, fail_on or [], stop_when_sure, half_width, blocks, full, resume, images=images
    )
    options = BackendOptions(backend, registry, context, namespace, yes, cluster, keep)
    if resume:
        refuse_others(invoked, RESUMABLE, "--resume continues a run as it was started")
        changes = ResumeChanges(limit or [], blocks) if limit or blocks else None
        campaigns, place = resume_run(resume, results, port, say, options, changes, gated=bool(compared.limits))
        refuse_limits([campaign.scenario for campaign in campaigns], compared.limits)
    else:
        chosen = _scenarios(
            scenario, app, interface, path, project, compared.blocks, duration, full, backend, limit or []
        )
        refuse_limits([one for one, _ in chosen], compared.limits)
        request = runs.BenchRequest(
            python=python,
            profile=profile,
            explicit=(gil, free_threaded) if gil and free_threaded else None,
            project=project.resolve() if project else (Path.cwd() if app else None),
            port=port,
            quiet=quiet,
            against=compared.against,
            aa=aa,
            apart=apart,
            stopping=compared.stopping,
            budget_seconds=budget_seconds,
            options=options,
        )
        chosen = runs.within_budget(chosen, request)
        for one, caveats in chosen:
            for words in caveats:
                say(f"{one.name}: {words} (FULL=1 or --full measures all)")
        campaigns, place = runs.start(name or time.strftime("%Y%m%d-%H%M%S"), results, chosen, request, say)
    try:
        stopped = runs.run_campaigns(campaigns, place, quiet, say, max_seconds)
    except KeyboardInterrupt:
        run = campaigns[0].description["run"]
        say(
            f"\ninterrupted; nothing is left running. Continue with: gilfree bench --resume {run}  (make bench RESUME={run})"
        )
        sys.exit(INTERRUPTED)
    tables = print_tables(campaigns, "json" if json_output else "text")
    failed = False
    if is_compared(campaigns):
        failed = print_comparison_and_gate(campaigns, compared.limits, json_output)
    say("results: " + ", ".join(str(campaign.folder) for campaign in campaigns))
    last = last_words(tables, stopped)
    for words in last:
        print(words, file=sys.stderr)
    if last or failed:
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
    limits: Sequence[str],
) -> list[tuple[Scenario, list[str]]]:
    """The scenarios to run, each with the caveats that follow from the options."""
    from toolkit.bench import runs
    from toolkit.cli.shared.values import seconds_of
    from toolkit.errors import GilfreeError
    from toolkit.host.cpus import physical_cores
    from toolkit.scenario.loading import load_scenario, scenario_for_app

    seconds = seconds_of("--duration", duration) if duration else None
    if app:
        loaded = [scenario_for_app(app, interface, path, str(project) if project else None)]
    else:
        cores = len(physical_cores()) if backend == "local" else None  # elsewhere the backend knows
        loaded = [load_scenario(one.strip(), cores) for one in names.split(",") if one.strip()]
    if not loaded:
        raise GilfreeError("no scenario is named", "give --scenario asgi, or omit --scenario to run all")
    chosen: list[tuple[Scenario, list[str]]] = []
    for one in loaded:
        if full:
            chosen.append((runs.with_limits(one.with_load(rounds=blocks, duration_seconds=seconds), limits), []))
        else:
            cut, words = runs.quick_scenario(one, blocks, seconds, limits)
            chosen.append((cut, [words]))
    return chosen

"""`gilfree knee`: the highest rate at which each variant keeps its SLO, and what to deploy for it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.shared.options import (
    DEFAULT_PROFILE,
    DEFAULT_PYTHON,
    DEFAULT_RESULTS,
    AsJson,
    BackendName,
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
    from toolkit.campaign.runner import Campaign
    from toolkit.scenario.model import Scenario

OUTPUT = ("headroom", "memory_headroom", "manifests", "images", "replicas", "results", "json_output", "quiet")
"""Options about what is printed and written, for any run."""
CONTINUED = (*OUTPUT, "resume", "limit", "budget", "verify", "registry", "context", "namespace", "yes")
"""Options of a run that continues; all others are as it was started."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(knee)


def knee(
    invoked: typer.Context,
    scenario: Annotated[str | None, typer.Argument(help="A scenario by name or path.")] = None,
    slo: Annotated[str, typer.Option(help="The objective: p99=50ms.")] = "p99=50ms",
    budget: Annotated[str | None, typer.Option(help="Measure no longer than this: 30m, 2h.")] = None,
    blocks: Annotated[
        int, typer.Option(min=1, max=MAX_ROUNDS, help="Blocks; each finds every knee once. `gilfree plan` needs 3.")
    ] = 3,
    point: Annotated[
        list[str] | None,
        typer.Option(help="Measure this point (json-w1-t64-c128) instead of each endpoint's first. Repeatable."),
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option(help="Measure all settings of this endpoint: threads 1..64 (WSGI), workers 1..cores (ASGI)."),
    ] = None,
    cpus: Annotated[str | None, typer.Option(help="Repeat with these server CPUs: 1,2,4.")] = None,
    headroom: Annotated[float | None, typer.Option(min=0.05, max=1, help="Share of a knee to plan with (0.7).")] = None,
    memory_headroom: Annotated[
        float | None, typer.Option(min=0, max=5, help="Memory to add to the highest measured (0.25).")
    ] = None,
    ladder: Annotated[str, typer.Option(help="Length of a window that searches for the knee.")] = "3s",
    confirm: Annotated[str, typer.Option(help="Length of a window that confirms the knee on a fresh server.")] = "6s",
    verify: Annotated[
        bool, typer.Option("--verify", help="Then test the knees: headroom x knee for 60 s, and 1.3 x knee.")
    ] = False,
    manifests: Annotated[
        Path | None, typer.Option(help="Write Deployments and HorizontalPodAutoscalers into this folder.")
    ] = None,
    images: Annotated[str | None, typer.Option(help="With --manifests: the images, GIL first: GIL,FREE.")] = None,
    replicas: Annotated[int, typer.Option(min=1, help="With --manifests: pods at the start.")] = 2,
    python: Python = DEFAULT_PYTHON,
    backend: BackendName = "local",
    profile: ProfileName = DEFAULT_PROFILE,
    limit: Limits = None,
    registry: Registry = None,
    context: Context = None,
    namespace: Namespace = None,
    yes: Yes = False,
    resume: Annotated[
        str | None, typer.Option(help="Continue a run: its name, or `last`. --budget then is the new total.")
    ] = None,
    of: Annotated[str | None, typer.Option("--of", help="Measure nothing; print the figures of this run.")] = None,
    name: RunName = None,
    results: Results = DEFAULT_RESULTS,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the highest constant rate that keeps an SLO, on both variants, and what to deploy for it.

    Exit 1 when a knee is missing, or with --verify when a knee does not hold.
    """
    from dataclasses import replace

    from toolkit.bench import runs
    from toolkit.bench.backends import check_backend
    from toolkit.bench.request import BackendOptions
    from toolkit.bench.resume import ResumeChanges
    from toolkit.bench.resume import resume as resume_run
    from toolkit.capacity.knee import run as measure
    from toolkit.capacity.knee.search import KneeRules
    from toolkit.capacity.knee.search_plan import KneeSettings
    from toolkit.capacity.knee.slo import p99_ms_of
    from toolkit.cli.knee_output import recommended, show_knees, write_knee_manifests
    from toolkit.cli.shared.output import progress
    from toolkit.cli.shared.values import seconds_of
    from toolkit.errors import CHECK_FAILED, INTERRUPTED, GilfreeError

    _refuse_what_cannot_apply(invoked, of, resume)
    say = progress(quiet)
    options = BackendOptions(backend, registry, context, namespace, yes)
    if manifests is not None and (images is None or images.count(",") != 1):
        raise GilfreeError("--manifests needs the images to deploy", "give --images GIL,FREE, by digest if you can")
    stopped: list[str] = []
    earlier_run = of or resume
    if earlier_run is not None:
        campaigns = runs.find_campaigns(earlier_run, results)
        _check_has_knee(campaigns)
        place = None
        if resume:
            changes = ResumeChanges(limit) if limit else None
            campaigns, place = resume_run(earlier_run, results, None, say, options, changes)
        if budget:
            _extend(campaigns, seconds_of("--budget", budget))
    else:
        if scenario is None:
            raise GilfreeError("no scenario is named", "gilfree knee asgi --slo p99=50ms")
        check_backend(backend)
        total = seconds_of("--budget", budget) if budget else None
        rules = KneeRules(
            p99_ms_of(slo),
            ladder_seconds=seconds_of("--ladder", ladder),
            confirm_seconds=seconds_of("--confirm", confirm),
        )
        chosen = _chosen(scenario, point or [], grid, cpus, backend)
        share = total // len(chosen) if total else None
        settings = KneeSettings(rules, blocks, share)
        shares: dict[str, Any] = {"headroom": headroom, "memory_headroom": memory_headroom}
        settings = replace(settings, **{key: share for key, share in shares.items() if share is not None})
        request = runs.BenchRequest(python, profile, None, None, None, quiet, knee=settings.data(), options=options)
        run = name or time.strftime("knee-%Y%m%d-%H%M%S")
        limited: list[tuple[Scenario, list[str]]] = [(runs.with_limits(one, limit or []), []) for one in chosen]
        campaigns, place = runs.start(run, results, limited, request, say)
    try:
        if of is None and place is not None:
            stopped += measure.run_searches(campaigns, place, quiet, say)
        if verify and place is not None:
            stopped += measure.run_verifications(campaigns, place, quiet, say)
    except KeyboardInterrupt:
        measure.profiles(campaigns)
        run = campaigns[0].description["run"]
        say(f"\ninterrupted; nothing is left running. What was measured is in profile.json: gilfree knee --of {run}")
        say(f"continue with: gilfree knee --resume {run}")
        sys.exit(INTERRUPTED)
    found = [recommended(campaign, headroom, memory_headroom) for campaign in campaigns]
    failed = show_knees(campaigns, found, verify, json_output)
    if manifests is not None and images is not None:
        write_knee_manifests(campaigns, found, manifests, images, replicas, say)
    say("results: " + ", ".join(str(campaign.folder) for campaign in campaigns))
    if failed or stopped:
        sys.exit(CHECK_FAILED)


def _refuse_what_cannot_apply(invoked: typer.Context, of: str | None, resume: str | None) -> None:
    """Raise GilfreeError for options that have no effect on what was asked."""
    from toolkit.cli.shared.given import given_options, refuse_others
    from toolkit.errors import GilfreeError

    if of is not None and resume is not None:
        raise GilfreeError("--of and --resume exclude each other", "--of prints a run, --resume continues it")
    if of is not None:
        refuse_others(invoked, (*OUTPUT, "of"), "--of measures nothing and prints a run as it was measured")
    if resume is not None:
        refuse_others(invoked, CONTINUED, "--resume continues a run as it was started")
    needless = [name for name in given_options(invoked) if name in ("images", "replicas")]
    if needless and "manifests" not in given_options(invoked):
        raise GilfreeError(f"--{needless[0]} has no effect without --manifests", "give --manifests FOLDER")


def _chosen(scenario: str, wanted: list[str], grid: str | None, cpus: str | None, backend: str) -> list[Scenario]:
    """The scenario with only the points to measure, once for each number of CPUs."""
    from toolkit.capacity.knee import run as measure
    from toolkit.errors import GilfreeError
    from toolkit.host.cpus import physical_cores, split_cpus
    from toolkit.scenario.loading import load_scenario
    from toolkit.units import cpus_of

    if grid is not None and wanted:
        raise GilfreeError("--grid and --point exclude each other", "give only one")
    cores = len(physical_cores())
    loaded = load_scenario(scenario, cores if backend == "local" else None)
    try:
        numbers = [cpus_of(one) for one in cpus.split(",")] if cpus else [None]
    except ValueError as error:
        raise GilfreeError(f"--cpus: {error}") from None
    found = []
    for number in numbers:
        asked = loaded.resources.server.cpus if number is None else number
        if grid is None:
            points = measure.choose_points(loaded, wanted)
        else:
            given = split_cpus(physical_cores(), "auto", loaded.resources.load.cpus).server if asked == "auto" else ()
            points = measure.grid_points(loaded, grid, len(given) or max(1, int(float(asked))))
        cut = measure.narrow_scenario(loaded, points, number)
        suffix = f"-cpu{number:g}".replace(".", "-") if number is not None else ""
        found.append(cut.model_copy(update={"name": f"{cut.name}{suffix}"}))
    return found


def _extend(campaigns: list[Campaign], budget_seconds: int) -> None:
    """Give a run that continues another budget."""
    for campaign in campaigns:
        share = budget_seconds // len(campaigns)
        campaign.description["knee"] = {**campaign.description["knee"], "budget_seconds": share}


def _check_has_knee(campaigns: list[Campaign]) -> None:
    from toolkit.capacity.knee.from_records import profile_of

    for campaign in campaigns:
        profile_of(campaign)  # refuses a campaign that did not look for a knee

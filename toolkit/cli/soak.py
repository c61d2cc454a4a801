"""`gilfree soak`: one long load on each variant: memory growth, latency drift, wrong answers."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import (
    DEFAULT_PROFILE,
    DEFAULT_PYTHON,
    DEFAULT_RESULTS,
    AsJson,
    ProfileName,
    Python,
    Quiet,
    Results,
)
from toolkit.console import Say

if TYPE_CHECKING:
    from toolkit.analysis.soak import Soak
    from toolkit.backends import Backend
    from toolkit.campaign.runner import Campaign


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(soak)


def soak(
    scenario: Annotated[str, typer.Argument(help="A scenario by name or path; its first point is used.")],
    length: Annotated[str, typer.Option("--for", help="How long to load each variant: 30m, 2h.")] = "30m",
    point: Annotated[
        str | None, typer.Option(help="Another point of the scenario, by its key: json-w1-t64-c128.")
    ] = None,
    python: Python = DEFAULT_PYTHON,
    profile: ProfileName = DEFAULT_PROFILE,
    results: Results = DEFAULT_RESULTS,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Load each variant for a long time. Exit 1 when answers were wrong or missing, or when a server failed."""
    import json

    from toolkit.analysis.soak import window_count
    from toolkit.bench import runs
    from toolkit.cli.shared.output import progress
    from toolkit.errors import CHECK_FAILED, GilfreeError
    from toolkit.scenario.loading import load_scenario
    from toolkit.units import whole_seconds_of

    say = progress(quiet)
    try:
        count, seconds = window_count(whole_seconds_of(length))
    except ValueError as error:
        raise GilfreeError(f"--for: {error}") from None
    loaded = load_scenario(scenario)
    points = {one.key: one for one in loaded.points()}
    if point is not None and point not in points:
        raise GilfreeError(f"{scenario} has no point {point!r}", f"its points are {', '.join(points)}")
    request = runs.BenchRequest(python, profile, None, None, None, quiet)
    run = time.strftime("soak-%Y%m%d-%H%M%S")
    short = loaded.with_load(duration_seconds=seconds, rounds=1)
    (campaign,), backend = runs.start(run, results, [(short, [f"soak of {length}"])], request, say)
    try:
        found = _run(campaign, backend, point or next(iter(points)), count, say)
    finally:
        backend.close()
    if json_output:
        print(json.dumps([one.data() for one in found], indent=1, allow_nan=False))
    else:
        from toolkit.report.soak import text

        for one in found:
            print(text(one))
    say(f"results: {campaign.folder}")
    if any(one.failed for one in found):
        sys.exit(CHECK_FAILED)


def _run(campaign: Campaign, backend: Backend, point: str, count: int, say: Say) -> list[Soak]:
    import json

    from toolkit.analysis.soak import soak_of, soak_windows
    from toolkit.campaign.contrasts import main_arms
    from toolkit.records.store import record
    from toolkit.trial.block import alone
    from toolkit.trial.model import Trial

    chosen = next(one for one in campaign.scenario.points() if one.key == point)
    backend.prepare(campaign.scenario, campaign.arms)
    found = []
    with campaign.write_lock():
        for arm in main_arms(campaign.arms):
            load = campaign.scenario.load
            windows = soak_windows(count, load.duration_seconds, load.rate_rps)
            trial = Trial(campaign.name, campaign.scenario, chosen, 0, arm, 1, windows=windows)
            say(f"{arm.name} {point}: {count} windows of {campaign.scenario.load.duration_seconds} s")
            frames = []
            with (campaign.folder / "logs" / f"{trial.id}.jsonl").open("w") as log:
                for frame in backend.run(alone(trial), backend.slots()[0]):
                    frames.append(frame)
                    log.write(json.dumps(frame, separators=(",", ":")) + "\n")
                    if frame["kind"] == "window_end":
                        say(f"  {arm.name} {frame['name']}: {frame['validated']['wrong']} wrong answers")
            one = record(trial, frames)
            campaign.store.append(one)
            found.append(soak_of(trial.scenario, one, frames))
    return found

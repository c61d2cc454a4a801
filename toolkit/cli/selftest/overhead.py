"""`gilfree selftest overhead`: how much throughput the agents of gilfree cost."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_PROFILE, DEFAULT_PYTHON, AsJson, ProfileName, Python


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(overhead)


def overhead(
    scenario: Annotated[str, typer.Option(help="Scenario whose first point is measured.")] = "asgi",
    python: Python = DEFAULT_PYTHON,
    profile: ProfileName = DEFAULT_PROFILE,
    pairs: Annotated[int, typer.Option(min=10, help="Interleaved pairs of measurements for each variant.")] = 12,
    duration: Annotated[int, typer.Option(min=1, help="Length of each measured window in seconds.")] = 5,
    json_output: AsJson = False,
) -> None:
    """Compare requests/s under the agents of gilfree with Granian and rewrk started by hand.

    It is done at the scenario's first point, and at a slow endpoint: 10 ms of CPU an answer, 12 connections. Exit 1 when
    a whole interval shows a cost above 2%; 0 on a machine too noisy to tell, which is printed.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from toolkit import paths
    from toolkit.backends.local.backend import LocalBackend
    from toolkit.cli.shared.output import progress
    from toolkit.errors import CHECK_FAILED
    from toolkit.loadgen.binaries import ensure_binary
    from toolkit.pythons.environment import pair_environments
    from toolkit.pythons.find import find_pair
    from toolkit.pythons.lock import load_lock
    from toolkit.scenario.loading import load_scenario
    from toolkit.selftest.overhead import SLOW_APP_DIRECTORY, measure, shortened, slow_scenario
    from toolkit.trial.model import Arm

    say = progress()
    pair = find_pair(python, profile=profile, say=say)
    gil, free_threaded = pair_environments(pair, load_lock().resolve(python).requirements(), None, say)
    rewrk = ensure_binary("rewrk", say)
    arms = (
        Arm(pair.gil.variant, "gil", str(gil)),
        Arm(pair.free_threaded.variant, "free-threaded", str(free_threaded)),
    )
    found = []
    for chosen, app_directory in (
        (shortened(load_scenario(scenario), duration), Path(paths.shipped("images") / "app")),
        (slow_scenario(duration), SLOW_APP_DIRECTORY),
    ):
        backend = LocalBackend(rewrk.path, app_directory)
        try:
            for arm in arms:
                say(f"{arm.name} {chosen.points()[0].key}: {pairs} pairs")
                found.append(measure(chosen, arm, backend, rewrk.path, pairs, say))
        finally:
            backend.close()
    if json_output:
        print(json.dumps([{**asdict(one), "verdict": one.verdict} for one in found], indent=1))
    else:
        for one in found:
            print(
                f"{one.arm} {one.point}: with agents / by hand = {one.ratio:.4f}, 95% interval {one.low:.4f} to"
                f" {one.high:.4f}, {one.pairs} pairs: the agents cost {1 - one.ratio:+.1%} of throughput: {one.verdict}"
            )
    if any(one.verdict == "above 2%" for one in found):
        sys.exit(CHECK_FAILED)

"""`gilfree selftest turns`: whether loading servers in turns changes what is measured, and by how much it helps."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from toolkit.cli.shared.options import DEFAULT_PROFILE, DEFAULT_PYTHON, AsJson, Limits, ProfileName, Python


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(turns)


def turns(
    python: Python = DEFAULT_PYTHON,
    profile: ProfileName = DEFAULT_PROFILE,
    blocks: Annotated[int, typer.Option(min=3, help="Blocks of each comparison inside blocks.")] = 40,
    spread_blocks: Annotated[int, typer.Option(min=3, help="Blocks in turns, and as many apart, at two points.")] = 15,
    limit: Limits = None,
    json_output: AsJson = False,
) -> None:
    """Compare, inside blocks, short windows with long ones and idle servers with stopped ones; find a planted difference.

    Then compare the spread over blocks in turns with that over blocks apart. It takes over an hour. Exit 1 when an interval
    lies wholly outside of what is allowed; 0 on a machine too noisy to tell, which is printed.
    """
    import json
    from dataclasses import asdict

    from toolkit import paths
    from toolkit.backends.local.backend import LocalBackend
    from toolkit.bench.runs import quick_scenario, with_limits
    from toolkit.cli.shared.output import progress
    from toolkit.errors import CHECK_FAILED
    from toolkit.loadgen.binaries import ensure_binary
    from toolkit.pythons.environment import pair_environments
    from toolkit.pythons.find import find_pair
    from toolkit.pythons.lock import load_lock
    from toolkit.scenario.loading import load_scenario
    from toolkit.selftest.overhead import SLOW_APP_DIRECTORY
    from toolkit.selftest.turns import double_differences, planted_difference, planted_scenarios, spread
    from toolkit.trial.model import Arm

    say = progress()
    pair = find_pair(python, profile=profile, say=say)
    gil, free_threaded = pair_environments(pair, load_lock().resolve(python).requirements(), None, say)
    arms = (
        Arm(pair.gil.variant, "gil", str(gil)),
        Arm(pair.free_threaded.variant, "free-threaded", str(free_threaded)),
    )
    rewrk = ensure_binary("rewrk", say).path
    asgi, wsgi = (quick_scenario(load_scenario(name), None, None, limit or ())[0] for name in ("asgi", "wsgi"))
    plain, planted = (with_limits(one, limit or ()) for one in planted_scenarios())
    sample, own = LocalBackend(rewrk, paths.shipped("images") / "app"), LocalBackend(rewrk, SLOW_APP_DIRECTORY)
    try:
        sample.prepare(asgi, arms)
        found = double_differences(asgi, arms, sample, blocks, say)
        spreads = [spread(one, arms, sample, spread_blocks, say) for one in (asgi, wsgi)]
        sample.close()
        own.prepare(plain, arms[:1])
        found += planted_difference(plain, planted, arms[0], own, blocks, say)
    finally:
        sample.close()
        own.close()
    if json_output:
        findings = [{**asdict(one), "shown": one.shown} for one in found]
        print(json.dumps({"findings": findings, "spreads": [asdict(one) for one in spreads]}, indent=1))
    else:
        print("\n".join([*(one.text() for one in found), *(one.text() for one in spreads)]))
    if any(one.shown == "no" for one in found):
        sys.exit(CHECK_FAILED)

"""`gilfree selftest overhead`: what gilfree itself costs the server it measures."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(overhead)


def overhead(
    scenario: Annotated[str, typer.Option(help="The scenario whose first point is used.")] = "asgi",
    python: Annotated[str, typer.Option(help="A series or an exact version of gilfree.lock.")] = "3.14",
    profile: Annotated[str, typer.Option(help="fast or release.")] = "fast",
    pairs: Annotated[int, typer.Option(min=10, help="Interleaved pairs for each variant.")] = 12,
    duration: Annotated[int, typer.Option(min=1, help="Seconds of each measured window.")] = 5,
    json_output: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compare requests/s with gilfree's agents to Granian and rewrk started by hand.

    Exit 1 when the agents surely cost more than 2 %; a noisy machine is said to be one and exits 0.
    """
    import json
    from dataclasses import asdict
    from pathlib import Path

    from toolkit import paths
    from toolkit.backends.local.backend import LocalBackend
    from toolkit.errors import CHECK_FAILED
    from toolkit.loadgen.binaries import ensure_binary
    from toolkit.pythons.environment import pair_environments
    from toolkit.pythons.find import find_pair
    from toolkit.pythons.lock import load_lock
    from toolkit.scenario.loading import load_scenario
    from toolkit.selftest.overhead import TOO_WIDE, cut, measure
    from toolkit.trial.model import Arm

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    pair = find_pair(python, profile=profile, say=say)
    gil, free_threaded = pair_environments(pair, load_lock().resolve(python).requirements(), None, say)
    rewrk = ensure_binary("rewrk", say)
    backend = LocalBackend(rewrk.path, Path(paths.shipped("images") / "app"))
    chosen = cut(load_scenario(scenario), duration)
    found = []
    try:
        for arm in (
            Arm(pair.gil.variant, "gil", str(gil)),
            Arm(pair.free_threaded.variant, "free-threaded", str(free_threaded)),
        ):
            say(f"{arm.name} {chosen.points()[0].key}: {pairs} pairs")
            found.append(measure(chosen, arm, backend, rewrk.path, pairs, say))
    finally:
        backend.close()
    if json_output:
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            words = "too noisy" if one.too_noisy else f"the agents cost {1 - one.ratio:+.1%} of throughput"
            print(
                f"{one.arm} {one.point}: with agents / by hand = {one.ratio:.4f},"
                f" 95 % interval {one.low:.4f} to {one.high:.4f}, {one.pairs} pairs: {words}"
            )
    if any(not one.too_noisy and one.high < 1 - TOO_WIDE for one in found):
        sys.exit(CHECK_FAILED)

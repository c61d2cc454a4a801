"""`gilfree selftest simulate`: how often verdicts are right, on simulated campaigns whose truth is known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli.shared.options import AsJson

if TYPE_CHECKING:
    from toolkit.selftest.simulate import Row
    from toolkit.selftest.simulate_failures import FailureRow
    from toolkit.selftest.simulate_quick import QuickRow

FAST_CAMPAIGNS = 200
HEAD = "ratio  noise   covered    false    found   equiv.  inconcl.  blocks"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    campaigns: Annotated[
        int, typer.Option(min=1, help="Simulated campaigns per row (2,000 take three minutes).")
    ] = 2000,
    fast: Annotated[
        bool, typer.Option("--fast", help=f"{FAST_CAMPAIGNS} campaigns per row, which takes seconds.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the random numbers; the same seed gives the same table.")
    ] = 1,
    json_output: AsJson = False,
) -> None:
    """Simulate campaigns with known truth, and print coverage, false verdicts and power. Exit 1 if a promise is broken."""
    from toolkit import errors

    try:
        from toolkit.selftest import simulate as simulation
        from toolkit.selftest.simulate_failures import simulate_failures
        from toolkit.selftest.simulate_quick import simulate_quick
    except ImportError as error:
        raise errors.GilfreeError(
            f"statistics need numpy and scipy: {error}", 'install them with: pip install "gilfree[stats]"'
        ) from error

    if fast:
        campaigns = FAST_CAMPAIGNS
    if json_output:
        quick = list(simulate_quick(campaigns, seed))
        rows, failures = list(simulation.simulate(campaigns, seed)), list(simulate_failures(campaigns, seed))
        print(_json(rows, quick, failures, campaigns, seed))
    else:
        quick = _print_quick(campaigns, seed)
        rows = _print_as_they_come(campaigns, seed)
        failures = _print_failures(campaigns, seed)
    if any(row.broken for row in quick) or any(row.broken for row in rows) or any(row.broken for row in failures):
        sys.exit(errors.CHECK_FAILED)


def _print_quick(campaigns: int, seed: int) -> list[QuickRow]:
    from toolkit.selftest import simulate_quick as simulation
    from toolkit.selftest.simulate import MIN_COVERAGE

    points = simulation.POINTS_EACH * len(simulation.BLOCK_NOISES)
    print(
        f"== Quick procedure (the default): {campaigns} simulated runs a kind and ratio, {points} points each, seed {seed}"
    )
    print(
        "Shares of intervals of requests/s and of memory that cover the truth; of points with a false verdict; of points"
    )
    print("whose true direction of requests/s is found; median half-width of requests/s; mean number of blocks.")
    rows: list[QuickRow] = []
    for row in simulation.simulate_quick(campaigns, seed):
        if not rows or rows[-1].kind != row.kind:
            print(f"\n{row.kind}: {simulation.KINDS[row.kind]}")
            print("ratio  block SD  requests/s   memory    false    found  half-width  blocks")
        found = f"{row.found:8.1%}" if row.ratio != 1 else "       –"
        print(
            f"{row.ratio:5.2f} {row.noise:9.1%} {row.coverage:11.1%} {row.memory_coverage:8.1%} {row.false:8.1%} {found}"
            f" {row.half_width:11.1%} {row.blocks:7.1f}" + "".join(f"  BROKEN: {one}" for one in row.broken),
            flush=True,
        )
        rows.append(row)
    print(
        f"\nPromised: coverage at least {MIN_COVERAGE:.0%}; false verdicts at most {simulation.MAX_FALSE_QUICK:.1%} of points."
    )
    broken = sum(bool(row.broken) for row in rows)
    print(
        f"{broken} of {len(rows)} rows break a promise.\n" if broken else f"All {len(rows)} rows keep every promise.\n"
    )
    print("== Full procedure")
    return rows


def _print_as_they_come(campaigns: int, seed: int) -> list[Row]:
    from toolkit.analysis.stats.stopping import CORRECTION, StoppingRule
    from toolkit.selftest import simulate as simulation

    rule = StoppingRule()
    print(
        f"{campaigns} simulated campaigns a row, {simulation.FAMILY} metrics each, seed {seed}. Shares of intervals that"
    )
    print("cover the truth; of campaigns with a false verdict; of metrics whose true direction is")
    print("found, that are called equivalent, inconclusive; mean number of blocks.")
    plans = {
        "fixed": f"Fixed, {simulation.BLOCKS} blocks, analysed once",
        "early stopping": f"Analysed after every block from {rule.first} to {rule.limit}, stopped at "
        f"±{rule.half_width:.0%}; correction: {CORRECTION}",
    }
    rows: list[Row] = []
    for row in simulation.simulate(campaigns, seed):
        if not rows or rows[-1].plan != row.plan:
            print(f"\n== {plans[row.plan]}")
        if not rows or (rows[-1].plan, rows[-1].kind) != (row.plan, row.kind):
            shown = "" if row.kind in simulation.PROMISED_KINDS else " (shown only: nothing is promised here)"
            print(f"\n{row.kind}: {simulation.KINDS[row.kind]}{shown}\n{HEAD}")
        print(_line(row), flush=True)
        rows.append(row)
    broken = sum(bool(row.broken) for row in rows)
    limit = 100 * simulation.slack(simulation.MAX_FALSE, campaigns)
    allowed = f" (for so few campaigns 3 standard errors more are allowed, here ±{limit:.1f}% at 5%)" if limit else ""
    print(
        f"\nPromised: coverage at least {simulation.MIN_COVERAGE:.0%}; false verdicts in at most {simulation.MAX_FALSE:.0%}"
    )
    print(
        f"of campaigns; equal arms with up to {simulation.QUIET_NOISE:.1%} noise equivalent in {simulation.MIN_EQUIVALENT:.0%};"
    )
    print(f"stopped early, quiet ones need {simulation.MAX_TRIALS_SHARE:.0%} of {rule.limit} blocks at most{allowed}.")
    print(f"{broken} of {len(rows)} rows break a promise." if broken else f"All {len(rows)} rows keep every promise.")
    return rows


def _print_failures(campaigns: int, seed: int) -> list[FailureRow]:
    from toolkit.selftest.simulate_failures import simulate_failures

    print("\n== Arms that fail by themselves, the candidate faster and smaller in the trials that count")
    print(
        "true failure rate of candidate and baseline; interval covers the candidate's; better choice although it failed;"
    )
    print("better choice: candidate (it did not fail in that campaign), baseline; difference claimed of equal rates")
    print("candidate  baseline  blocks   covered  failed+better  candidate  baseline   false")
    rows = []
    for row in simulate_failures(campaigns, seed):
        broken = "".join(f"  BROKEN: {one}" for one in row.broken)
        print(
            f"{row.candidate_rate:9.0%} {row.baseline_rate:9.0%} {row.blocks:7} {row.coverage:9.1%}"
            f" {row.better_though_failed:14.1%} {row.candidate_better:10.1%} {row.baseline_better:9.1%}"
            f" {row.false_difference:7.1%}{broken}",
            flush=True,
        )
        rows.append(row)
    return rows


def _line(row: Row) -> str:
    found = f"{row.found:8.1%}" if row.ratio != 1 else "       –"
    return (
        f"{row.ratio:5.2f}  {row.noise:5.1%}  {row.coverage:8.1%} {row.false:8.1%} {found} {row.equivalent:8.1%} "
        f"{row.inconclusive:9.1%} {row.blocks:7.1f}" + "".join(f"  BROKEN: {one}" for one in row.broken)
    )


def _json(rows: list[Row], quick: list[QuickRow], failures: list[FailureRow], campaigns: int, seed: int) -> str:
    import json
    from dataclasses import asdict

    from toolkit.selftest import simulate as simulation
    from toolkit.selftest.simulate_quick import MAX_FALSE_QUICK

    limits = {
        "min_coverage": simulation.MIN_COVERAGE,
        "max_false": simulation.MAX_FALSE,
        "min_equivalent": simulation.MIN_EQUIVALENT,
        "max_false_quick": MAX_FALSE_QUICK,
        "max_trials_share": simulation.MAX_TRIALS_SHARE,
    }
    about = {"simulate_schema": 1, "campaigns": campaigns, "seed": seed, "metrics": simulation.FAMILY}
    return json.dumps(
        {**about, "limits": limits, "kinds": simulation.KINDS, "rows": [asdict(row) for row in rows]}
        | {"quick": [asdict(row) for row in quick]}
        | {"failures": [asdict(row) for row in failures]},
        indent=1,
    )

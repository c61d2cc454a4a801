"""`gilfree bench --against, --fail-on, --stop-when-sure`: these options as read, and the comparison that they print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.analysis.gate import Limit
    from toolkit.campaign.runner import Campaign
    from toolkit.scenario.model import Scenario
    from toolkit.trial.baseline import Baseline


@dataclass(frozen=True)
class ComparisonOptions:
    """The options as read. blocks: --blocks, or under early stopping the most blocks that a point may take."""

    against: Baseline | None
    limits: tuple[Limit, ...]
    stopping: Mapping[str, Any] | None
    blocks: int | None


def comparison_options(
    against: str | None,
    fail_on: Sequence[str],
    stop_when_sure: bool,
    half_width: str,
    blocks: int | None,
    full: bool,
    resume: str | None,
    *,
    images: bool = False,
) -> ComparisonOptions:
    """Read the options before anything starts.

    images: whether the arms are images. Raises GilfreeError for values and combinations that mean nothing.
    """
    from toolkit.analysis.gate import parse_limit
    from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS
    from toolkit.errors import GilfreeError
    from toolkit.trial.baseline import parse_baseline

    limits = tuple(parse_limit(text) for text in fail_on)
    baseline = parse_baseline(against, images=images) if against else None
    if limits and baseline is None and not resume:
        raise GilfreeError(
            "--fail-on without --against: there is no baseline to compare with",
            "give the baseline with --against; a gate uses only what was measured in the same blocks",
        )
    stopping = _stopping(half_width, blocks) if stop_when_sure else None
    enough = stopping is not None or (blocks or (MIN_BLOCKS if full else 0)) >= MIN_BLOCKS
    if limits and not enough and not resume:  # a resumed run is judged by what it began with
        raise GilfreeError(
            f"--fail-on with fewer than {MIN_BLOCKS} blocks: a quick run does not fail a build",
            f"give --blocks {MIN_BLOCKS} or more",
        )
    return ComparisonOptions(baseline, limits, stopping, stopping["limit"] if stopping else blocks)


def _stopping(half_width: str, blocks: int | None) -> dict[str, Any]:
    from dataclasses import asdict

    from toolkit.analysis.stats.stopping import MAX_LIMIT, StoppingRule
    from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS
    from toolkit.errors import GilfreeError

    if blocks is not None and blocks < MIN_BLOCKS:
        raise GilfreeError(
            f"--stop-when-sure with --blocks {blocks}: no point may stop before {MIN_BLOCKS} blocks",
            f"give at least --blocks {MIN_BLOCKS}, or omit --blocks for {StoppingRule().limit}",
        )
    if blocks is not None and blocks > MAX_LIMIT:
        raise GilfreeError(
            f"--stop-when-sure with --blocks {blocks}: its corrections go to {MAX_LIMIT} blocks at a point",
            f"give at most --blocks {MAX_LIMIT}, or omit --stop-when-sure",
        )
    try:
        share = float(half_width.strip().removesuffix("%")) / 100
        rule = StoppingRule(limit=blocks or StoppingRule().limit, half_width=share)
    except ValueError:
        raise GilfreeError(f"--half-width {half_width}: not a share between 0 and 100%", "write it as 3%") from None
    return asdict(rule)


def refuse_budget_with(budget: str | None, *, stop_when_sure: bool) -> None:
    """Raise GilfreeError for a time budget with --stop-when-sure: each of them decides how many blocks a point gets."""
    from toolkit.errors import GilfreeError

    if budget and stop_when_sure:
        raise GilfreeError(
            f"--budget {budget} with --stop-when-sure: both decide how many blocks a point gets",
            "omit one of them; --max-duration ends a run that stops when sure after a time",
        )


def refuse_limits(scenarios: Sequence[Scenario], limits: Sequence[Limit]) -> None:
    """Raise GilfreeError for a limit of --fail-on on a metric that one of the scenarios does not find out."""
    if limits:
        from toolkit.analysis.gate import refuse_unmeasured

        for one in scenarios:
            refuse_unmeasured(limits, one)


def is_compared(campaigns: Sequence[Campaign]) -> bool:
    """Whether the campaigns have a baseline, an A/A arm or early stopping: then their comparison is printed too."""
    return any(
        campaign.description.get("stopping") or any(arm.side != "main" for arm in campaign.arms)
        for campaign in campaigns
    )


def print_comparison_and_gate(campaigns: Sequence[Campaign], limits: Sequence[Limit], json_output: bool) -> bool:
    """Print the comparisons (not with JSON) and, on standard error, each limit of --fail-on; return whether one is broken."""
    from toolkit.analysis.compare import compare
    from toolkit.analysis.gate import check_limits
    from toolkit.cli.compare import print_comparisons
    from toolkit.report.verdicts import limit_words

    found = [compare(one) for one in campaigns] if json_output else print_comparisons(list(campaigns), False)
    failed = False
    for comparison in found:
        for one in check_limits(limits, comparison):
            failed = failed or one.state == "broken"
            print(f"gate {limit_words(one)}", file=sys.stderr)
    return failed

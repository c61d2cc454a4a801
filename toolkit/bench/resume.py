"""Resuming a run: on the same machine, interpreters and packages as before, or not at all; with other limits or rounds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.analysis.stats.verdict_rule import MIN_BLOCKS
from toolkit.backends import Backend
from toolkit.bench import backends
from toolkit.bench.request import BackendOptions
from toolkit.bench.runs import find_campaigns, with_limits
from toolkit.campaign.description import SCHEMA
from toolkit.campaign.runner import Campaign
from toolkit.console import Say
from toolkit.errors import GilfreeError

MAX_NAMED = 8


@dataclass(frozen=True)
class ResumeChanges:
    """What a resumed run is to do otherwise: `limits`, each as name=value, and the number of `blocks` at every point."""

    limits: Sequence[str] = ()
    blocks: int | None = None

    def caveat(self) -> str:
        """What was changed, as a sentence for reports."""
        parts = [f"limits {', '.join(self.limits)}"] if self.limits else []
        parts += [f"{self.blocks} blocks at every point"] if self.blocks else []
        return f"resumed on {time.strftime('%Y-%m-%d')} with {' and '.join(parts)}"


def resume(
    run: str,
    results: Path,
    port: int | None,
    say: Say,
    options: BackendOptions | None = None,
    changes: ResumeChanges | None = None,
    *,
    gated: bool = False,
) -> tuple[list[Campaign], Backend]:
    """The campaigns of a run that was started earlier, and the backend that it was started on.

    changes: what is to be different from now on; it is written into campaign.json with a caveat. gated: whether --fail-on
    will judge the result, which needs a baseline and enough blocks. Raises GilfreeError when these are missing, when
    there is no such run, when something that it was started with no longer exists or has changed, and for a campaign of
    an older schema.
    """
    campaigns = find_campaigns(run, results)
    for campaign in campaigns:
        if campaign.description["schema"] != SCHEMA:
            raise GilfreeError(
                f"{campaign.name} was measured by gilfree {campaign.description.get('gilfree', 'of an earlier version')}"
                f" (schema {campaign.description['schema']}): it can be shown, compared and reported, not continued",
                "start a new run",
            )
    first = campaigns[0]
    changed = [changed_campaign(campaign, changes) for campaign in campaigns] if changes else campaigns
    if gated:
        check_gate(changed)
    backend = backends.reopen(first.description, first.arms, options or BackendOptions(), port)
    try:
        now = backends.identity(first.description, first.arms, backend)
        for campaign in campaigns:
            check_identity(
                campaign, {**now, "cpus": backends.cpu_sets(campaign.description, campaign.scenario, backend)}
            )
    except BaseException:
        backend.close()
        raise
    if changes:
        campaigns = [Campaign.replace(one.folder, one.description) for one in changed]
    say(
        f"resuming run {first.description.get('run', first.name)}: {', '.join(campaign.name for campaign in campaigns)}"
    )
    return campaigns, backend


def check_gate(campaigns: Sequence[Campaign]) -> None:
    """Raises GilfreeError when no limit of --fail-on could ever fail on these campaigns: without a baseline, or with too
    few blocks for a verdict."""
    without = [one.name for one in campaigns if all(arm.side != "reference" for arm in one.arms)]
    if without:
        raise GilfreeError(
            f"--fail-on: {', '.join(without)} has no baseline to compare with",
            "start a new run with --against; a gate uses only what was measured in the same blocks",
        )
    rounds = {
        one.name: (one.description.get("stopping") or {}).get("limit", one.scenario.load.rounds) for one in campaigns
    }
    few = [f"{name} ({blocks})" for name, blocks in rounds.items() if blocks < MIN_BLOCKS]
    if few:
        raise GilfreeError(
            f"--fail-on with fewer than {MIN_BLOCKS} blocks, a quick run does not fail a build: {', '.join(few)}",
            f"continue with --blocks {MIN_BLOCKS} or more",
        )


def changed_campaign(campaign: Campaign, changes: ResumeChanges) -> Campaign:
    """The campaign with these changes in its description; nothing is written. Pure.

    Raises GilfreeError for a limit that does not exist, and for `blocks` where a search for knees decides.
    """
    description = dict(campaign.description)
    scenario = with_limits(campaign.scenario, changes.limits)
    if changes.blocks is not None:
        if description.get("knee"):
            raise GilfreeError(
                "--blocks: a search for knees keeps its number of blocks", "omit --blocks, or start a new run"
            )
        scenario = scenario.with_load(rounds=changes.blocks)
        description.pop("budget", None)  # the number of blocks decides from now on
        if description.get("stopping"):
            description["stopping"] = {**description["stopping"], "limit": changes.blocks}
    description["scenario"] = scenario.model_dump(mode="json")
    description["caveats"] = [*description.get("caveats", []), changes.caveat()]
    entry = {"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "limits": list(changes.limits), "blocks": changes.blocks}
    description["resumed"] = [*description.get("resumed", []), {**entry, "command": sys.argv}]
    return Campaign(campaign.folder, description)


def check_identity(campaign: Campaign, now: Mapping[str, Any]) -> None:
    """Raises GilfreeError naming what changed since the campaign began: its trials would be of two different things.

    now: the identity as `backends.identity` gives it, with `cpus`. Only what campaign.json holds is compared.
    """
    before = {**campaign.description.get("identity", {}), "cpus": campaign.description.get("cpus", {})}
    found = [text for name in before if before[name] for text in differences(name, before[name], now.get(name))]
    if not found:
        return
    more = [f"and {len(found) - MAX_NAMED} more"] if len(found) > MAX_NAMED else []
    raise GilfreeError(
        f"{campaign.name} cannot be continued, its trials would not be comparable: {'; '.join([*found[:MAX_NAMED], *more])}",
        "restore what it began with, or start a new run",
    )


def differences(name: str, before: Any, now: Any) -> Iterator[str]:
    """What differs between two values of a part of the identity, each as text: `machine kernel was 6.1, is 6.2`. Pure."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted(before.keys() | now.keys()):
            yield from differences(f"{name} {key}", before.get(key), now.get(key))
    elif _plain(before) != _plain(now):
        yield f"{name} was {_text(before)}, is {_text(now)}"


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _text(value: Any) -> str:
    if value is None:
        return "absent"
    return ",".join(str(one) for one in value) if isinstance(value, (list, tuple)) else str(value)

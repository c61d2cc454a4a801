"""Runs: started, resumed, found by name, and run to their end. `gilfree bench` and `make bench` are this.

A run is one campaign for each scenario, named `<run>-<scenario>`. All are written before the first trial starts, so
that a killed run can be resumed with everything that it was to do.
"""

from __future__ import annotations

import difflib
import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit.analysis.compare import compare
from toolkit.analysis.early_stopping import EarlyStoppingPlan, stopping_rule
from toolkit.analysis.families import primary_metrics
from toolkit.backends import Backend, DescriptionStore
from toolkit.bench import backends, budget
from toolkit.bench.request import BenchRequest as BenchRequest
from toolkit.campaign.budget import BudgetPlan
from toolkit.campaign.contrasts import contrasts
from toolkit.campaign.description import read_description
from toolkit.campaign.modes import campaign_mode
from toolkit.campaign.plan import FixedMatrix, Plan, concluded_blocks
from toolkit.campaign.progress import Progress
from toolkit.campaign.runner import Campaign
from toolkit.console import Say, to_stderr
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.scenario.model import Limits, Scenario
from toolkit.trial.baseline import check_baseline, repeated_arms
from toolkit.trial.model import Arm

QUICK_BLOCKS, QUICK_DURATION_SECONDS, QUICK_WARMUP_SECONDS = 5, 5, 2
QUICK_DISTURBANCE = 0.10
"""The least limit of foreign and of stolen CPU time in a quick run, which tolerates a machine that is not quite idle."""


def quick_scenario(
    scenario: Scenario, blocks: int | None, duration_seconds: int | None, changes: Sequence[str] = ()
) -> tuple[Scenario, str]:
    """A scenario shortened for a first look, and the caveat that says what was shortened. Pure.

    blocks, duration_seconds: what the user gave, else the defaults of a quick run. changes: `name=value` of each limit that
    the user gave, which replace those of a quick run.
    """
    short = scenario.with_load(
        rounds=blocks or QUICK_BLOCKS,
        duration_seconds=duration_seconds or QUICK_DURATION_SECONDS,
        warmup_seconds=min(QUICK_WARMUP_SECONDS, scenario.load.warmup_seconds),
    )
    own = scenario.limits
    raised = {"foreign_cpu": max(QUICK_DISTURBANCE, own.foreign_cpu), "steal": max(QUICK_DISTURBANCE, own.steal)}
    short = with_limits(short.model_copy(update={"limits": own.model_copy(update=raised)}), changes)
    limits = short.limits
    full, now = scenario.load, short.load
    caveat = (
        f"quick run: {now.rounds} blocks instead of {full.rounds}, {now.duration_seconds} s windows instead of"
        f" {full.duration_seconds} s, {now.warmup_seconds} s warm-up instead of {full.warmup_seconds} s,"
        f" up to {limits.foreign_cpu:.0%} of the server's CPU time may go to other processes (instead of {own.foreign_cpu:.0%})"
        f" and {limits.steal:.0%} to the host (instead of {own.steal:.0%})"
    )
    return short, caveat


def with_limits(scenario: Scenario, changes: Sequence[str]) -> Scenario:
    """The scenario with its limits changed by each `name=value`. Raises GilfreeError naming the wrong one. Pure."""
    if not changes:
        return scenario
    given = dict(change.partition("=")[::2] for change in changes)
    try:
        limits = Limits.model_validate({**scenario.limits.model_dump(), **given})
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        wrong = "there is no such limit" if problem["type"] == "extra_forbidden" else problem["msg"]
        known = ", ".join(Limits.model_fields)
        raise GilfreeError(f"--limit {name}={given.get(name, '')}: {wrong}", f"the limits are {known}") from None
    return scenario.model_copy(update={"limits": limits})


def start(
    run: str, results: Path, scenarios: Sequence[tuple[Scenario, list[str]]], request: BenchRequest, say: Say
) -> tuple[list[Campaign], Backend]:
    """Prepare the backend and write the campaigns of a new run.

    scenarios: each with its caveats. Returns the campaigns in their order, and the backend to run them on. Raises
    GilfreeError when the request does not fit a scenario, or when the backend cannot be prepared.
    """
    for scenario, _ in scenarios:
        if request.against is not None:
            check_baseline(request.against, scenario)
    prepared = backends.prepare(request, [scenario for scenario, _ in scenarios], say)
    description: dict[str, Any] = {
        "run": run,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "gilfree": version("gilfree"),
        "command": sys.argv,
        "backend": request.options.backend,
        **prepared.description,
        "against": prepared.baseline.description,
        "stopping": request.stopping,
        **campaign_mode(request.apart),
        **({"knee": request.knee} if request.knee else {}),
    }
    description["identity"] = backends.identity(
        description, [*prepared.arms, *prepared.baseline.arms], prepared.backend
    )
    campaigns = []
    budgets = _budgets(request, [scenario for scenario, _ in scenarios])
    for (scenario, caveats), cpus, share in zip(scenarios, prepared.cpus, budgets, strict=True):
        which = "variants+aa" if request.aa and scenario.arms == "variants" else scenario.arms
        again = repeated_arms(prepared.arms, which)
        arms = [*prepared.arms, *prepared.baseline.arms, *again]
        apart = apart_caveats(request, prepared.backend, scenario, arms)
        all_caveats = [*caveats, *cpus.caveats, *prepared.baseline.caveats, *apart]
        campaigns.append(
            Campaign.create(
                results / f"{run}-{scenario.name}",
                scenario,
                arms,
                {
                    **description,
                    **share,
                    "cpus": {"server": cpus.server, "load": cpus.load},
                    "shared_cpus": cpus.shared,
                    "caveats": all_caveats,
                },
            )
        )
    return campaigns, prepared.backend


def within_budget(
    scenarios: Sequence[tuple[Scenario, list[str]]], request: BenchRequest
) -> list[tuple[Scenario, list[str]]]:
    """The scenarios with the points that fit into the budget of the request; all where it has none."""
    if request.budget_seconds is None:
        return list(scenarios)
    arms = [request.arms(scenario) for scenario, _ in scenarios]
    return budget.within_budget(scenarios, arms, request.budget_seconds, turns=not request.apart)


def _budgets(request: BenchRequest, scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """By scenario its part of campaign.json about the budget; empty without one."""
    if request.budget_seconds is None:
        return [{} for _ in scenarios]
    arms = [request.arms(scenario) for scenario in scenarios]
    return [{"budget": one} for one in budget.shares(scenarios, arms, request.budget_seconds, turns=not request.apart)]


def apart_caveats(request: BenchRequest, backend: Backend, scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
    """The caveat of a campaign whose arms cannot be loaded in turns on this backend; none where nobody wants turns."""
    here = "" if request.apart or request.knee else backend.apart_reason(scenario, arms)
    return [f"arms were loaded apart, one server after the other: {here}"] if here else []


def run_campaigns(
    campaigns: Sequence[Campaign], backend: Backend, quiet: bool, say: Say, max_seconds: float | None = None
) -> list[str]:
    """Run one campaign after the other and close the backend; returns why campaigns or points ended early, if any did.

    max_seconds: no block begins after that time.
    """
    stopped = []
    until = time.monotonic() + max_seconds if max_seconds else None
    say(estimate_words(campaigns))
    try:
        for campaign in campaigns:
            for note in backend.prepare(campaign.scenario, campaign.arms):
                say(f"{campaign.name}: {note}")
            if isinstance(backend, DescriptionStore):
                backend.store_description(campaign.name, campaign.description)
            for ending in campaign.run(plan_of(campaign), backend, _BlockProgress(campaign, quiet), until):
                stopped.append(ending.text(campaign.name))
                if ending.point is None:  # the progress has said it of a point
                    say(stopped[-1])
    finally:
        backend.close()
    return stopped


def plan_of(campaign: Campaign) -> Plan:
    """The plan of a campaign: all rounds at every point, until a stopping rule is met, or a search for knees. Pure."""
    scenario = campaign.scenario
    arms = tuple(arm.name for arm in campaign.arms)
    if campaign.description.get("knee"):
        from toolkit.capacity.knee.search_plan import knee_search_plan

        return knee_search_plan(campaign.name, scenario, arms, campaign.description)
    rule = stopping_rule(campaign.description)
    rounds = rule.limit if rule else scenario.load.rounds
    matrix = FixedMatrix.of_scenario(campaign.name, scenario, arms, rounds)
    if settings := campaign.description.get("budget"):
        return BudgetPlan(matrix, **settings, widths=partial(_widths, campaign))
    return EarlyStoppingPlan(matrix, contrasts(campaign.arms), rule, primary_metrics(scenario)) if rule else matrix


def _widths(campaign: Campaign, records: Sequence[Record]) -> dict[str, float]:
    """By point key the half-width of the interval of the first primary metric, the widest of the campaign's comparisons."""
    found: dict[str, float] = {}
    for one in compare(campaign, records).points:
        if one.contrast.kind != "aa" and one.family:
            first = one.family[0]
            width = math.log(first.high / first.low) / 2 if first.low and first.high else math.inf
            found[one.key] = max(width, found.get(one.key, 0.0))
    return found


class _BlockProgress(Progress):
    """Progress in complete blocks, including those from before a resume, out of as many as the plan expects by now."""

    def __init__(self, campaign: Campaign, quiet: bool) -> None:
        self._plan, self._arms = plan_of(campaign), [arm.name for arm in campaign.arms]
        self._records = campaign.records()
        super().__init__(campaign.scenario.name, self._plan.expected(self._records), quiet=quiet)
        self.block_counted(len(concluded_blocks(self._records, self._arms)))

    def trial_ended(self, slot: str, one: Any) -> None:
        self._records.append(one)
        self.blocks_expected(self._plan.expected(self._records))
        self.block_counted(len(concluded_blocks(self._records, self._arms)))
        super().trial_ended(slot, one)


def estimate_words(campaigns: Sequence[Campaign]) -> str:
    """How long a run will take, and for how many blocks at each point."""
    early = any(campaign.description.get("stopping") for campaign in campaigns)
    at_most = "at most, less where intervals narrow sooner: " if early else ""
    words = f"estimate: {at_most}about {estimate_seconds(campaigns) / 60:.0f} min for {trial_count(campaigns)} trials"
    if any(campaign.description.get("budget") for campaign in campaigns):
        words += "; once every point has its blocks, the time left goes to the points with the widest intervals"
    return words


def estimate_seconds(campaigns: Sequence[Campaign]) -> float:
    """About how long the trials that are left take if none is rejected."""
    return sum(_block_seconds(campaign) * _blocks_left(campaign) for campaign in campaigns)


def _block_seconds(campaign: Campaign) -> float:
    turns = campaign.description.get("mode") == "turns" and not campaign.description.get("knee")
    return budget.block_seconds(campaign.scenario, len(campaign.arms), turns=turns)


def trial_count(campaigns: Sequence[Campaign]) -> int:
    """How many trials are left by the campaigns' plans, if none is rejected."""
    return sum(_blocks_left(campaign) * len(campaign.arms) for campaign in campaigns)


def _blocks_left(campaign: Campaign) -> int:
    records = campaign.records()
    concluded = concluded_blocks(records, [arm.name for arm in campaign.arms])
    return max(0, plan_of(campaign).expected(records) - len(concluded))


def find_campaigns(run: str | None, results: Path, say: Say = to_stderr) -> list[Campaign]:
    """The campaigns of a run by its name, by a campaign's name or by its folder; None and "last" mean the newest run.

    A campaign of another run whose campaign.json cannot be read is passed over. Where it could be the one that is meant (no
    run is named, or none has that name), `say` is given its name. Raises GilfreeError for such a campaign of this run, and
    one that names the runs in `results` when there is no such run.
    """
    for folder in (results / run, Path(run)) if run else ():
        if (folder / "campaign.json").exists():
            return [Campaign.open(folder)]
    found: dict[str, list[Path]] = {}
    passed_over = []
    for file in sorted(results.glob("*/campaign.json"), key=lambda file: file.stat().st_mtime):
        try:
            description = read_description(file.parent)
        except GilfreeError as error:
            if run and file.parent.name.startswith(f"{run}-"):
                raise
            passed_over.append(f"gilfree: passed over: {error.message}")
            continue
        found.setdefault(str(description.get("run", file.parent.name)), []).append(file.parent)
    if run not in found:
        for words in passed_over:
            say(words)
    if found and run in (None, "last"):
        run = list(found)[-1]
    if run not in found:
        wanted = "run" if run in (None, "last") else f"run {run!r}"
        near = difflib.get_close_matches(run or "", found, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        choice = (
            f"there are: {', '.join(found)}" if found else "`gilfree bench` makes one; --results names another folder"
        )
        raise GilfreeError(f"there is no {wanted} in {results}", hint + choice)
    return [Campaign.open(folder) for folder in found[run]]

"""The main job: from what the user asked for to campaigns that have run. `make bench` is this.

A run is one campaign for each scenario, named `<run>-<scenario>`. All are written before the first trial starts, so
that a killed run can be taken up again with everything it was to do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit import machine, paths
from toolkit.against import Reference, again_arms, check
from toolkit.backends.cpus import physical_cores, split
from toolkit.backends.local import LocalBackend
from toolkit.campaign import Campaign
from toolkit.contrasts import contrasts
from toolkit.errors import GilfreeError
from toolkit.families import stopping_rule
from toolkit.loadgen.tools import ensure_tool, needs_of
from toolkit.plan import FixedMatrix, Plan, complete_blocks
from toolkit.progress import Progress
from toolkit.pythons.environment import packages, pair_environments, project_requirements
from toolkit.pythons.find import find_pair
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair
from toolkit.references import held_against
from toolkit.scenario import Limits, Scenario
from toolkit.trial import Arm
from toolkit.until_sure import UntilSure

Say = Callable[[str], None]

QUICK_BLOCKS, QUICK_DURATION_SECONDS, QUICK_WARMUP_SECONDS = 2, 5, 2
QUICK_DISTURBANCE = 0.10
"""A first look bears a machine that is not quite idle (foreign and stolen CPU time); a full run keeps its limits."""
TRIAL_OVERHEAD_SECONDS = 5
"""Starting, validating and stopping; only for the estimate that is printed first."""


@dataclass(frozen=True)
class Asked:
    """What the user asked for, as far as it is not in the scenarios."""

    python: str
    profile: str
    explicit: tuple[Path, Path] | None
    project: Path | None
    port: int | None
    quiet: bool
    against: Reference | None = None
    aa: bool = False
    stopping: Mapping[str, Any] | None = None


def quick(scenario: Scenario, blocks: int | None, duration: int | None) -> tuple[Scenario, str]:
    """A scenario cut down for a first look, and the words that say what was cut."""
    cut = scenario.changed(
        rounds=blocks or QUICK_BLOCKS,
        duration_seconds=duration or QUICK_DURATION_SECONDS,
        warmup_seconds=min(QUICK_WARMUP_SECONDS, scenario.load.warmup_seconds),
    )
    own = scenario.limits
    borne = {"foreign_cpu": max(QUICK_DISTURBANCE, own.foreign_cpu), "steal": max(QUICK_DISTURBANCE, own.steal)}
    limits = own.model_copy(update=borne)
    cut = cut.model_copy(update={"limits": limits})
    full, now = scenario.load, cut.load
    words = (
        f"quick run: {now.rounds} blocks instead of {full.rounds}, {now.duration_seconds} s windows instead of"
        f" {full.duration_seconds} s, {now.warmup_seconds} s warm-up instead of {full.warmup_seconds} s,"
        f" up to {limits.foreign_cpu:.0%} of the server's CPU time may go to other processes (instead of {own.foreign_cpu:.0%})"
        f" and {limits.steal:.0%} to the host (instead of {own.steal:.0%})"
    )
    return cut, words


def limited(scenario: Scenario, changes: Sequence[str]) -> Scenario:
    """The scenario with limits of trials changed by `name=value`. Raises GilfreeError naming the wrong one."""
    if not changes:
        return scenario
    given = dict(change.partition("=")[::2] for change in changes)
    try:
        limits = Limits.model_validate({**scenario.limits.model_dump(), **given})
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        known = ", ".join(Limits.model_fields)
        raise GilfreeError(
            f"--limit {name}={given.get(name, '')}: {problem['msg']}", f"the limits are {known}"
        ) from None
    return scenario.model_copy(update={"limits": limits})


def start(
    run: str, results: Path, scenarios: Sequence[tuple[Scenario, list[str]]], asked: Asked, say: Say
) -> tuple[list[Campaign], LocalBackend]:
    """Check the machine, make everything ready and write the campaigns; `scenarios` come with their caveats."""
    for scenario, _ in scenarios:
        if asked.against is not None:
            check(asked.against, scenario)
    cores = physical_cores()
    splits = [split(cores, scenario.resources.server.cpus, scenario.resources.load.cpus) for scenario, _ in scenarios]
    entry = load_lock().resolve(asked.python)
    pair = find_pair(asked.python, profile=asked.profile, explicit=asked.explicit, say=say, later=needs_of("rewrk"))
    requirements = entry.requirements()
    if asked.project is not None:
        requirements = project_requirements(pair, requirements, asked.project, say)
    environments = pair_environments(pair, requirements, asked.project, say)
    rewrk = ensure_tool("rewrk", say)
    arms = [
        Arm(pair.gil.variant, "gil", str(environments[0])),
        Arm(pair.free_threaded.variant, "free-threaded", str(environments[1])),
    ]
    held = held_against(asked.against, arms, pair, requirements, asked.project, asked.profile, say)
    app_directory = asked.project or paths.shipped("images") / "app"
    about: dict[str, Any] = {
        "run": run,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "gilfree": version("gilfree"),
        "command": sys.argv,
        "pair": pair.describe(),
        "locked": entry.model_dump(),
        "packages": packages(environments[0]),
        "rewrk": rewrk.describe(),
        "machine": machine.facts(),
        "app_directory": str(app_directory),
        "against": held.about,
        "stopping": asked.stopping,
    }
    campaigns = []
    for (scenario, caveats), cpus in zip(scenarios, splits, strict=True):
        _check_loops(scenario, pair, about["packages"], asked.against)
        again = again_arms(arms, "variants+aa" if asked.aa and scenario.arms == "variants" else scenario.arms)
        known = [*caveats, *cpus.caveats, *held.caveats]
        campaigns.append(
            Campaign.create(
                results / f"{run}-{scenario.name}",
                scenario,
                [*arms, *held.arms, *again],
                {**about, "cpus": {"server": cpus.server, "load": cpus.load}, "caveats": known},
            )
        )
    return campaigns, LocalBackend(rewrk.path, app_directory, asked.port)


def resume(run: str, results: Path, port: int | None, say: Say) -> tuple[list[Campaign], LocalBackend]:
    """The campaigns of a run that was started before, and a backend to go on with."""
    campaigns = of_run(run, results)
    about = campaigns[0].description
    for needed in (*(arm.runtime for arm in campaigns[0].arms), about["rewrk"]["path"]):
        if not Path(needed).exists():
            raise GilfreeError(f"{needed}, which run {run} was started with, is gone", "start a new run")
    say(f"resuming run {run}: {', '.join(campaign.name for campaign in campaigns)}")
    return campaigns, LocalBackend(about["rewrk"]["path"], Path(about["app_directory"]), port)


def run_campaigns(campaigns: Sequence[Campaign], backend: LocalBackend, quiet: bool, say: Say) -> list[str]:
    """Run one campaign after the other; why any of them stopped before its end."""
    stopped = []
    early = any(campaign.description.get("stopping") for campaign in campaigns)
    most = "at most, less where intervals narrow sooner: " if early else ""
    say(f"estimate: {most}about {estimate_seconds(campaigns) / 60:.0f} min for {_trials(campaigns)} trials")
    try:
        for campaign in campaigns:
            for note in backend.prepare(campaign.scenario, campaign.arms):
                say(f"{campaign.name}: {note}")
            reason = campaign.run(plan_of(campaign), backend, _Counting(campaign, quiet))
            if reason:
                stopped.append(f"{campaign.name} stopped: {reason}")
                say(stopped[-1])
    finally:
        backend.close()
    return stopped


def plan_of(campaign: Campaign) -> Plan:
    """The plan that a campaign's scenario asks for: its rounds at every point, or until a stopping rule is met."""
    scenario = campaign.scenario
    arms = tuple(arm.name for arm in campaign.arms)
    rule = stopping_rule(campaign.description)
    rounds = rule.limit if rule else scenario.load.rounds
    matrix = FixedMatrix(campaign.name, tuple(scenario.points()), arms, rounds, scenario.limits.retries)
    return UntilSure(matrix, contrasts(campaign.arms), rule) if rule else matrix


class _Counting(Progress):
    """Progress that counts complete blocks, those of an earlier run included, of as many as the plan expects by now."""

    def __init__(self, campaign: Campaign, quiet: bool) -> None:
        self._plan, self._arms = plan_of(campaign), [arm.name for arm in campaign.arms]
        self._records = campaign.records()
        super().__init__(campaign.scenario.name, self._plan.expected(self._records), quiet=quiet)
        self.block_counted(len(complete_blocks(self._records, self._arms)))

    def trial_ended(self, slot: str, one: Any) -> None:
        self._records.append(one)
        self.blocks_expected(self._plan.expected(self._records))
        self.block_counted(len(complete_blocks(self._records, self._arms)))
        super().trial_ended(slot, one)


def estimate_seconds(campaigns: Sequence[Campaign]) -> float:
    """About how long the campaigns will take, if no trial is rejected."""
    total = 0.0
    for campaign in campaigns:
        load = campaign.scenario.load
        one = load.warmup_seconds + load.duration_seconds + 2 * load.validate_seconds + TRIAL_OVERHEAD_SECONDS
        total += one * plan_of(campaign).expected(campaign.records()) * len(campaign.arms)
    return total


def _trials(campaigns: Sequence[Campaign]) -> int:
    return sum(plan_of(campaign).expected(campaign.records()) * len(campaign.arms) for campaign in campaigns)


def of_run(run: str | None, results: Path) -> list[Campaign]:
    """The campaigns of a run, or of the newest when `run` is None; a single campaign's name does as well."""
    found: dict[str, list[Path]] = {}
    for file in sorted(results.glob("*/campaign.json"), key=lambda file: file.stat().st_mtime):
        found.setdefault(str(Campaign.open(file.parent).description["run"]), []).append(file.parent)
    if run is not None and (results / run / "campaign.json").exists():
        return [Campaign.open(results / run)]
    if not found or (run is not None and run not in found):
        what = f"run {run!r}" if run else "run"
        raise GilfreeError(
            f"there is no {what} in {results}", f"there are: {', '.join(found) or 'none; `make bench` makes one'}"
        )
    return [Campaign.open(folder) for folder in found[run if run is not None else list(found)[-1]]]


def _check_loops(scenario: Scenario, pair: Pair, installed: dict[str, str], against: Reference | None) -> None:
    """Refuse an event loop that is not among the locked packages, which hold wheels for both variants only."""
    loops = {point.loop for point in scenario.points()} | {against.settings.get("loop") if against else None}
    for loop in sorted(loop for loop in loops if loop not in (None, "asyncio")):
        if loop not in installed:
            raise GilfreeError(
                f"loop {loop!r} has no wheel for both variants of {pair.series}",
                "take asyncio, or lock a version that has",
            )

"""Running searches for knees and verifications: which settings of a scenario, how long it takes, progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from toolkit.backends import Backend
from toolkit.campaign.plan import Plan
from toolkit.campaign.progress import Progress
from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.from_records import profile_of, verification_plan
from toolkit.capacity.knee.profile import Profile, write_profile
from toolkit.capacity.knee.search import evaluate_rate
from toolkit.capacity.knee.search_plan import VERIFY_BLOCK, KneeSearchPlan, KneeSettings, knee_search_plan, step_of
from toolkit.capacity.knee.verification import Verification, VerificationPlan
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.scenario.loading import point_problems
from toolkit.scenario.matrix import MatrixCell, Point
from toolkit.scenario.model import Scenario

GRID_THREADS = (1, 2, 4, 8, 16, 32, 64)
PROBE_SECONDS = 4


def choose_points(scenario: Scenario, wanted: Sequence[str]) -> list[Point]:
    """The points with these keys; without keys the first point of each endpoint, its default setting.

    Raises GilfreeError for a key that the scenario does not have.
    """
    points = {point.key: point for point in scenario.points()}
    for key in wanted:
        if key not in points:
            raise GilfreeError(f"{scenario.name} has no point {key!r}", f"there are {', '.join(points)}")
    if wanted:
        return [points[key] for key in dict.fromkeys(wanted)]
    first: dict[str, Point] = {}
    for point in points.values():
        first.setdefault(point.endpoint, point)
    return list(first.values())


def grid_points(scenario: Scenario, endpoint: str, cores: int) -> list[Point]:
    """All settings of one endpoint: numbers of threads for WSGI, of workers up to `cores` for ASGI; the rest as in its first point.

    Raises GilfreeError when the scenario does not measure the endpoint.
    """
    base = next((point for point in scenario.points() if point.endpoint == endpoint), None)
    if base is None:
        known = ", ".join(dict.fromkeys(point.endpoint for point in scenario.points()))
        raise GilfreeError(f"--grid {endpoint}: {scenario.name} measures no such endpoint", f"there are {known}")
    if scenario.app.interface == "wsgi":
        return [base.model_copy(update={"threads": threads}) for threads in GRID_THREADS]
    return [base.model_copy(update={"workers": workers}) for workers in range(1, cores + 1)]


def narrow_scenario(scenario: Scenario, points: Sequence[Point], server_cpus: float | None = None) -> Scenario:
    """The scenario reduced to these points, with short closed-loop windows and without claims or published figures.

    `server_cpus`: CPUs of the server instead of the scenario's. Raises GilfreeError for a point that is not possible.
    """
    for point in points:
        for name, problem in point_problems(scenario, point):
            raise GilfreeError(f"{point.key}: {name}: {problem}")
    cells = tuple(
        MatrixCell.model_validate({name: (getattr(point, name),) for name in MatrixCell.model_fields})
        for point in points
    )
    update: dict[str, Any] = {"matrix": cells, "published": None, "claims": (), "arms": "variants"}
    if server_cpus is not None:
        server = scenario.resources.server.model_copy(update={"cpus": server_cpus})
        update["resources"] = scenario.resources.model_copy(update={"server": server})
    return scenario.model_copy(update=update).with_load(duration_seconds=PROBE_SECONDS)


def search_plan_of(campaign: Campaign) -> KneeSearchPlan:
    """The search plan of a campaign that searches for knees."""
    return knee_search_plan(campaign.name, campaign.scenario, [arm.name for arm in campaign.arms], campaign.description)


def duration_estimate(campaigns: Sequence[Campaign]) -> str:
    """How long the remaining searches will take and how many of them fit in the budget, in words."""
    seconds = searches = 0.0
    budgets: list[float | None] = []
    for campaign in campaigns:
        plan, records = search_plan_of(campaign), campaign.records()
        left = len(plan.unmeasured(records))
        searches += left
        seconds += plan.estimate_seconds() * left / plan.total()
        given = plan.settings.budget_seconds
        budgets.append(None if given is None else max(0.0, given - plan.spent_seconds(records)))
    words = f"estimate: about {seconds / 60:.0f} min for {searches:.0f} searches of a knee"
    remains = sum(budget for budget in budgets if budget is not None)
    if None not in budgets and seconds > remains:
        within = int(searches * remains / seconds)
        words += f"; the {remains / 60:.0f} min of the budget are enough for about {within} of them, the others are named at the end"
    return words


def run_searches(campaigns: Sequence[Campaign], backend: Backend, quiet: bool, say: Say) -> list[str]:
    """Measure until every knee is found or the budget is used up; closes the backend. Returns why campaigns stopped early."""
    say(duration_estimate(campaigns))
    return _run(campaigns, [search_plan_of(campaign) for campaign in campaigns], backend, quiet, say)


def run_verifications(campaigns: Sequence[Campaign], backend: Backend, quiet: bool, say: Say) -> list[str]:
    """Verify every knee; closes the backend. Returns why campaigns stopped early."""
    plans = [verification_plan_of(campaign) for campaign in campaigns]
    say(f"verifying the knees: about {sum(plan.estimate_seconds() for plan in plans) / 60:.0f} min")
    return _run(campaigns, plans, backend, quiet, say)


def verification_plan_of(campaign: Campaign) -> VerificationPlan:
    """The verification plan of a campaign: for each point and variant the median knee of its blocks."""
    return verification_plan(profile_of(campaign).variants, search_plan_of(campaign), campaign.scenario)


def verifications(campaigns: Sequence[Campaign]) -> list[Verification]:
    """The results of the verification so far."""
    return [one for campaign in campaigns for one in verification_plan_of(campaign).verifications(campaign.records())]


def profiles(campaigns: Sequence[Campaign]) -> list[Profile]:
    """The profile of each campaign; it is also written into the campaign's folder."""
    found = []
    for campaign in campaigns:
        profile = profile_of(campaign)
        write_profile(profile, campaign.folder)
        found.append(profile)
    return found


def _run(
    campaigns: Sequence[Campaign], plans: Sequence[_CountingPlan], backend: Backend, quiet: bool, say: Say
) -> list[str]:
    stopped = []
    try:
        for campaign, plan in zip(campaigns, plans, strict=True):
            for note in backend.prepare(campaign.scenario, campaign.arms):
                say(f"{campaign.name}: {note}")
            for ending in campaign.run(plan, backend, _SearchProgress(campaign, plan, quiet)):
                stopped.append(ending.text(campaign.name))
                say(stopped[-1])
    finally:
        backend.close()
    return stopped


class _CountingPlan(Plan, Protocol):
    """A campaign plan that counts what it has finished."""

    def finished(self, records: Sequence[Record]) -> int:
        """How many of its `total` searches, or rates to verify, have ended."""


class _SearchProgress(Progress):
    """Progress that counts the searches that have ended and shows the result of each rate."""

    def __init__(self, campaign: Campaign, plan: _CountingPlan, quiet: bool) -> None:
        super().__init__(campaign.scenario.name, plan.total(), quiet=quiet)
        settings = KneeSettings.from_description(campaign.description)
        assert settings is not None
        self._records, self._plan, self._rules = campaign.records(), plan, settings.rules
        self.block_counted(plan.finished(self._records))

    def trial_ended(self, slot: str, one: Record) -> None:
        self._records.append(one)
        self.block_counted(self._plan.finished(self._records))
        rates: Sequence[Mapping[str, Any]] = one.load.get("rates", ())
        if not one.accepted or not rates:
            super().trial_ended(slot, one)
            return
        signs = {True: "met", False: "missed", None: "unknown"}
        found = [evaluate_rate(entry, self._rules, fresh=True) for entry in rates]
        words = "; ".join(f"{seen.rate_rps:,} {signs[seen.passed]} ({seen.why})" for seen in found)
        block = "verification" if one.block == VERIFY_BLOCK else f"block {one.block + 1}"
        self._line(f"  {self._title} {block} {one.point_key} {one.arm} {step_of(rates[0])}: {words}")

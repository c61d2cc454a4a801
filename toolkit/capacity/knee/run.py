"""Looking for knees: which settings of a scenario, how long it will take, and running it with progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.backends import Backend
from toolkit.campaign.plan import Plan
from toolkit.campaign.progress import Progress
from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.campaign_plan import VERIFY_BLOCK, KneePlan, KneeSettings, knee_plan, step_of
from toolkit.capacity.knee.from_records import profile_of
from toolkit.capacity.knee.profile import Profile, median, write_profile
from toolkit.capacity.knee.search import judged
from toolkit.capacity.knee.verify import Verified, VerifyPlan
from toolkit.console import Say
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.scenario.loading import point_problems
from toolkit.scenario.matrix import MatrixCell, Point
from toolkit.scenario.model import Scenario

GRID_THREADS = (1, 2, 4, 8, 16, 32, 64)
PROBE_SECONDS = 4


def chosen_points(scenario: Scenario, wanted: Sequence[str]) -> list[Point]:
    """The points named by key, else the first of each endpoint: that is its default setting."""
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
    """All settings of one endpoint: threads of WSGI, workers of ASGI up to the server's cores; all else as in its first."""
    base = next((point for point in scenario.points() if point.endpoint == endpoint), None)
    if base is None:
        known = ", ".join(dict.fromkeys(point.endpoint for point in scenario.points()))
        raise GilfreeError(f"--grid {endpoint}: {scenario.name} measures no such endpoint", f"there are {known}")
    if scenario.app.interface == "wsgi":
        return [base.model_copy(update={"threads": threads}) for threads in GRID_THREADS]
    return [base.model_copy(update={"workers": workers}) for workers in range(1, cores + 1)]


def narrowed(scenario: Scenario, points: Sequence[Point], server_cpus: float | None = None) -> Scenario:
    """The scenario with these points alone, short closed-loop windows, and nothing published to be compared with."""
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


def plan_for(campaign: Campaign) -> KneePlan:
    """The plan of a campaign that looks for knees."""
    return knee_plan(campaign.name, campaign.scenario, [arm.name for arm in campaign.arms], campaign.description)


def estimate(campaigns: Sequence[Campaign]) -> str:
    """How long what is not measured yet will take, and what of it the budget holds, in words."""
    seconds = searches = 0.0
    budgets: list[float | None] = []
    for campaign in campaigns:
        plan, records = plan_for(campaign), campaign.records()
        left = len(plan.unmeasured(records))
        searches += left
        seconds += plan.estimate_seconds() * left / plan.total()
        given = plan.settings.budget_seconds
        budgets.append(None if given is None else max(0.0, given - plan.spent_seconds(records)))
    words = f"estimate: about {seconds / 60:.0f} min for {searches:.0f} searches of a knee"
    remains = sum(budget for budget in budgets if budget is not None)
    if None not in budgets and seconds > remains:
        held = int(searches * remains / seconds)
        words += (
            f"; the {remains / 60:.0f} min of the budget hold about {held} of them, the others are named at the end"
        )
    return words


def run(campaigns: Sequence[Campaign], backend: Backend, quiet: bool, say: Say) -> list[str]:
    """Measure until every knee is found or the budget is used up; why any campaign stopped before that."""
    say(estimate(campaigns))
    stopped = []
    try:
        for campaign in campaigns:
            plan = plan_for(campaign)
            stopped += _run(campaign, plan, backend, quiet, say, lambda records, plan=plan: len(plan.knees(records)))  # type: ignore[misc]
    finally:
        backend.close()
    return stopped


def verify(campaigns: Sequence[Campaign], backend: Backend, quiet: bool, say: Say) -> list[str]:
    """Try every knee out; why any campaign stopped before its end."""
    plans = [verify_plan(campaign) for campaign in campaigns]
    say(f"trying knees out: about {sum(plan.estimate_seconds() for plan in plans) / 60:.0f} min")
    stopped = []
    try:
        for campaign, plan in zip(campaigns, plans, strict=True):
            stopped += _run(campaign, plan, backend, quiet, say, lambda records, plan=plan: len(plan.verified(records)))  # type: ignore[misc]
    finally:
        backend.close()
    return stopped


def verify_plan(campaign: Campaign) -> VerifyPlan:
    """What tries out the knees that a campaign has found: the median of each setting's blocks."""
    profile = profile_of(campaign)
    knees = {(one.point, one.variant): mid for one in profile.variants if (mid := median(one.knees_rps())) is not None}
    settings = KneeSettings.of(campaign.description)
    assert settings is not None
    arms = tuple(arm.name for arm in campaign.arms)
    points = tuple(campaign.scenario.points())
    return VerifyPlan(knees, points, arms, settings, campaign.scenario.limits.retries)


def tried_out(campaigns: Sequence[Campaign]) -> list[Verified]:
    """What trying out has shown so far."""
    return [one for campaign in campaigns for one in verify_plan(campaign).verified(campaign.records())]


def profiles(campaigns: Sequence[Campaign]) -> list[Profile]:
    """The profile of each campaign, also written into its folder."""
    found = []
    for campaign in campaigns:
        profile = profile_of(campaign)
        write_profile(profile, campaign.folder)
        found.append(profile)
    return found


def _run(
    campaign: Campaign, plan: Plan, backend: Backend, quiet: bool, say: Say, done: Callable[[Sequence[Record]], int]
) -> list[str]:
    for note in backend.prepare(campaign.scenario, campaign.arms):
        say(f"{campaign.name}: {note}")
    reason = campaign.run(plan, backend, _Searching(campaign, plan, done, quiet))
    if reason is None:
        return []
    say(f"{campaign.name} stopped: {reason}")
    return [f"{campaign.name} stopped: {reason}"]


class _Searching(Progress):
    """Progress that counts searches that have ended, and says what each rate came to."""

    def __init__(self, campaign: Campaign, plan: Plan, done: Callable[[Sequence[Record]], int], quiet: bool) -> None:
        super().__init__(campaign.scenario.name, plan.total(), quiet=quiet)
        settings = KneeSettings.of(campaign.description)
        assert settings is not None
        self._records, self._finished, self._rules = campaign.records(), done, settings.rules
        self.block_counted(done(self._records))

    def trial_ended(self, slot: str, one: Record) -> None:
        self._records.append(one)
        self.block_counted(self._finished(self._records))
        rates: Sequence[Mapping[str, Any]] = one.load.get("rates", ())
        if not one.accepted or not rates:
            super().trial_ended(slot, one)
            return
        signs = {True: "met", False: "missed", None: "unknown"}
        found = [judged(entry, self._rules, fresh=True) for entry in rates]
        words = "; ".join(f"{seen.rate_rps:,} {signs[seen.passed]} ({seen.why})" for seen in found)
        block = "try-out" if one.block == VERIFY_BLOCK else f"block {one.block + 1}"
        self._line(f"  {self._title} {block} {one.point_key} {one.arm} {step_of(rates[0])}: {words}")

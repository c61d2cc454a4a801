"""Campaigns that search for knees, with servers whose knee is known instead of real servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.factory import POINTS, a_record
from toolkit.campaign.plan import Block
from toolkit.capacity.knee.from_records import profile_from_records
from toolkit.capacity.knee.profile import Profile
from toolkit.capacity.knee.search import KneeRules
from toolkit.capacity.knee.search_plan import KneeSearchPlan, KneeSettings
from toolkit.capacity.knee.verification import VerificationPlan
from toolkit.records.store import Metrics, Record
from toolkit.scenario.model import Load, Point, Scenario
from toolkit.trial.model import Arm, Window

RULES = KneeRules(p99_ms=50)
ARMS = ("3.14", "3.14t")
THREADED = tuple(Point(endpoint="json", threads=threads, connections=128) for threads in (1, 2, 4, 8, 16, 32, 64))

Knees = Callable[[Point, int, str], float]
"""The true knee by point, block and arm."""


def plan(points: tuple[Point, ...], *, blocks: int = 3, budget: int | None = None, retries: int = 3) -> KneeSearchPlan:
    settings = KneeSettings(RULES, blocks, budget)
    return KneeSearchPlan("campaign", points, ARMS, settings, Load(warmup=3), retries)


def entry(window: Window, knee_rps: float, **change: Any) -> dict[str, Any]:
    """What a server with that knee does at a window's rate."""
    rate = window.rate_rps or 0
    met = rate <= knee_rps
    return {
        "name": window.name,
        "rate_rps": rate,
        "seconds": window.seconds,
        "problem": "",
        "requests": rate * window.seconds,
        "errors": 0,
        "first_error": "",
        "achieved_rps": float(rate),
        "p50_ms": 5.0,
        "p90_ms": 9.0,
        "p99_ms": 20.0 + 20 * rate / knee_rps if met else 400.0,
        "max_ms": 500.0,
        "server_cpus_used": min(0.99, 0.9 * rate / knee_rps),
        "memory_mb": 90.0,
        "loader_saturation": 0.3,
        "loader_limited": [],
        "disturbed": [],
        **change,
    }


def trial(block: Block, arm: str, knee_rps: float, *, accepted: bool = True, **change: Any) -> Record:
    """The record of one trial of a block."""
    one = a_record(block.point, block.index, arm, block.attempt, accepted=accepted, rps=1.1 * knee_rps)
    windows = block.windows[arm]
    metrics = Metrics(requests_per_second=1.1 * knee_rps, memory_mb=90, memory_high_mb=100)
    if not accepted:
        return one.model_copy(update={"metrics": Metrics()})
    load: dict[str, Any] = {"windows": {"warmup": 3, "measure": 10}}
    if windows:
        load = {
            "windows": {"warmup": 3, **{window.name: window.seconds for window in windows}},
            "rates": [entry(window, knee_rps, **change) for window in windows],
        }
    return one.model_copy(update={"load": load, "metrics": metrics, "server": {"cpus": [0]}})


def run(
    what: KneeSearchPlan | VerificationPlan, knees: Knees, records: list[Record] | None = None, most: int = 10_000
) -> list[Record]:
    """Run a plan to its end (or for `most` trials); the records, those from before included."""
    found = list(records or [])
    for _ in range(most):
        block = what.next(found, [])
        if block is None:
            return found
        found += [trial(block, arm, knees(block.point, block.index, arm)) for arm in block.arms]
    return found


def scenario(points: tuple[Point, ...], interface: str = "wsgi") -> Scenario:
    """A scenario of these points."""
    cells = [point.model_dump() for point in points]
    return Scenario.model_validate(
        {
            "name": "test",
            "title": "a test",
            "app": {"target": f"{interface}:app", "interface": interface},
            "endpoints": {"json": {"path": "/json", "any_body": True}, "io": {"path": "/io", "any_body": True}},
            "matrix": cells,
        }
    )


def about(settings: KneeSettings) -> Mapping[str, Any]:
    """What campaign.json holds besides scenario and arms."""
    return {
        "knee": settings.data(),
        "pair": {"profile": "fast"},
        "machine": {"cpu_model": "a CPU"},
        "caveats": ["a caveat"],
    }


RATES = {"3.14": 5000.0, "3.14t": 3000.0}


def truth(point: Point, block: int, arm: str) -> float:
    """The true knee of each block: a machine is not the same every time."""
    return RATES[arm] * (1 + 0.1 * block) * (2 if point.endpoint == "io" else 1)


def profile(records: list[Record], blocks: int = 3, budget: int | None = None) -> Profile:
    """The profile from the records of a campaign at POINTS."""
    arms = (Arm("3.14", "gil", "python"), Arm("3.14t", "free-threaded", "python"))
    description = about(KneeSettings(RULES, blocks, budget))
    return profile_from_records("campaign", scenario(POINTS, "asgi"), arms, description, records)

"""Campaigns with known truth, as folders on disk: records as trials leave them, with figures drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.factory import a_record
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Record
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Point, Scenario
from toolkit.trial.model import Arm

ARMS = (Arm("3.14", "gil", "/nowhere/3.14"), Arm("3.14t", "free-threaded", "/nowhere/3.14t"))
AGAIN = Arm("3.14-again", "gil", "/nowhere/3.14", side="again")


def two_points() -> Scenario:
    """The shipped ASGI scenario at its two published points, without the twin of /json."""
    asgi = load_scenario("asgi")
    plain = [cell.model_copy(update={"endpoint": cell.endpoint[:1]}) for cell in asgi.matrix]
    return asgi.model_copy(update={"matrix": tuple(plain)})


def a_campaign(
    folder: Path,
    *,
    scenario: Scenario | None = None,
    arms: Sequence[Arm] = ARMS,
    blocks: int = 10,
    ratios: Mapping[str, float] | None = None,
    speeds: Mapping[str, float] | None = None,
    noise: float = 0.01,
    about: Mapping[str, Any] | None = None,
    seed: int = 1,
    failed: Mapping[str, int] | None = None,
    slots: Mapping[str, str] | None = None,
    limits: Mapping[str, Any] | None = None,
    loader_cpus_used: float | None = None,
) -> Campaign:
    """A finished campaign. `ratios`: requests/s of each arm by name, 1 if not named; `speeds`: of points by key.

    failed: by arm, in how many of the first blocks it stalled by itself. slots: the slots of points by key. limits: those
    that all records hold. loader_cpus_used: by the load generator in every trial.
    """
    scenario = scenario or two_points()
    machine = {"machine": {"cpu_model": "test", "cpus": 2}, "cpus": {"server": [1], "load": [0]}}
    pair = {"pair": {"series": "3.14", "profile": "release", "notes": []}}
    campaign = Campaign.create(folder, scenario, arms, {"run": folder.name, **machine, **pair, **(about or {})})
    drawn = random.Random(seed)
    for index in range(blocks):
        for point in scenario.points():
            for arm in arms:
                rps = 1000 * (ratios or {}).get(arm.name, 1.0) * (speeds or {}).get(f"{arm.name} {point.key}", 1.0)
                one = a_trial(point, index, arm, rps, noise, drawn)
                if index < (failed or {}).get(arm.name, 0):
                    one = a_record(point, index, arm.name, accepted=False, reason="stalled")
                where = {"slot": (slots or {}).get(point.key, one.slot), "limits": limits or {}}
                metrics = one.metrics.model_copy(update={"loader_cpus_used": loader_cpus_used})
                campaign.store.append(one.model_copy(update={**where, "metrics": metrics}))
    return campaign


def a_trial(point: Point, block: int, arm: Arm, rps: float, noise: float, drawn: random.Random) -> Record:
    """An accepted record whose figures scatter by `noise`; CPU time follows from the rate, memory does not."""
    rate = rps * drawn.lognormvariate(0, noise)
    one = a_record(point, block, arm.name, rps=rate, memory_mb=100 * drawn.lognormvariate(0, noise / 4))
    metrics = one.metrics.model_copy(
        update={
            "cpu_seconds_per_1000_requests": 1000 / rps * drawn.lognormvariate(0, noise),
            "server_cpus_used": 1.0,
            "latency_mean_ms": 1000 * point.connections / rate,
            "steal": 0.001,
            "foreign_cpu": 0.01,
            "throttled_periods": 0.0,
            "rss_mb": 120.0,
        }
    )
    return one.model_copy(update={"metrics": metrics, "role": arm.role})

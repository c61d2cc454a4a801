"""All Jobs of a scenario, in the order in which its plan would run them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.cluster.render import render_job, shares
from toolkit.cluster.settings import ClusterSettings
from toolkit.plan import FixedMatrix
from toolkit.records import Record
from toolkit.scenario import Scenario
from toolkit.trial import Arm, Trial


def rendered(
    scenario: Scenario,
    campaign: str,
    python: str,
    images: Sequence[str],
    settings: ClusterSettings,
    suspend: bool = True,
) -> list[dict[str, Any]]:
    """The Jobs of every trial, of a campaign in which none is rejected; `images`: GIL, free-threaded, load."""
    series = ".".join(python.split(".")[:2])
    arms = {one.name: one for one in (Arm(series, "gil", images[0]), Arm(f"{series}t", "free-threaded", images[1]))}
    name = f"{campaign}-{scenario.name}"
    plan = FixedMatrix(name, tuple(scenario.points()), tuple(arms), scenario.load.rounds, scenario.limits.retries)
    found = shares(scenario, settings)
    jobs = []
    done: list[Record] = []
    running: list[Any] = []
    while (block := plan.next(done, running)) is not None:
        running.append(block)
        for arm in block.arms:
            trial = Trial(name, scenario, block.point, block.index, arms[arm], block.attempt)
            namespace = settings.namespace or "default"
            jobs.append(render_job(trial, images[2], settings, found, namespace=namespace, suspend=suspend))
    return jobs

"""The Jobs of a scenario's trials as Kubernetes objects, in the order in which its plan runs them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.backends.kubernetes.render import container_shares, render_job
from toolkit.campaign.plan import FixedMatrix
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import repeated_arms
from toolkit.trial.model import Arm, Trial

MAX_JOBS = 1000
"""Rendered in a few seconds; a cluster accepts far fewer at once."""


def render_jobs(
    scenario: Scenario,
    campaign: str,
    series: str,
    images: Sequence[str],
    settings: ClusterSettings,
    suspend: bool = True,
) -> list[dict[str, Any]]:
    """The Jobs of all trials of a campaign in which none is rejected. images: GIL, free-threaded, load.

    They are bound to no node; the caller that creates them adds the node of their block. Raises GilfreeError for more
    than MAX_JOBS.
    """
    main = [Arm(series, "gil", images[0]), Arm(f"{series}t", "free-threaded", images[1])]
    arms = {one.name: one for one in (*main, *repeated_arms(main, scenario.arms))}
    name = f"{campaign}-{scenario.name}"
    count = len(scenario.points()) * scenario.load.rounds * len(arms)
    if count > MAX_JOBS:
        raise GilfreeError(
            f"{scenario.name} has {count:,} Jobs ({len(scenario.points())} points x {scenario.load.rounds} blocks x"
            f" {len(arms)} arms); at most {MAX_JOBS:,} are rendered at once",
            "give fewer --blocks or a scenario of fewer points; `gilfree bench --backend kubernetes` creates each Job when"
            " it is due",
        )
    plan = FixedMatrix.of_scenario(name, scenario, tuple(arms), scenario.load.rounds)
    found = container_shares(scenario, settings)
    namespace = settings.namespace or "default"
    jobs = []
    for block in plan.schedule():
        for arm in block.arms:
            trial = Trial(name, scenario, block.point, block.index, arms[arm], block.attempt)
            jobs.append(render_job(trial, images[2], settings, found, namespace=namespace, suspend=suspend))
    return jobs

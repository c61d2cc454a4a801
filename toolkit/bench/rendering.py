"""The Jobs of a scenario's trials as Kubernetes objects, in the order in which its plan runs them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.backends.kubernetes.render import container_shares, render_job
from toolkit.campaign.plan import Block, FixedMatrix
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import repeated_arms
from toolkit.trial.model import Arm, Trial


def render_jobs(
    scenario: Scenario,
    campaign: str,
    series: str,
    images: Sequence[str],
    settings: ClusterSettings,
    suspend: bool = True,
) -> list[dict[str, Any]]:
    """The Jobs of all trials of a campaign in which none is rejected. images: GIL, free-threaded, load.

    They are bound to no node; the caller that creates them adds the node of their block.
    """
    main = [Arm(series, "gil", images[0]), Arm(f"{series}t", "free-threaded", images[1])]
    arms = {one.name: one for one in (*main, *repeated_arms(main, scenario.arms))}
    name = f"{campaign}-{scenario.name}"
    plan = FixedMatrix(name, tuple(scenario.points()), tuple(arms), scenario.load.rounds, scenario.limits.retries)
    found = container_shares(scenario, settings)
    namespace = settings.namespace or "default"
    jobs = []
    begun: list[Block] = []
    while (block := plan.next((), begun)) is not None:
        begun.append(block)
        for arm in block.arms:
            trial = Trial(name, scenario, block.point, block.index, arms[arm], block.attempt)
            jobs.append(render_job(trial, images[2], settings, found, namespace=namespace, suspend=suspend))
    return jobs

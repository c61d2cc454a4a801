"""How Jobs stand, and which trial each is, from what the cluster holds alone."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from toolkit.backends.kubernetes.overview import job_state, trial_of
from toolkit.backends.kubernetes.render import container_shares, render_job
from toolkit.errors import GilfreeError
from toolkit.scenario.cluster import ClusterSettings
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Arm, Trial, Window

ARM = Arm("3.14t-threads=8", "free-threaded", "example.org/app@sha256:" + "0" * 64, {"threads": 8}, "reference")
SCENARIO = load_scenario("wsgi")
DESCRIPTION = {
    "name": "a-campaign.with_a-name-that-is-much-too-long-for-the-value-of-a-label-wsgi",
    "scenario": SCENARIO.model_dump(mode="json"),
    "arms": [
        {"name": ARM.name, "role": ARM.role, "runtime": ARM.runtime, "settings": {"threads": 8}, "side": ARM.side}
    ],
}


def a_trial(*windows: Window) -> Trial:
    return Trial(str(DESCRIPTION["name"]), SCENARIO, SCENARIO.points()[1], 3, ARM, 2, windows)


def a_job(trial: Trial, **status: Any) -> dict[str, Any]:
    settings = ClusterSettings()
    job = render_job(trial, ARM.runtime, settings, container_shares(SCENARIO, settings, 1.9), node="node-1")
    return {**job, "status": status}


def pod(load: dict[str, Any], **status: Any) -> dict[str, Any]:
    container = {"name": "load", "state": load, "restartCount": 0}
    return {"metadata": {}, "spec": {"nodeName": "node-1"}, "status": {"containerStatuses": [container], **status}}


COMPLETE = [{"type": "Complete", "status": "True"}]
FAILED = [{"type": "Failed", "status": "True", "message": "backoff limit"}]


@pytest.mark.parametrize("windows", [(), (Window("r1", 5, 2000), Window("r2", 5, 4000, measured=False))])
def test_a_job_says_which_trial_it_is(windows: tuple[Window, ...]) -> None:
    trial = a_trial(*windows)
    found = trial_of(a_job(trial), DESCRIPTION)
    assert found == trial
    assert found.id == trial.id


def test_a_job_of_an_arm_that_the_campaign_does_not_have_is_refused() -> None:
    with pytest.raises(GilfreeError, match="which its campaign does not have"):
        trial_of(a_job(a_trial()), {**DESCRIPTION, "arms": []})


def test_a_suspended_job_waits_for_its_node() -> None:
    found = job_state(a_job(a_trial()), [])
    assert (found.state, found.node, found.block, found.attempt) == ("waiting", "node-1", 3, 2)
    assert found.arm == ARM.name


@pytest.mark.parametrize(
    ("status", "pods", "state", "detail"),
    [
        ({"conditions": COMPLETE}, [pod({"terminated": {"exitCode": 0}}, phase="Succeeded")], "done", ""),
        # The controller has not yet said of the Job what the pod shows already.
        ({}, [pod({"terminated": {"exitCode": 0}}, phase="Succeeded")], "done", ""),
        ({}, [pod({"terminated": {"exitCode": 1}}, phase="Failed")], "failed", ANY),
        ({"conditions": FAILED}, [], "failed", "backoff limit"),
        (
            {"conditions": FAILED},
            [pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, phase="Failed")],
            "failed",
            "the load container was killed at its memory limit (OOMKilled)",
        ),
        ({}, [pod({"running": {}}, phase="Running")], "running", ""),
        ({}, [pod({"waiting": {"reason": "ImagePullBackOff"}})], "starting", "ImagePullBackOff"),
        (
            {},
            [
                {
                    "metadata": {},
                    "spec": {},
                    "status": {
                        "conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}]
                    },
                }
            ],
            "starting",
            "Insufficient cpu",
        ),
    ],
)
def test_a_released_job_is_as_its_pod_is(
    status: dict[str, Any], pods: list[dict[str, Any]], state: str, detail: str
) -> None:
    job = a_job(a_trial(), **status)
    job["spec"]["suspend"] = False
    found = job_state(job, pods)
    assert (found.state, found.detail) == (state, detail)

"""Labels and annotations by which the objects in a cluster are found again: the only place that knows their keys. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from toolkit.trial.model import Trial

PREFIX = "gilfree.io"
MANAGED = {"app.kubernetes.io/managed-by": "gilfree"}
"""On every object that gilfree creates."""

COMPONENT = "app.kubernetes.io/component"
TRIAL = {**MANAGED, COMPONENT: "trial"}
CAMPAIGN = {**MANAGED, COMPONENT: "campaign"}
PROBE = {**MANAGED, COMPONENT: "probe"}
"""Which of gilfree's objects it is: a trial's Job and pod, a campaign's ConfigMap, a probe pod."""

CAMPAIGN_KEY = f"{PREFIX}/campaign"
SCENARIO_KEY = f"{PREFIX}/scenario"
POINT_KEY = f"{PREFIX}/point"
ARM_KEY = f"{PREFIX}/arm"
BLOCK_KEY = f"{PREFIX}/block"
ATTEMPT_KEY = f"{PREFIX}/attempt"
IMAGE_KEY = f"{PREFIX}/image"
WINDOWS_KEY = f"{PREFIX}/windows"
JOB_NAME_KEY = "batch.kubernetes.io/job-name"
"""Set by Kubernetes on the pods of a Job."""


def trial_labels(trial: Trial) -> dict[str, str]:
    """The labels of a trial's Job and pod."""
    return {
        **TRIAL,
        CAMPAIGN_KEY: label_value(trial.campaign),
        SCENARIO_KEY: label_value(trial.scenario.name),
        POINT_KEY: label_value(trial.point.key),
        ARM_KEY: label_value(trial.arm.name),
        BLOCK_KEY: str(trial.block),
        ATTEMPT_KEY: str(trial.attempt),
    }


def trial_annotations(trial: Trial) -> dict[str, str]:
    """What `gather` reads back: in full what a label may have to shorten, and what no label can hold."""
    return {
        CAMPAIGN_KEY: trial.campaign,
        POINT_KEY: trial.point.key,
        ARM_KEY: trial.arm.name,
        IMAGE_KEY: trial.arm.runtime,
        **({WINDOWS_KEY: json.dumps([asdict(window) for window in trial.windows])} if trial.windows else {}),
    }


def campaign_labels(campaign: str) -> dict[str, str]:
    """On every object of a campaign."""
    return {**MANAGED, CAMPAIGN_KEY: label_value(campaign)}


def label_value(text: str) -> str:
    """`text` as the value of a label. Text that a label cannot hold ends in a hash, so that different texts differ."""
    if re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", text):
        return text
    plain = re.sub(r"[^-A-Za-z0-9_.]", "-", text)[:40].strip("-_.") or "x"
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def label_selector(labels: Mapping[str, str]) -> str:
    """The selector of objects that have all of these labels."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def job_name(pod: Mapping[str, Any]) -> str:
    """The name of the Job that a pod belongs to; empty for a pod of no Job."""
    return str((pod["metadata"].get("labels") or {}).get(JOB_NAME_KEY, ""))

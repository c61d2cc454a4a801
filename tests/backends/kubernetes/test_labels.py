"""The labels of a trial: valid whatever its names are, different for different names, and enough to find it."""

from __future__ import annotations

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from tests.backends.kubernetes.test_render import DNS_LABEL, WORDS, job, trial
from toolkit.backends.kubernetes.labels import job_name, label_selector, label_value, trial_labels

LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


@given(WORDS, WORDS, st.integers(1, 99))
def test_names_and_labels_are_valid_whatever_a_campaign_and_an_arm_are_called(campaign: str, arm: str, n: int) -> None:
    made = job(trial(campaign, arm, attempt=n))
    assert DNS_LABEL.fullmatch(made["metadata"]["name"])
    assert all(LABEL.fullmatch(value) for value in made["metadata"]["labels"].values())
    assert made["metadata"]["annotations"]["gilfree.io/campaign"] == campaign


@given(st.text(string.printable, max_size=200), st.text(string.printable, max_size=200))
def test_different_texts_have_different_labels(one: str, other: str) -> None:
    assert (label_value(one) == label_value(other)) == (one == other)


def test_labels_say_campaign_scenario_point_arm_block_and_attempt() -> None:
    found = trial_labels(trial(attempt=2))
    said = {key.removeprefix("gilfree.io/"): value for key, value in found.items() if key.startswith("gilfree.io/")}
    assert said == {
        "campaign": "night-asgi",
        "scenario": "test",
        "point": "plain-w1-t1-c16",
        "arm": "3.14t",
        "block": "3",
        "attempt": "2",
    }


def test_a_selector_names_every_label() -> None:
    assert label_selector({"a": "1", "b": "2"}) == "a=1,b=2"


def test_a_pod_names_its_job_and_a_pod_without_labels_has_none() -> None:
    assert job_name({"metadata": {"labels": {"batch.kubernetes.io/job-name": "x"}}}) == "x"
    assert job_name({"metadata": {"labels": None}}) == job_name({"metadata": {}}) == ""

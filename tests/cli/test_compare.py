"""`gilfree compare` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.simulated import a_campaign
from toolkit.cli import app
from toolkit.errors import GilfreeError


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["compare", *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_the_first_line_is_the_decision_and_the_tables_follow(tmp_path: Path) -> None:
    a_campaign(tmp_path / "mine", ratios={"3.14t": 0.8})
    lines = run("mine", "--results", str(tmp_path)).splitlines()
    assert lines[0].startswith("/json with 128 connections: 3.14t serves 20")
    text = "\n".join(lines)
    for words in ("95% interval", "Holm p", "requests/s per GB", "taken by other processes", "rejected of 40 trials"):
        assert words in text


def test_json_is_one_object_for_each_campaign(tmp_path: Path) -> None:
    a_campaign(tmp_path / "mine", blocks=2)
    (found,) = json.loads(run("mine", "--results", str(tmp_path), "--json"))
    assert found["compare_schema"] == 1 and len(found["points"]) == 2


def test_two_campaigns_are_labelled_as_unpaired(tmp_path: Path) -> None:
    a_campaign(tmp_path / "old")
    a_campaign(tmp_path / "new", seed=2)
    first = run("old", "new", "--results", str(tmp_path)).splitlines()[0]
    assert first == "new / old, unpaired: machine drift not excluded; not to be used as a gate"


def test_force_without_a_second_campaign_is_refused(tmp_path: Path) -> None:
    a_campaign(tmp_path / "old")
    with pytest.raises(GilfreeError, match="two campaigns"):
        run("old", "--force", "--results", str(tmp_path))

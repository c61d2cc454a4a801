"""The method keeps its promises on campaigns with known truth, and the table would show if it did not."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from toolkit.analysis.stats.signflip import Floats
from toolkit.analysis.stats.stopping import StoppingRule
from toolkit.cli.selftest import simulate as statistics
from toolkit.selftest import simulate
from toolkit.selftest.simulate import Row, Truth

CAMPAIGNS = 300


def rows(truth: Truth) -> list[Row]:
    return [
        simulate.fixed(truth, CAMPAIGNS, np.random.default_rng(1)),
        simulate.stopped_early(truth, CAMPAIGNS, np.random.default_rng(2), StoppingRule()),
    ]


@pytest.mark.parametrize("kind", simulate.PROMISED_KINDS)
@pytest.mark.parametrize("ratio", [1.00, 1.05])
@pytest.mark.parametrize("noise", [0.015, 0.05])
def test_promises_are_kept(kind: simulate.Kind, ratio: float, noise: float) -> None:
    for row in rows(Truth(ratio, noise, kind)):
        assert not row.broken, row


@pytest.mark.slow
def test_all_promises_are_kept_to_the_letter_with_2000_campaigns_a_row() -> None:
    table = list(simulate.simulate(simulate.FULL_CAMPAIGNS, seed=1))
    assert {(row.ratio, row.noise, row.kind) for row in table} == {
        (ratio, noise, kind) for ratio in simulate.RATIOS for noise in simulate.NOISES for kind in simulate.KINDS
    }
    assert [row for row in table if row.broken] == []


def test_the_same_seed_gives_the_same_row_and_another_one_another() -> None:
    truth = Truth(1.02, 0.02, "drift")
    first, again, other = (simulate.fixed(truth, 50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_intervals_that_are_too_narrow_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def overconfident(data: Floats, _looks: object = None) -> tuple[Floats, Floats, Floats]:
        middle = data.mean(axis=1)
        return middle - 0.001, middle + 0.001, np.zeros(len(data))

    monkeypatch.setattr(simulate, "intervals", overconfident)
    row = simulate.fixed(Truth(1.0, 0.02, "quiet"), 200, np.random.default_rng(1))
    assert row.broken[:2] == ("coverage at least 93%", "false verdicts in at most 5%")


def test_a_rule_that_never_stops_early_is_caught() -> None:
    rule = StoppingRule(first=8, limit=12, half_width=0.001)
    row = simulate.stopped_early(Truth(1.0, 0.01, "quiet"), 50, np.random.default_rng(1), rule)
    assert "at most 50% of the trials" in row.broken


def test_drift_of_the_machine_cancels_within_blocks() -> None:
    still = simulate.draw(Truth(1.0, 1e-9, "quiet"), 500, 10, np.random.default_rng(1))
    moving = simulate.draw(Truth(1.0, 1e-9, "drift"), 500, 10, np.random.default_rng(1))
    assert np.abs(still).max() < 1e-6
    assert 0.01 < moving.std() < 0.02  # one trial's worth of drift is left, not the 20% of the campaign
    assert abs(moving.mean()) < 0.001


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setattr(statistics, "FAST_CAMPAIGNS", 2)
    monkeypatch.setattr(simulate, "NOISES", (0.015, 0.10))
    made = typer.Typer()
    statistics.register(made)
    made.command("other")(lambda: None)  # one command alone would need no name
    return made


def test_the_command_prints_every_row_and_what_was_promised(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["simulate", "--fast"])
    lines = result.output.splitlines()
    assert sum(line.startswith((" 1.0", " 0.8")) for line in lines) == 2 * 5 * 4 * 2 + 7 * 2 * 3
    assert "2 simulated campaigns a row, 4 metrics each, seed 1." in result.output
    assert "Pocock-type boundary" in result.output
    assert result.exit_code == (1 if "BROKEN" in result.output else 0)


def test_the_command_gives_the_same_table_as_data(app: typer.Typer) -> None:
    found = json.loads(CliRunner().invoke(app, ["simulate", "--fast", "--json", "--seed", "3"]).output)
    table = list(simulate.simulate(2, seed=3))
    assert found["rows"] == [json.loads(json.dumps(asdict(row))) for row in table]
    assert found["simulate_schema"] == 1

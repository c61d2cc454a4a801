"""The arguments of a trial's two agents: an arm's settings reach its server and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Point
from toolkit.trial.load_argument import load_argument
from toolkit.trial.model import Arm, Placement, Trial, serve_argument

PLACEMENT = Placement(
    python="python",
    app_directory="/app",
    agent_directory="/agent",
    rewrk="rewrk",
    host="127.0.0.1",
    port=8000,
    server_cpus=(1,),
    load_cpus=(0,),
    memory_watchdog=False,
    watch_stdin=True,
)


def trial(scenario: str, settings: dict[str, Any]) -> Trial:
    one = load_scenario(scenario)
    return Trial("c", one, one.points()[0], 0, Arm("3.14", "gil", "python", settings), 1)


def option(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1]


def test_settings_of_an_arm_are_on_its_servers_command_line() -> None:
    argv = serve_argument(trial("wsgi", {"threads": 8, "workers": 3, "backlog": 512}), PLACEMENT)["argv"]
    assert [option(argv, name) for name in ("--blocking-threads", "--workers", "--backlog")] == ["8", "3", "512"]


def test_a_thread_pool_of_an_arm_reaches_the_app() -> None:
    assert serve_argument(trial("asgi", {"threadpool": 7}), PLACEMENT)["env"]["GILFREE_THREADPOOL"] == "7"


def test_without_settings_the_server_is_as_the_scenario_says() -> None:
    plain = trial("wsgi", {})
    assert plain.served == (plain.scenario, plain.point)


def test_the_load_is_the_same_for_all_arms_but_asks_every_worker() -> None:
    plain, changed = (load_argument(trial("wsgi", settings), PLACEMENT) for settings in ({}, {"workers": 4}))
    assert changed["runtime_samples"] == 4 * plain["runtime_samples"]
    assert changed["windows"] == plain["windows"]


def test_a_trial_keeps_the_name_of_its_point_whatever_its_arm_changes() -> None:
    assert trial("wsgi", {"threads": 8}).id == trial("wsgi", {}).id


@pytest.mark.parametrize("settings", [{"threads": 0}, {"loop": "curio"}, {"backlog": "many"}])
def test_wrong_values_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _ = trial("wsgi", settings).served


def test_connections_are_not_the_servers() -> None:
    with pytest.raises(KeyError):
        _ = trial("wsgi", {"connections": 5}).served
    assert "connections" in Point.model_fields

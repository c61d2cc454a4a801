"""The sample apps on the real server: every option is one that Granian knows, every answer the one that is expected."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest

from tests.conftest import accepted
from toolkit import paths
from toolkit.backends.local.backend import LocalBackend
from toolkit.loadgen.binaries import Binary
from toolkit.records.store import record
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Scenario
from toolkit.servers import granian
from toolkit.trial.block import alone
from toolkit.trial.model import Arm, Trial


def test_every_option_is_one_that_granian_knows(arms: tuple[Arm, Arm]) -> None:
    known = subprocess.check_output([arms[1].runtime, "-m", "granian", "--help"], text=True)
    for name in ("asgi", "wsgi"):
        scenario = load_scenario(name)
        argv = granian.command(scenario, scenario.points()[0], python="python", host="h", port=1, target="a:b")
        for option in (word for word in argv if word.startswith("--")):
            assert re.search(rf"{option}\b", known), option


def test_blocking_threads_are_set_on_wsgi_and_left_out_on_asgi() -> None:
    for name, given in (("asgi", False), ("wsgi", True)):
        scenario = load_scenario(name)
        argv = granian.command(scenario, scenario.points()[0], python="python", host="h", port=1, target="a:b")
        assert ("--blocking-threads" in argv) == given


def short(scenario: Scenario) -> Scenario:
    """Seconds instead of minutes, on a machine that need not be quiet."""
    limits = scenario.limits.model_copy(update={"foreign_cpu": 1.0, "steal": 1.0})
    cut = scenario.with_load(duration_seconds=1, warmup_seconds=1, validate_requests=300)
    return cut.model_copy(update={"limits": limits})


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("name", "index"), [("asgi", 0), ("asgi", 1), ("wsgi", 0), ("wsgi", 1)])
def test_each_endpoint_is_measured_on_each_variant(
    arms: tuple[Arm, Arm], rewrk: Binary, backend: LocalBackend, name: str, index: int, side: int
) -> None:
    place = LocalBackend(rewrk.path, paths.shipped("images") / "app")
    scenario = short(load_scenario(name))
    trial = Trial("apps", scenario, scenario.points()[index], 0, arms[side], 1)
    place.prepare(scenario, [arms[side]])
    try:
        one = accepted(lambda: record(trial, list(place.run(alone(trial), "here"))))
    finally:
        place.close()
    assert one.rejections == []
    workers = one.server["workers"]
    assert {worker["gil_enabled"] for worker in workers} == {side == 0}
    assert {worker["version"] for worker in workers} == {workers[0]["version"]}
    if name == "asgi":
        assert workers[0]["threadpool"] == 40
        assert workers[0]["loop"].startswith("asyncio.")


@pytest.mark.parametrize("loop", ["uvloop", "rloop"])
def test_the_other_event_loops_are_really_used(
    arms: tuple[Arm, Arm], rewrk: Binary, backend: LocalBackend, loop: str
) -> None:
    place = LocalBackend(rewrk.path, paths.shipped("images") / "app")
    scenario = short(load_scenario("asgi"))
    point = scenario.points()[0].model_copy(update={"loop": loop})
    trial = replace(Trial("apps", scenario, point, 0, arms[1], 1))
    place.prepare(scenario, [arms[1]])
    try:
        one = accepted(lambda: record(trial, list(place.run(alone(trial), "here"))))
    finally:
        place.close()
    assert one.rejections == []
    assert one.server["workers"][0]["loop"].startswith(loop)

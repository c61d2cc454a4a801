"""A report names what was measured where: the generator that ran, the machine of the trials, text that is no markup."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.factory import a_record
from tests.simulated import ARMS, a_campaign, two_points
from toolkit.campaign.runner import Campaign
from toolkit.cli import app
from toolkit.report.content import commands
from toolkit.report.environment import environment
from toolkit.report.page import page
from toolkit.report.series import Counted
from toolkit.report.tables import table
from toolkit.report.terminal import show
from toolkit.scenario.model import Scenario
from toolkit.trial.model import Arm

LAPTOP = {"cpu_model": "a laptop", "cpus": 4, "architecture": "x86_64", "kernel": "laptop-kernel", "memory_bytes": 8e9}
NODE = {"cpu_model": "a node", "cpus": 64, "architecture": "aarch64", "kernel": "node-kernel", "memory_bytes": 256e9}
TOOLS = {
    "rewrk": {"name": "rewrk", "version": "0.3.2", "sha256": "a" * 64},
    "oha": {"name": "oha", "version": "1.8.0", "sha256": "b" * 64},
}


def of_one_point(scenario: Scenario) -> Scenario:
    return scenario.model_copy(update={"matrix": scenario.matrix[:1]})


def at_a_rate() -> Scenario:
    one = of_one_point(two_points())
    return one.model_copy(update={"load": one.load.model_copy(update={"generator": "oha", "rate_rps": 100})})


def measured(
    folder: Path, scenario: Scenario, about: dict[str, Any], load: dict[str, Any], server: dict[str, Any]
) -> Campaign:
    campaign = a_campaign(folder, scenario=scenario, blocks=0, about=about)
    for arm in ARMS:
        one = a_record(scenario.points()[0], 0, arm.name)
        metrics = one.metrics.model_copy(update={"latency_p99_ms": 42.0 if scenario.load.rate_rps else None})
        changes = {"metrics": metrics, "load": load, "server": server, "backend": about.get("backend", "local")}
        campaign.store.append(one.model_copy(update=changes))
    return campaign


def facts(campaign: Campaign) -> dict[str, str]:
    return dict(environment(campaign, campaign.records()))


def test_the_generator_that_ran_is_named_with_its_version(tmp_path: Path) -> None:
    load = {"argv": ["/tools/oha", "-q", "100", "http://127.0.0.1:1/"]}
    campaign = measured(tmp_path / "c", at_a_rate(), TOOLS, load, {})
    assert facts(campaign)["load generator"].startswith("oha, 1.8.0")
    counted = Counted(campaign.scenario, [arm.name for arm in ARMS], {("json-w1-t1-c128", 0): campaign.records()})
    lines = [one.line for one in commands(campaign, counted) if one.what.startswith("load at")]
    assert lines == ["oha -q 100 http://127.0.0.1:1/"]


def test_images_name_the_generator_by_the_version_that_they_were_built_with(tmp_path: Path) -> None:
    about = {"backend": "docker", "images": {"load": {"name": "gilfree-load:0.3.2-x"}}}
    load = {"argv": ["/opt/gilfree/bin/rewrk", "-h", "http://127.0.0.1:1/"]}
    with_versions = about | {"generators": {"rewrk": {"name": "rewrk", "version": "0.3.2"}}}
    scenario = of_one_point(two_points())
    assert facts(measured(tmp_path / "c", scenario, with_versions, load, {}))["load generator"] == "rewrk, 0.3.2"
    old = facts(measured(tmp_path / "d", scenario, about, load, {}))["load generator"]
    assert old == "rewrk, from gilfree-load:0.3.2-x"


@pytest.mark.parametrize("place", ["kubernetes", "docker", "local"])
def test_the_machine_is_the_one_that_the_trials_report(tmp_path: Path, place: str) -> None:
    about = {"backend": place, "machine": LAPTOP}
    said = facts(measured(tmp_path / "c", of_one_point(two_points()), about, {}, {"machine": NODE}))
    assert said["machine"] == "a node, 64 CPUs, aarch64"
    assert said["kernel"].startswith("node-kernel") and said["memory of the machine"] == "256.0 GB"
    assert "laptop" not in " ".join(said.values())


def test_records_without_a_machine_take_it_from_the_nodes_never_from_the_laptop(tmp_path: Path) -> None:
    node = {"architecture": "arm64", "kernel": "6.1", "machine": "id", "cpus": "64", "memory": "250000000Ki"}
    about = {"backend": "kubernetes", "machine": LAPTOP, "identity": {"node": {"worker-1": node}}}
    said = facts(measured(tmp_path / "c", of_one_point(two_points()), about, {}, {}))
    assert (
        said["machine"] == "64 CPUs, arm64" and said["kernel"] == "6.1" and said["memory of the machine"] == "256.0 GB"
    )
    assert "laptop" not in " ".join(said.values())
    nothing = facts(measured(tmp_path / "d", of_one_point(two_points()), {**about, "identity": {}}, {}, {}))
    assert "machine" not in nothing and "laptop" not in " ".join(nothing.values())


def test_the_engine_s_machine_is_named_where_docker_ran_elsewhere(tmp_path: Path) -> None:
    engine = {"kernel": "engine-kernel", "cpus": 16, "memory_bytes": 64e9, "operating_system": "Debian", "local": False}
    about = {"backend": "docker", "machine": LAPTOP, "engine": engine}
    said = facts(measured(tmp_path / "c", of_one_point(two_points()), about, {}, {}))
    assert said["machine"] == "16 CPUs" and said["kernel"] == "engine-kernel, Debian"


def test_percentiles_are_shown_where_the_load_has_them(tmp_path: Path) -> None:
    result = {"latency_p50_ms": 5.0, "latency_p90_ms": 20.0, "latency_p99_ms": 42.0, "latency_p999_ms": None}
    campaign = measured(tmp_path / "c", at_a_rate(), {}, {"argv": ["/tools/oha"], "result": result}, {})
    (row, _) = table(campaign).rows
    assert row.percentiles == {"p50": 5.0, "p90": 20.0, "p99": 42.0}
    out = io.StringIO()
    show([table(campaign)], Console(file=out, width=160))
    assert "p99" in out.getvalue() and "42.0" in out.getvalue()
    assert "no percentiles" not in " ".join(plot.text for plot in page(campaign).plots)
    without = a_campaign(tmp_path / "d", blocks=1)
    out = io.StringIO()
    show([table(without)], Console(file=out, width=160))
    assert "p99" not in out.getvalue()


@pytest.mark.parametrize("command", ["show", "compare", "report"])
@pytest.mark.parametrize("width", ["60", "200"])
def test_brackets_in_titles_and_names_are_text(
    tmp_path: Path, command: str, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    title = "A [bold]title[/bold] with [/] and [red]"
    scenario = of_one_point(two_points()).model_copy(update={"title": title})
    arms = (ARMS[0], Arm("3.14t[/old]", "free-threaded", "/nowhere/3.14t"))
    a_campaign(tmp_path / "c", scenario=scenario, arms=arms, blocks=8)
    done = CliRunner().invoke(app, [command, "c", "--results", str(tmp_path)])
    assert done.exit_code == 0, done.exception
    whole = " ".join(done.output.split())
    assert title in whole and "3.14t[/old]" in whole

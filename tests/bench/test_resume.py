"""A run is continued on what it began with, or refused by the name of what changed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.factory import POINTS, a_record
from tests.simulated import ARMS
from toolkit.bench import backends
from toolkit.bench.kubernetes import run_nodes
from toolkit.bench.request import BackendOptions
from toolkit.bench.resume import ResumeChanges, changed_campaign, check_gate, differences, resume
from toolkit.campaign.runner import Campaign
from toolkit.cli import app
from toolkit.errors import GilfreeError
from toolkit.host.cpus import physical_cores
from toolkit.loadgen.binaries import Binary
from toolkit.scenario.loading import load_scenario
from toolkit.trial.model import Arm

FIXTURES = Path(__file__).parents[1] / "fixtures"


def environment(folder: Path, python: str) -> Path:
    """A real environment of this interpreter with one package, `orders 1.0`."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    info = site / "orders-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orders\nVersion: 1.0\n")
    (info / "RECORD").write_text("orders.py,sha256=abc,10\n")
    return folder / "bin" / "python"


@pytest.fixture
def run(tmp_path: Path, arms: tuple[Arm, Arm], rewrk: Binary) -> Path:
    """The results folder of a run that was started here on two real environments."""
    mine = [Arm(one.name, one.role, str(environment(tmp_path / one.name, one.runtime))) for one in arms]
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "service.py").write_text("app = 1\n")
    scenario = load_scenario("asgi")
    description: dict[str, Any] = {
        "run": "night",
        "backend": "local",
        "rewrk": rewrk.describe() | {"path": str(rewrk.path)},
        "app_directory": str(tmp_path / "app"),
    }
    backend = backends.reopen(description, mine, BackendOptions(), None)
    description["identity"] = backends.identity(description, mine, backend)
    description["cpus"] = backends.cpu_sets(description, scenario, backend)
    backend.close()
    Campaign.create(tmp_path / "results" / "night-asgi", scenario, mine, description)
    return tmp_path / "results"


def continued(results: Path, changes: ResumeChanges | None = None) -> Campaign:
    campaigns, backend = resume("night", results, None, print, changes=changes)
    backend.close()
    return campaigns[0]


def refused(results: Path) -> str:
    with pytest.raises(GilfreeError, match="night-asgi cannot be continued") as found:
        continued(results)
    assert found.value.remedy == "restore what it began with, or start a new run"
    return found.value.message


def another_interpreter(folder: Path) -> None:
    python, other = folder / "3.14" / "bin" / "python", folder / "3.14t" / "bin" / "python"
    target = os.path.realpath(other)
    python.unlink()
    python.symlink_to(target)


def another_version(folder: Path) -> None:
    (info,) = folder.glob("3.14t/lib/*/site-packages/orders-1.0.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orders\nVersion: 1.1\n")


def the_same_version_with_other_files(folder: Path) -> None:
    (info,) = folder.glob("3.14t/lib/*/site-packages/orders-1.0.dist-info")
    (info / "RECORD").write_text("orders.py,sha256=def,10\n")


def one_package_more(folder: Path) -> None:
    (site,) = folder.glob("3.14/lib/*/site-packages")
    (site / "extra-2.0.dist-info").mkdir()
    (site / "extra-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 2.0\n")


def another_app(folder: Path) -> None:
    (folder / "app" / "service.py").write_text("app = 2\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (another_interpreter, "interpreter 3.14 executable was "),
        (another_version, "package 3.14t orders was 1.0 "),
        (the_same_version_with_other_files, "package 3.14t orders was 1.0 "),
        (one_package_more, "package 3.14 extra was absent, is 2.0 "),
        (another_app, "app was "),
    ],
)
def test_what_changed_since_a_run_began_is_named_and_nothing_is_mixed(
    run: Path, change: Callable[[Path], None], words: str
) -> None:
    change(run.parent)
    assert words in refused(run)


@pytest.mark.parametrize("name", ["kernel", "id", "cpus"])
def test_another_machine_is_named(run: Path, name: str) -> None:
    file = run / "night-asgi" / "campaign.json"
    about = json.loads(file.read_text())
    about["identity"]["machine"][name] = "another"
    file.write_text(json.dumps(about))
    assert f"machine {name} was another, is " in refused(run)


@pytest.mark.skipif(len(physical_cores()) < 2, reason="needs two CPUs; to enable: a machine with two cores")
def test_other_cpus_are_named(run: Path) -> None:
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert "cpus server was " in refused(run)
    finally:
        os.sched_setaffinity(0, mine)


def test_without_a_change_a_run_goes_on_and_its_description_stays(run: Path) -> None:
    before = (run / "night-asgi" / "campaign.json").read_text()
    assert continued(run).name == "night-asgi"
    assert (run / "night-asgi" / "campaign.json").read_text() == before


def test_other_limits_and_rounds_hold_from_now_on_and_are_recorded(run: Path) -> None:
    found = continued(run, ResumeChanges(["foreign_cpu=0.2"], 3))
    assert (found.scenario.limits.foreign_cpu, found.scenario.load.rounds) == (0.2, 3)
    again = Campaign.open(found.folder)
    assert again.scenario == found.scenario
    assert "with limits foreign_cpu=0.2 and 3 blocks at every point" in again.description["caveats"][-1]
    assert again.description["resumed"][-1]["limits"] == ["foreign_cpu=0.2"]


def test_a_refused_resume_changes_nothing(run: Path) -> None:
    another_app(run.parent)
    before = (run / "night-asgi" / "campaign.json").read_text()
    with pytest.raises(GilfreeError, match="cannot be continued"):
        continued(run, ResumeChanges(["foreign_cpu=0.2"]))
    assert (run / "night-asgi" / "campaign.json").read_text() == before


def test_a_limit_that_there_is_not_is_refused(run: Path) -> None:
    with pytest.raises(GilfreeError, match="there is no such limit"):
        continued(run, ResumeChanges(["steel=1"]))


def test_under_early_stopping_the_number_of_blocks_is_the_most_that_a_point_takes(tmp_path: Path) -> None:
    about = {"run": "c", "stopping": {"limit": 20, "half_width": 0.03}}
    campaign = Campaign.create(tmp_path / "c", load_scenario("asgi"), ARMS, about)
    assert changed_campaign(campaign, ResumeChanges(blocks=30)).description["stopping"]["limit"] == 30


def test_a_search_for_knees_keeps_its_number_of_blocks(tmp_path: Path) -> None:
    campaign = Campaign.create(tmp_path / "c", load_scenario("asgi"), ARMS, {"run": "c", "knee": {"blocks": 3}})
    with pytest.raises(GilfreeError, match="--blocks: a search for knees"):
        changed_campaign(campaign, ResumeChanges(blocks=5))


def test_a_campaign_of_schema_1_is_not_continued() -> None:
    with pytest.raises(GilfreeError, match=r"schema 1\): it can be shown, compared and reported, not continued"):
        resume("old-asgi", FIXTURES / "schema-1", None, print)


@pytest.mark.parametrize(
    "words",
    [["--duration", "3s"], ["--scenario", "wsgi"], ["--python", "3.13"], ["--full"], ["--against", "threads=8"]],
)
def test_an_option_that_cannot_apply_to_a_resumed_run_is_refused_by_name(words: list[str], tmp_path: Path) -> None:
    Campaign.create(tmp_path / "c", load_scenario("asgi"), ARMS, {"run": "c"}).store.append(
        a_record(POINTS[0], 0, "3.14")
    )
    done = CliRunner().invoke(app, ["bench", "--resume", "c", "--results", str(tmp_path), *words])
    assert isinstance(done.exception, GilfreeError)
    assert done.exception.message.startswith(f"{words[0]} cannot apply: --resume continues a run as it was started")


def test_a_gate_on_a_resumed_run_needs_a_baseline_and_enough_blocks(tmp_path: Path) -> None:
    scenario = load_scenario("asgi").with_load(rounds=2)
    bare = Campaign.create(tmp_path / "bare", scenario, ARMS, {"run": "bare"})
    with pytest.raises(GilfreeError, match="--fail-on: bare has no baseline"):
        check_gate([bare])
    old = [Arm(f"{arm.name}-old", arm.role, arm.runtime, side="reference") for arm in ARMS]
    against = Campaign.create(tmp_path / "against", scenario, [*ARMS, *old], {"run": "against"})
    with pytest.raises(GilfreeError, match=r"does not fail a build: against \(2\)"):
        check_gate([against])
    check_gate([changed_campaign(against, ResumeChanges(blocks=8))])


def test_a_difference_names_the_way_to_it() -> None:
    assert list(differences("cpus", {"server": (1, 2)}, {"server": [1, 2]})) == []
    assert list(differences("cpus", {"server": [1]}, {"server": (0, 1)})) == ["cpus server was 1, is 0,1"]


def test_a_new_node_of_the_same_kind_joins_a_run_and_one_of_another_kind_does_not() -> None:
    old = {"kernel": "6.1", "cpus": "4", "machine": "a"}
    about = {"identity": {"node": {"one": old}}}
    assert run_nodes({"two": {**old, "machine": "b"}}, about) == {"one": old}
    other = {**old, "kernel": "6.2", "machine": "c"}
    assert run_nodes({"one": old, "three": other}, about) == {"one": old, "three": other}
    assert run_nodes({"one": other}, about) == {"one": other}

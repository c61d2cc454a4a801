"""`gilfree knee` as it is typed: bad input before anything is built, and a measured campaign read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from tests.capacity.campaigns import ARMS, RULES, about, run, scenario
from tests.capacity.campaigns import plan as a_plan
from tests.factory import POINTS
from toolkit.bench.runs import find_campaigns
from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.profile import read_profile
from toolkit.capacity.knee.search_plan import KneeSettings
from toolkit.cli import app
from toolkit.errors import INTERRUPTED, GilfreeError
from toolkit.scenario.model import Point
from toolkit.trial.model import Arm


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["knee", "--quiet", *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no scenario is named"),
        (["asgi", "--slo", "p95=50ms"], "only p99 is known"),
        (["asgi", "--slo", "p99=-1ms"], "is not an objective"),
        (["asgi", "--budget", "500ms"], "--budget: '500ms'"),
        (["asgi", "--point", "json-w9-t1-c1"], "asgi has no point 'json-w9-t1-c1'"),
        (["asgi", "--grid", "nix"], "measures no such endpoint"),
        (["asgi", "--grid", "json", "--point", "json-w1-t1-c128"], "exclude each other"),
        (["asgi", "--cpus", "0"], "--cpus: '0'"),
        (["asgi", "--cpus", "4096"], "4096"),
        (["asgi", "--manifests", "here"], "--manifests needs the images"),
        (["asgi", "--backend", "cloud"], "there is no backend 'cloud'"),
        (["asgi", "--limit", "steal=much"], "--limit steal=much"),
        (["no-such-scenario"], "there is no scenario"),
        (["--of", "no-such-run"], "no run 'no-such-run'"),
    ],
)
def test_bad_input_is_refused_by_name_before_anything_is_built(words: list[str], message: str, tmp_path: Path) -> None:
    done = typed(*words, "--results", str(tmp_path))
    assert isinstance(done.exception, GilfreeError), done.output
    assert message in str(done.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--of", "mine", "--slo", "p99=20ms"], "--slo cannot apply: --of measures nothing"),
        (["--of", "mine", "asgi"], "scenario cannot apply: --of measures nothing"),
        (["--of", "mine", "--verify"], "--verify cannot apply: --of"),
        (["--of", "mine", "--blocks", "5", "--grid", "json"], "--blocks, --grid cannot apply"),
        (["--of", "mine", "--resume", "mine"], "--of and --resume exclude each other"),
        (["--resume", "mine", "--blocks", "5"], "--blocks cannot apply: --resume continues a run as it was started"),
        (["--resume", "mine", "--name", "other"], "--name cannot apply"),
        (["--resume", "mine", "--python", "3.13"], "--python cannot apply"),
        (["--of", "mine", "--replicas", "4"], "--replicas has no effect without --manifests"),
    ],
)
def test_options_that_cannot_apply_are_refused_by_name(words: list[str], message: str, tmp_path: Path) -> None:
    measured(tmp_path / "mine")
    done = typed(*words, "--results", str(tmp_path))
    assert isinstance(done.exception, GilfreeError), done.output
    assert message in str(done.exception)


def interrupt(*_: object) -> list[str]:
    """What a search does when Ctrl-C comes."""
    raise KeyboardInterrupt


def test_ctrl_c_leaves_a_profile_of_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured(tmp_path / "mine", budget=60)
    (campaign,) = find_campaigns("mine", tmp_path)
    monkeypatch.setattr("toolkit.bench.resume.resume", lambda *_: ([campaign], object()))
    monkeypatch.setattr("toolkit.capacity.knee.run.run_searches", interrupt)
    done = typed("--resume", "mine", "--results", str(tmp_path))
    assert done.exit_code == INTERRUPTED
    assert read_profile(tmp_path / "mine").unmeasured


def truth(point: Point, block: int, arm: str) -> float:
    return {"3.14": 5000.0, "3.14t": 3000.0}[arm] * (1 + 0.1 * block)


def measured(folder: Path, budget: int | None = None) -> None:
    """A campaign as `gilfree knee` leaves it, of servers whose knee is known."""
    arms = [Arm(ARMS[0], "gil", "python"), Arm(ARMS[1], "free-threaded", "python")]
    described = {**about(KneeSettings(RULES, 3, budget)), "run": folder.name, "created": "now"}
    campaign = Campaign.create(folder, scenario(POINTS, "asgi"), arms, described)
    for one in run(a_plan(POINTS, budget=budget), truth):
        campaign.store.append(one)


def test_a_measured_campaign_is_shown_again_with_knees_and_what_to_deploy(tmp_path: Path) -> None:
    measured(tmp_path / "mine")
    done = typed("--of", "mine", "--results", str(tmp_path))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "mine: highest constant rate with p99 within 50 ms, on local"
    assert any("3.14t" in line and "req/s (blocks " in line for line in lines)
    for words in ("cpu request", "memory limit", "scale at cpu percent", "not fitted: 1 value of workers"):
        assert words in done.stdout


def test_a_campaign_is_found_by_run_by_folder_and_as_the_last(tmp_path: Path) -> None:
    measured(tmp_path / "mine")
    for named in (str(tmp_path / "mine"), "last"):
        assert typed("--of", named, "--results", str(tmp_path)).stdout.startswith("mine: highest constant rate")
    planned = CliRunner().invoke(app, ["plan", "last", "--rps", "50", "--results", str(tmp_path)])
    assert planned.exit_code == 0, planned.output
    assert isinstance(wrong := typed("--of", "nine", "--results", str(tmp_path)).exception, GilfreeError)
    assert "did you mean 'mine'?" in str(wrong)


def test_json_is_read_by_a_plan(tmp_path: Path) -> None:
    measured(tmp_path / "mine")
    found = json.loads(typed("--of", "mine", "--results", str(tmp_path), "--json").stdout)
    assert found["knee_schema"] == 1
    (profile,) = found["profiles"]
    assert len(profile["recommendations"]) == 4
    assert (tmp_path / "mine" / "profile.json").exists()


def test_what_a_budget_left_is_named_and_a_missing_knee_fails(tmp_path: Path) -> None:
    measured(tmp_path / "mine", budget=60)
    done = typed("--of", "mine", "--results", str(tmp_path))
    assert done.exit_code == 1
    assert "not measured: 3.14" in done.stdout and "block 3" in done.stdout


def test_manifests_are_written_for_every_endpoint_and_variant(tmp_path: Path) -> None:
    measured(tmp_path / "mine")
    out = tmp_path / "manifests"
    done = typed("--of", "mine", "--results", str(tmp_path), "--manifests", str(out), "--images", "gil:1,free:1")
    assert done.exit_code == 0, done.output
    found = sorted(str(file.relative_to(out)) for file in out.rglob("*.yaml"))
    assert "json/3.14/deployment.yaml" in found and "io/3.14t/canary.yaml" in found and len(found) == 2 * (2 + 4)
    made = yaml.safe_load((out / "json/3.14t/deployment.yaml").read_text())
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "free:1"


def test_the_manifests_of_a_plan_carry_its_pods_and_bound_the_autoscaler(tmp_path: Path) -> None:
    measured(tmp_path / "mine")
    out, day = tmp_path / "manifests", tmp_path / "day.csv"
    day.write_text("time,rps\n3:00,9000\n12:00,90000\n")
    words = ["--traffic", str(day), "--zones", "3", "--results", str(tmp_path), "--endpoint", "json"]
    written = ["--manifests", str(out), "--images", "gil:1,free:1"]
    done = CliRunner().invoke(app, ["plan", "mine", *words, *written])
    assert done.exit_code == 0, done.output
    planned = json.loads(CliRunner().invoke(app, ["plan", "mine", *words, "--json"]).stdout)
    for one in planned["variants"]:
        folder = out / "json" / one["variant"]
        deployment, hpa = (yaml.safe_load((folder / f"{kind}.yaml").read_text()) for kind in ("deployment", "hpa"))
        assert deployment["spec"]["replicas"] == one["mid"]["pods"]
        assert hpa["spec"]["maxReplicas"] == one["low"]["pods"] > hpa["spec"]["minReplicas"]
        assert hpa["spec"]["minReplicas"] == planned["day"][0]["pods"][one["variant"]]
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        assert all(zone for zone in one["mid"]["zones"]) and len(one["mid"]["zones"]) == 3
    canary = yaml.safe_load((out / "json" / "3.14t" / "canary.yaml").read_text())
    stable = planned["variants"][0]["mid"]["pods"]
    assert (
        f" of {stable + canary['spec']['replicas']} pods"
        in canary["metadata"]["annotations"]["gilfree.io/canary-share"]
    )


def test_manifests_of_a_plan_need_the_campaign_and_not_only_its_profile(tmp_path: Path) -> None:
    measured(tmp_path / "elsewhere" / "mine")
    assert typed("--of", str(tmp_path / "elsewhere" / "mine"), "--results", str(tmp_path)).exit_code == 0
    written = ["--manifests", str(tmp_path / "out"), "--images", "gil:1,free:1", "--results", str(tmp_path)]
    folder = CliRunner().invoke(app, ["plan", str(tmp_path / "elsewhere" / "mine"), "--rps", "9000", *written])
    assert folder.exit_code == 0 and list((tmp_path / "out").rglob("hpa.yaml"))
    file = tmp_path / "elsewhere" / "mine" / "profile.json"
    done = CliRunner().invoke(app, ["plan", str(file), "--rps", "9000", *written])
    assert isinstance(done.exception, GilfreeError) and "--manifests needs the campaign" in str(done.exception)


def test_a_campaign_that_looked_for_no_knee_is_refused(tmp_path: Path) -> None:
    arms = [Arm(ARMS[0], "gil", "python")]
    Campaign.create(tmp_path / "plain", scenario(POINTS, "asgi"), arms, {"run": "plain"})
    done = typed("--of", "plain", "--results", str(tmp_path))
    assert isinstance(done.exception, GilfreeError) and "did not search for a knee" in str(done.exception)

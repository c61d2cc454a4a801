"""`gilfree plan` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.capacity.factory import measured, variant
from toolkit.capacity.knee.profile import write_profile
from toolkit.cli import app
from toolkit.errors import GilfreeError

PROFILE = measured(variant("gil", [1200, 1230, 1250]), variant("free-threaded", [2000, 2100, 2150]))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one knee campaign."""
    (tmp_path / "knee").mkdir()
    write_profile(PROFILE, tmp_path / "knee")
    return tmp_path


def run(results: Path, *words: str, campaign: str = "knee") -> str:
    done = CliRunner().invoke(app, ["plan", campaign, "--results", str(results), *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_the_first_line_is_the_saving_and_each_variant_has_its_table(results: Path) -> None:
    lines = run(results, "--rps", "50000").splitlines()
    assert lines[0].startswith("3.14t saves ")
    text = "\n".join(lines)
    for words in ("3.14: 1 worker", "3.14t: 1 worker", "lowest", "median", "highest", "what fills a node first: CPU"):
        assert words in text
    assert "List prices as published" in text


def test_json_holds_the_same(results: Path) -> None:
    found = json.loads(run(results, "--rps", "50000", "--json"))
    assert found["plan_schema"] == 1
    assert found["saving"]["claimed"] is True
    assert [one["variant"] for one in found["variants"]] == ["3.14", "3.14t"]
    assert found["variants"][0]["mid"]["pods"] == 61


def test_what_if_needs_no_new_measurement(results: Path, tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.yaml"
    nodes.write_text("nodes: [{ name: big, allocatable: { cpu: 32, memory: 120Gi }, price_hour: 1.5 }]")
    found = json.loads(run(results, "--rps", "50000", "--json", "--nodes", str(nodes), "--headroom", "0.5"))
    assert set(found["variants"][0]["mid"]["nodes"]) == {"big"}
    assert found["variants"][0]["mid"]["pods"] == 85


def test_a_day_is_planned_for_its_peak_and_shown(results: Path, tmp_path: Path) -> None:
    day = tmp_path / "day.csv"
    day.write_text("time,rps\n" + "".join(f"{hour}:00,{1000 * (hour + 1)}\n" for hour in range(24)))
    text = run(results, "--traffic", str(day))
    assert "24,000 requests/s" in text
    assert "00:00       1,000" in text
    assert "a month if nodes follow every hour" in text


@pytest.mark.parametrize(
    ("lines", "zone"),
    [
        ("2026-10-25T02:30:00+02:00,900\n2026-10-25T02:30:00+01:00,700\n", "UTC"),
        ("02:30,900\n", "the zone of the file, which it does not name"),
    ],
)
def test_a_plan_names_the_zone_of_its_hours(results: Path, tmp_path: Path, lines: str, zone: str) -> None:
    day = tmp_path / "day.csv"
    day.write_text(f"time,rps\n{lines}")
    assert f"hours are counted in {zone}\n" in run(results, "--traffic", str(day))


def test_sidecars_and_neighbours(results: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside.yaml"
    beside.write_text("deployments: [{ name: cache, replicas: 6, cpu: 0.5, memory: 2Gi }]")
    text = run(results, "--rps", "5000", "--sidecar", "cpu=100m,memory=64Mi", "--beside", str(beside))
    assert "also on these nodes: 6 cache of 500m and 2,048Mi" in text
    assert "a pod requests 1100m CPU" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either --rps or --traffic"),
        (["--rps", "-5"], "--rps -5 is not a rate"),
        (["--rps", "nan"], "--rps nan is not a rate"),
        (["--rps", "5", "--slo", "p95=5ms"], "only p99 is known"),
        (["--rps", "5", "--slo", "p99=1us"], "no measured rate met p99 under 0.001 ms"),
        (["--rps", "5", "--headroom", "2"], "--headroom 2 is not a share"),
        (["--rps", "5", "--memory-headroom", "-1"], "--memory-headroom -1"),
        (["--rps", "5", "--sidecar", "gpu=1"], "'gpu' is neither cpu nor memory"),
        (["--rps", "5", "--sidecar", "memory=1e3Mi"], "'1e3Mi' has an exponent and a suffix"),
        (["--rps", "5", "--nodes", "none.yaml"], "none.yaml: cannot be read"),
        (["--rps", "5", "--arch", "s390x"], "no nodes of that architecture"),
        (["--rps", "5", "--context", "lab"], "--context has no effect without --nodes-from-cluster"),
        (["--rps", "5", "--manifests", "here"], "--manifests and --images need each other"),
        (["--rps", "5", "--survive", "node"], "--survive node: only the loss of a zone is known"),
        (["--rps", "5", "--survive", "zone"], "--survive zone needs several zones"),
    ],
)
def test_bad_input_is_refused_by_name(results: Path, words: list[str], said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        run(results, *words)


def test_the_headroom_of_the_run_is_planned_with_unless_another_is_given(tmp_path: Path) -> None:
    (tmp_path / "knee").mkdir()
    write_profile(PROFILE.model_copy(update={"headroom": 0.5, "memory_headroom": 1.0}), tmp_path / "knee")
    own = json.loads(run(tmp_path, "--rps", "50000", "--json"))
    assert own["asked"]["headroom"] == 0.5
    other = ["--headroom", "0.7", "--memory-headroom", "0.25"]
    given = json.loads(run(tmp_path, "--rps", "50000", "--json", *other))
    assert given["variants"][0]["mid"]["pods"] < own["variants"][0]["mid"]["pods"]
    assert given["variants"][0]["memory_bytes"] < own["variants"][0]["memory_bytes"]


def test_a_kubectl_context_that_does_not_exist_is_named(results: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    words = ["--rps", "5", "--nodes-from-cluster", "--context", "nope"]
    done = CliRunner(env={"KUBECONFIG": str(config)}).invoke(app, ["plan", "knee", "--results", str(results), *words])
    assert isinstance(done.exception, GilfreeError) and "kubectl context 'nope'" in str(done.exception)


def test_a_campaign_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GilfreeError, match="there is no run 'knee'"):
        run(tmp_path, "--rps", "5")


def test_a_folder_without_a_knee_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(GilfreeError, match="holds no measured profile"):
        run(tmp_path, "--rps", "5", campaign=str(tmp_path / "empty"))


@pytest.mark.cluster
def test_a_live_clusters_nodes_are_planned_with(results: Path) -> None:
    found = json.loads(run(results, "--rps", "100", "--nodes-from-cluster", "--spare-nodes", "0", "--json"))
    (kind,) = found["variants"][0]["mid"]["nodes"]
    assert any(one["name"] == kind for one in found["catalogue"]["types"])


def test_without_the_extra_it_says_what_to_install(results: Path) -> None:
    words = ["plan", "knee", "--rps", "5", "--results", str(results)]
    code = f"import sys; sys.modules['numpy'] = None; sys.argv = ['gilfree', *{words!r}]; from toolkit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == 'gilfree: this needs the Python package numpy\n  remedy: pip install "gilfree[stats]"\n'


def test_an_amount_with_the_wrong_suffix_is_named_with_its_line_and_the_likely_meaning(
    results: Path, tmp_path: Path
) -> None:
    nodes = tmp_path / "nodes.yaml"
    nodes.write_text(
        "reserve: none\nnodes:\n  - { name: a, allocatable: { cpu: 4, memory: 1000mi }, price_hour: 0.1 }\n"
    )
    with pytest.raises(GilfreeError, match=r"nodes.yaml:3: .*memory: '1000mi' .*did you mean Mi"):
        run(results, "--rps", "5", "--nodes", str(nodes))

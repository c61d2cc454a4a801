"""`gilfree fleet` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.fleet.prometheus.answering import Answers, answering, vector
from toolkit.cli import app
from toolkit.errors import GilfreeError
from toolkit.selftest.capacity_scale import write_synthetic_fleet


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["fleet", "--quiet", *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A server on this machine that answers queries as a test says."""
    with answering() as made:
        yield made


@pytest.fixture
def fleet(tmp_path: Path) -> list[str]:
    """The words for a made-up fleet of 60 services."""
    write_synthetic_fleet(tmp_path, 60)
    return [
        str(tmp_path / "deployments.json"),
        *("--rules", str(tmp_path / "rules.yaml")),
        *("--usage", str(tmp_path / "usage.csv")),
    ]


def test_text_json_and_page_tell_the_same(fleet: list[str], tmp_path: Path) -> None:
    page = tmp_path / "fleet.html"
    text = run(*fleet, "--html", str(page))
    found = json.loads(run(*fleet, "--json"))
    first = [one for one in found["judged"] if one["verdict"] == "move first"]
    assert text.startswith(f"Move {len(first)} of 60 services first")
    assert f"Move these first ({len(first)}" in page.read_text()
    assert f"{first[0]['namespace']}/{first[0]['name']}" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either an inventory or --services-from-cluster"),
        (["x.json"], "--rules is missing"),
        (["x.json", "--rules", "r.yaml"], "give either --usage or --prometheus"),
        (["x.json", "--rules", "r.yaml", "--usage", "u.csv"], "r.yaml: cannot be read"),
        (["x.json", "--services-from-cluster"], "give either an inventory or --services-from-cluster"),
        (["x.json", "--context", "c"], "--context has no effect without a cluster"),
        (["x.json", "--queries", "q.yaml", "--usage", "u.csv"], "--queries has no effect without --prometheus"),
        (["x.json", "--init", "d", "--rules", "r.yaml", "--top", "3"], "--rules, --top cannot apply: --init only"),
        (["x.json", "--least-saving", "-5"], "--least-saving '-5' is no share and amount"),
    ],
)
def test_bad_input_is_refused_by_name(words: list[str], said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        run(*words)


def test_a_prometheus_of_two_replicas_gives_a_fleet_its_usage(
    answers: Answers, fleet: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas whose results differ in `prometheus_replica`, of a store that did not answer in full."""
    inventory, _, rules, *_ = fleet
    first = next(one["metadata"] for one in json.loads(Path(inventory).read_text())["items"])
    labels = {"namespace": first["namespace"], "deployment": first["name"]}
    both = [({**labels, "prometheus_replica": replica}, "2500") for replica in ("a", "b")]
    for query in ("max_over_time(rps)", "max_over_time(cpu)", "memory"):
        answers.answers[query] = 200, vector(*both, warnings=("store-2: context deadline exceeded",))
    queries = tmp_path / "queries.yaml"
    queries.write_text("rps: max_over_time(rps)\ncpu_p95: max_over_time(cpu)\nmemory_max: memory\n")
    monkeypatch.setenv("TENANT", "team-7")
    asked = [inventory, "--rules", rules, "--prometheus", answers.url, "--queries", str(queries)]
    text = run(*asked, "--header", "X-Scope-OrgID=env:TENANT")
    assert "replicas of Prometheus (prometheus_replica: a, b) count once" in text
    assert "Prometheus warns, so that figures may be too low: store-2: context deadline exceeded" in text
    assert {headers["x-scope-orgid"] for _, headers, _ in answers.requests} == {"team-7"}
    with pytest.raises(GilfreeError, match="--queries has no effect without --prometheus"):
        run(*fleet, "--queries", str(queries))


def test_an_empty_inventory_is_refused(fleet: list[str]) -> None:
    Path(fleet[0]).write_text('{"kind": "List", "items": []}')
    with pytest.raises(GilfreeError, match="no Deployment in it"):
        run(*fleet)


def test_init_writes_files_with_which_the_printed_line_runs(fleet: list[str], tmp_path: Path) -> None:
    started = tmp_path / "started"
    *written, line = run(fleet[0], "--init", str(started)).splitlines()
    assert [Path(one.split()[-1]).name for one in written] == ["rules.yaml", "usage.csv"]
    words = line.partition("gilfree fleet ")[2].split()
    text = run(*words)
    assert "60 unknown" in text and "no rule says whether it is Python" in text
    with pytest.raises(GilfreeError, match=r"rules.yaml exists already"):
        run(fleet[0], "--init", str(started))


def test_init_without_an_inventory_writes_the_columns_of_usage(tmp_path: Path) -> None:
    run("--init", str(tmp_path))
    assert "namespace,name,rps,cpu" in (tmp_path / "usage.csv").read_text()


def test_a_saving_below_the_least_does_not_move_first(fleet: list[str]) -> None:
    def moving(*words: str) -> set[str]:
        found = json.loads(run(*fleet, "--json", *words))
        return {one["name"] for one in found["judged"] if one["verdict"] == "move first"}

    every, default, none = moving("--least-saving", "0"), moving(), moving("--least-saving", "5%,1000000")
    assert not none and none < default <= every
    assert moving("--least-saving", "5%,50") == default


def test_only_nodes_of_one_architecture_are_counted(fleet: list[str], tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.yaml"
    sizes = "allocatable: { cpu: 8, memory: 30Gi }"
    nodes.write_text(
        f"nodes:\n  - {{ name: arm, arch: arm64, {sizes}, price_hour: 0.1 }}\n  - {{ name: amd, {sizes}, price_hour: 0.3 }}\n"
    )
    for arch in ("amd", "arm"):
        counted = json.loads(run(*fleet, "--json", "--nodes", str(nodes), "--arch", f"{arch}64"))["totals"]
        assert {kind["kind"] for one in counted for kind in one["nodes"]["kinds"]} == {arch}
    with pytest.raises(GilfreeError, match="there are nodes of amd64 and arm64, and knees hold for one"):
        run(*fleet, "--nodes", str(nodes))


def test_profiles_of_rules_go_by_the_name_of_their_run(fleet: list[str], tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    (name,) = {line.split("campaign: ")[1].split()[0] for line in rules.read_text().splitlines() if "campaign" in line}
    results = tmp_path / "elsewhere"
    results.mkdir()
    (tmp_path / name).rename(results / "measured")
    rules.write_text(rules.read_text().replace(f"campaign: {name}", "campaign: measured"))
    assert run(*fleet, "--results", str(results)).startswith("Move ")
    with pytest.raises(GilfreeError, match=r"rules.yaml:\d+: profiles.*there is no run 'measured' of gilfree knee"):
        run(*fleet, "--results", str(tmp_path))


def test_a_cluster_that_is_not_there_is_a_message(fleet: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kubernetes")
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    for words in (["--services-from-cluster", *fleet[1:]], [*fleet, "--nodes-from-cluster", "--context", "other"]):
        with pytest.raises(GilfreeError, match=r"no cluster is configured|context 'other' cannot be used"):
            run(*words)


def test_the_lines_of_the_readme_run_as_they_stand(
    fleet: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (Path(__file__).parents[2] / "README.md").read_text().splitlines()
    words = [line.partition("#")[0].split()[2:] for line in lines if line.startswith("gilfree fleet ")]
    monkeypatch.chdir(tmp_path)
    for name in ("rules.yaml", "usage.csv"):
        Path(name).unlink()
    init, rank = words
    run(*init)
    assert "60 unknown" in run(*rank)

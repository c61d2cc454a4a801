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
        ([], "give either an inventory or --from-cluster"),
        (["x.json"], "--rules is missing"),
        (["x.json", "--rules", "r.yaml"], "give either --usage or --prometheus"),
        (["x.json", "--rules", "r.yaml", "--usage", "u.csv"], "r.yaml: cannot be read"),
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
    with pytest.raises(GilfreeError, match="--queries and --header are of --prometheus"):
        run(*fleet, "--queries", str(queries))


def test_an_empty_inventory_is_refused(fleet: list[str]) -> None:
    Path(fleet[0]).write_text('{"kind": "List", "items": []}')
    with pytest.raises(GilfreeError, match="no Deployment in it"):
        run(*fleet)

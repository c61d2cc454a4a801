"""`gilfree fleet` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.errors import GilfreeError
from toolkit.selftest.capacity_scale import write_synthetic_fleet


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["fleet", "--quiet", *words])
    if done.exception is not None:
        raise done.exception
    return done.stdout


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


def test_an_empty_inventory_is_refused(fleet: list[str]) -> None:
    Path(fleet[0]).write_text('{"kind": "List", "items": []}')
    with pytest.raises(GilfreeError, match="no Deployment in it"):
        run(*fleet)

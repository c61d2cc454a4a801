"""Markdown, JSON and the terminal say what the tables say; the schema in docs is the one that files follow."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from tests.report.conftest import Make
from toolkit.cli import app
from toolkit.report import cells, markdown
from toolkit.report.csv_rows import as_csv
from toolkit.report.page import page
from toolkit.report.schema import ReportData, as_json, json_schema
from toolkit.report.tables import table
from toolkit.report.terminal import show

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_schema_is_the_one_in_use() -> None:
    assert (DOCS / "report-schema.json").read_text() == json_schema(), (
        "write it anew: python -c 'from toolkit.report.schema import json_schema; print(json_schema(), end=\"\")'"
    )


@pytest.mark.parametrize("blocks", [0, 2, 10])
def test_json_follows_its_schema(make: Make, blocks: int) -> None:
    text = as_json([page(make(blocks=blocks), draw=False)])
    ReportData.model_validate_json(text, strict=True)
    assert json.loads(text)["report_schema"] == 2


def test_a_campaign_without_a_trial_can_be_reported(make: Make) -> None:
    one = page(make(blocks=0))
    assert one.plots == () and "nothing to compare" in one.decision.first


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_cell_never_breaks_a_markdown_table(text: str) -> None:
    lines = markdown.grid(cells.Grid(("a", "b"), (cells.Line((text, "1")),), 1))
    row = lines[2].replace("\\\\", "").replace("\\|", "")
    assert row.count("|") == 3


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_is_wider_than_the_terminal(make: Make, width: int) -> None:
    out = io.StringIO()
    show([table(make(blocks=2))], Console(file=out, width=width))
    assert max(len(line.rstrip()) for line in out.getvalue().splitlines()) <= width
    assert "10,0" in out.getvalue() or "9,9" in out.getvalue(), "figures are there at any width"


def test_the_command_writes_all_forms(make: Make, tmp_path: Path) -> None:
    campaign = make(blocks=2)
    files = {form: tmp_path / f"out.{form}" for form in ("html", "md", "csv", "json")}
    options = [word for form, file in files.items() for word in (f"--{form}", str(file))]
    done = CliRunner().invoke(app, ["report", campaign.name, "--results", str(campaign.folder.parent), *options])
    assert done.exit_code == 0, done.output
    assert all(file.stat().st_size > 200 for file in files.values())
    assert str(files["html"]) in done.output


def test_quiet_prints_nothing(make: Make, tmp_path: Path) -> None:
    campaign = make(blocks=2)
    argv = [
        "report",
        campaign.name,
        "--results",
        str(campaign.folder.parent),
        "--md",
        str(tmp_path / "x.md"),
        "--quiet",
    ]
    done = CliRunner().invoke(app, argv)
    assert (done.exit_code, done.output) == (0, "")


def test_show_begins_with_the_decision_and_quiet_shows_it_alone(make: Make) -> None:
    campaign = make()
    argv = ["show", campaign.name, "--results", str(campaign.folder.parent)]
    full, quiet = (CliRunner().invoke(app, [*argv, *extra]).output for extra in ([], ["--quiet"]))
    assert full.startswith(quiet)
    assert "3.14t serves" in quiet and "measured" not in quiet
    assert "\x1b[" not in full, "no colours in a pipe"


def test_json_of_show_has_the_decision_in_the_same_words(make: Make) -> None:
    campaign = make(blocks=5, rounds=5)
    argv = ["show", campaign.name, "--results", str(campaign.folder.parent), "--json"]
    (found,) = json.loads(CliRunner().invoke(app, argv).stdout)
    assert found["decision"] == page(campaign, draw=False).data()["decision"]
    assert found["ratios"][0]["low"]["requests_per_second"] < found["ratios"][0]["ratio"]["requests_per_second"]


def test_csv_has_the_ratio_and_its_interval_in_the_row_of_the_candidate(make: Make) -> None:
    campaign = make(blocks=5, rounds=5)
    rows = list(csv.DictReader(io.StringIO(as_csv([table(campaign)]))))
    for one in rows:
        ends = [one[f"ratio_requests_per_second{end}"] for end in ("_low", "", "_high")]
        assert ends == ["", "", ""] if one["arm"] == "3.14" else sorted(map(float, ends)) == list(map(float, ends))

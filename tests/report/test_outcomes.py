"""What did not count is counted by arm: failures of the server apart from rejections by the environment, in every form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.factory import a_record
from tests.simulated import ARMS, a_campaign, two_points
from toolkit.campaign.runner import Campaign
from toolkit.cli import app
from toolkit.report import html, markdown
from toolkit.report.cells import counted, figures
from toolkit.report.csv_rows import as_csv
from toolkit.report.page import page
from toolkit.report.schema import ReportData, as_json
from toolkit.report.tables import table
from toolkit.report.terminal import show

SCHEMA_1 = Path(__file__).parents[1] / "fixtures" / "schema-1"
BLOCKS = 10


def with_outcomes(folder: Path, *, stalls: int = 4, disturbed: int = 2) -> Campaign:
    """A campaign of one point and 10 blocks: 3.14t stalls in the first `stalls` blocks, and `disturbed` trials of 3.14
    were rejected for foreign CPU before their block was repeated.
    """
    scenario = two_points()
    scenario = scenario.model_copy(update={"matrix": scenario.matrix[:1]})
    (point,) = scenario.points()
    campaign = a_campaign(folder, scenario=scenario, blocks=0)
    for block in range(BLOCKS):
        for attempt in range(1, 3 if block < disturbed else 2):
            for arm in ARMS:
                stalled = arm.role == "free-threaded" and block < stalls
                busy = arm.role == "gil" and block < disturbed and attempt == 1
                if stalled and attempt > 1:
                    continue
                campaign.store.append(
                    a_record(
                        point,
                        block,
                        arm.name,
                        attempt,
                        accepted=not stalled and not busy,
                        reason="stalled" if stalled else "foreign-cpu",
                    )
                )
    return campaign


def test_a_table_counts_failures_apart_from_rejections(tmp_path: Path) -> None:
    gil, free = table(with_outcomes(tmp_path / "c")).rows
    assert (gil.failed, gil.rejected, gil.concluded) == ({}, {"foreign-cpu": 2}, BLOCKS)
    assert (free.failed, free.rejected, free.concluded) == ({"stalled": 4}, {}, BLOCKS)
    assert free.blocks == BLOCKS - 4


@pytest.mark.filterwarnings("error")
def test_the_decision_says_a_failure_rate_once_below_its_first_line(tmp_path: Path) -> None:
    words = page(with_outcomes(tmp_path / "c"), draw=False).decision
    rate = "3.14t failed in 4 of 10 blocks (12 to 74%): stalled"
    assert "".join([words.first, *words.lines]).count(rate) == 1
    assert "better choice" not in " ".join(words.lines)


def test_a_seldom_failure_is_named_in_the_decision_with_its_interval(tmp_path: Path) -> None:
    words = page(with_outcomes(tmp_path / "c", stalls=1, disturbed=0), draw=False).decision
    assert "At json-w1-t1-c128 3.14t failed in 1 of 10 blocks (0 to 45%): stalled." in words.lines
    assert "better choice" not in " ".join(words.lines)


def test_the_line_of_counts_names_both_kinds(tmp_path: Path) -> None:
    assert counted(table(with_outcomes(tmp_path / "c"))) == (
        "22 trials: 16 counted, 4 failed (4 stalled), 2 rejected (2 foreign-cpu)"
    )
    assert counted(table(a_campaign(tmp_path / "d", blocks=1))) == "4 trials: 4 counted, none failed, none rejected"


def test_there_is_a_column_for_failures_only_where_a_trial_failed(tmp_path: Path) -> None:
    grid = figures(table(with_outcomes(tmp_path / "c")))
    where = grid.head.index("failed")
    assert [line.cells[where] for line in grid.lines] == ["0 of 10", "4 of 10", ""]
    assert "failed" not in figures(table(a_campaign(tmp_path / "d", blocks=1))).head


@pytest.mark.parametrize("width", [80, 140])
def test_the_terminal_shows_failures_at_any_width(tmp_path: Path, width: int) -> None:
    out = io.StringIO()
    show([table(with_outcomes(tmp_path / "c"))], Console(file=out, width=width))
    assert "0 of 10" in out.getvalue() and "4 of 10" in out.getvalue()


def test_html_and_markdown_list_failed_and_rejected_trials_under_their_own_names(tmp_path: Path) -> None:
    found = page(with_outcomes(tmp_path / "c"), draw=False)
    text = html.render([found], "A report", "of a test")
    failed, rejected = text.index("Failed trials"), text.index("Rejected trials")
    assert "4 × stalled" in text[failed:rejected] and "foreign-cpu" not in text[failed:rejected]
    assert "2 × foreign-cpu" in text[rejected:] and "stalled" not in text[rejected : text.index("<h3>Environment")]
    assert "failed of 22 trials: 4 stalled" in markdown.render([found], "A report", "of a test")


def test_csv_has_both_numbers_and_their_reasons(tmp_path: Path) -> None:
    gil, free = csv.DictReader(io.StringIO(as_csv([table(with_outcomes(tmp_path / "c"))])))
    assert (free["failed"], free["concluded"], free["failed_reasons"], free["rejected"]) == (
        "4",
        "10",
        "4 stalled",
        "0",
    )
    assert (gil["failed"], gil["rejected"], gil["rejected_reasons"]) == ("0", "2", "2 foreign-cpu")


def test_json_has_them_too(tmp_path: Path) -> None:
    text = as_json([page(with_outcomes(tmp_path / "c"), draw=False)])
    ReportData.model_validate_json(text, strict=True)
    (one,) = json.loads(text)["campaigns"]
    assert {trial["reason"] for trial in one["failed"]} == {"stalled"} and len(one["failed"]) == 4
    assert {trial["reason"] for trial in one["rejected"]} == {"foreign-cpu"}


def test_every_form_of_a_report_is_made_of_schema_1(tmp_path: Path) -> None:
    files = {form: tmp_path / f"out.{form}" for form in ("html", "md", "csv", "json")}
    options = [word for form, file in files.items() for word in (f"--{form}", str(file))]
    done = CliRunner().invoke(app, ["report", "old-asgi", "--results", str(SCHEMA_1), *options])
    assert done.exit_code == 0, done.output
    assert "window-too-short" in files["html"].read_text() and "window-too-short" in files["md"].read_text()
    ReportData.model_validate_json(files["json"].read_text(), strict=True)

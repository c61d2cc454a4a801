"""What `show`, `compare`, `report` and the end of `bench` say where there is little or nothing to show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.factory import a_record
from tests.simulated import ARMS, a_campaign
from toolkit.campaign.runner import Campaign
from toolkit.cli import app
from toolkit.cli.shared.last_words import last_words
from toolkit.errors import GilfreeError
from toolkit.records.reasons import Rejection, outcome_of
from toolkit.report.tables import table
from toolkit.scenario.loading import load_scenario, scenario_for_app

REDIRECT = "2000 of 2000 (before): status 307, expected 200; Location: /orders/"


def gilfree(results: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--results", str(results)])


def hopeless(folder: Path) -> Campaign:
    """A campaign that its first block ended: every answer of both arms was a redirect."""
    scenario = load_scenario("asgi")
    scenario = scenario.model_copy(update={"matrix": scenario.matrix[:1]})
    campaign = a_campaign(folder, scenario=scenario, blocks=0)
    for arm in ARMS:
        rejections = [Rejection("wrong-answers", REDIRECT, hopeless=True)]
        one = a_record(scenario.points()[0], 0, arm.name)
        changes = {"rejections": rejections, "outcome": outcome_of(rejections)}
        campaign.store.append(one.model_copy(update=changes))
    return campaign


@pytest.mark.parametrize("command", [["show"], ["show", "--quiet"], ["report"]])
def test_a_campaign_that_its_first_block_ended_says_why_and_what_to_do(tmp_path: Path, command: list[str]) -> None:
    hopeless(tmp_path / "c")
    done = gilfree(tmp_path, *command[:1], "c", *command[1:])
    whole = " ".join(done.output.split())
    assert done.exit_code == 0
    assert REDIRECT in whole and "--path /orders/" in whole
    assert "medians of 0 blocks" not in whole and "nothing to compare yet" not in whole


def test_compare_names_what_failed_where_no_block_is_complete(tmp_path: Path) -> None:
    hopeless(tmp_path / "c")
    done = gilfree(tmp_path, "compare", "c")
    assert "3.14 failed in 1 of 1 block" in done.output.splitlines()[0]
    assert "Holm p" not in done.output, "no table without a line"


def test_every_form_of_a_report_says_why_a_campaign_was_stopped(tmp_path: Path) -> None:
    hopeless(tmp_path / "c")
    files = {form: tmp_path / f"o.{form}" for form in ("html", "md", "json")}
    done = gilfree(tmp_path, "report", "c", *(w for form, file in files.items() for w in (f"--{form}", str(file))))
    assert done.exit_code == 0, done.exception
    assert "status 307" in files["html"].read_text() and "status 307" in files["md"].read_text()
    (one,) = json.loads(files["json"].read_text())["campaigns"]
    assert "--path /orders/" in one["table"]["stopped"][0]["remedy"]


def test_the_last_words_of_bench_are_the_reason_and_its_remedy(tmp_path: Path) -> None:
    said = last_words([table(hopeless(tmp_path / "c"))], ["c stopped: it ended: at once\n  do this"])
    assert said[0] == "gilfree: no trial counted: c: 3.14 at json-w1-t1-c128 (failed: 1 wrong-answers)"
    assert said[-1] == "gilfree: c stopped: it ended: at once\n  do this"
    assert last_words([table(a_campaign(tmp_path / "d", blocks=1))], []) == []
    untried = last_words([table(a_campaign(tmp_path / "e", blocks=0))], [])
    assert untried == ["gilfree: no trial counted: e: 2 points at which an arm was not tried, such as json-w1-t1-c128"]


def test_an_own_service_goes_by_its_path_everywhere(tmp_path: Path) -> None:
    scenario = scenario_for_app("orders:app", "asgi", "/books/1", None)
    a_campaign(tmp_path / "c", scenario=scenario)
    files = {form: tmp_path / f"o.{form}" for form in ("html", "md", "json", "csv")}
    words = (w for form, file in files.items() for w in (f"--{form}", str(file)))
    assert gilfree(tmp_path, "report", "c", *words).exit_code == 0
    texts = [file.read_text() for file in files.values()]
    texts += [gilfree(tmp_path, command, "c").output for command in ("show", "compare")]
    texts += [gilfree(tmp_path, command, "c", "--json").output for command in ("show", "compare")]
    for text in texts:
        assert "/books/1" in text and "/books-1" not in text and "/own" not in text
    (one,) = json.loads(files["json"].read_text())["campaigns"]
    assert {row["path"] for row in one["table"]["rows"]} == {"/books/1"}
    assert one["decision"]["lines"][0].startswith("/books/1 with 64 connections")
    assert one["comparison"]["points"][0]["label"] == "/books/1 1w 64c"


def test_a_table_of_an_own_service_has_no_empty_columns(tmp_path: Path) -> None:
    scenario = load_scenario("asgi").model_copy(update={"published": None, "claims": ()})
    a_campaign(tmp_path / "own", scenario=scenario, blocks=1)
    a_campaign(tmp_path / "shipped", blocks=1)
    assert "published" not in gilfree(tmp_path, "show", "own").output
    assert "published" in gilfree(tmp_path, "show", "shipped").output


@pytest.mark.parametrize(("words", "said"), [(["old"], False), ([], True), (["tron"], True)])
def test_a_broken_campaign_is_mentioned_where_it_could_be_the_one_that_is_meant(
    tmp_path: Path, words: list[str], said: bool
) -> None:
    a_campaign(tmp_path / "old", blocks=1)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "campaign.json").write_text('{"schema": 2, "na')
    done = gilfree(tmp_path, "show", "--quiet", *words)
    assert ("passed over" in done.stderr) == said


def test_a_field_of_a_scenario_is_named_as_a_user_writes_it(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=1)
    about = json.loads((campaign.folder / "campaign.json").read_text())
    about["scenario"]["matrix"] = 5
    (campaign.folder / "campaign.json").write_text(json.dumps(about))
    done = gilfree(tmp_path, "show", "c")
    assert isinstance(done.exception, GilfreeError)
    assert "scenario.matrix: " in done.exception.message and "('" not in done.exception.message


def test_a_campaign_whose_trials_are_gone_is_shown_as_empty(tmp_path: Path) -> None:
    campaign = a_campaign(tmp_path / "c", blocks=1)
    campaign.store.file.unlink()
    shutil.rmtree(campaign.folder / "logs")
    for command in ("show", "compare", "report"):
        done = gilfree(tmp_path, command, "c")
        assert done.exit_code == 0 and "nothing to compare yet" in done.output

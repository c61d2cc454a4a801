"""A campaign that an older gilfree measured is shown, compared and reported, and never changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from toolkit.cli import app
from toolkit.errors import GilfreeError

OLD = Path(__file__).parents[1] / "fixtures" / "schema-1"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A copy of the folder that holds the old campaign."""
    return Path(shutil.copytree(OLD, tmp_path / "results"))


def gilfree(results: Path, *words: str) -> Result:
    done = CliRunner().invoke(app, [*words, "--results", str(results)])
    assert {file.name: file.read_bytes() for file in (results / "old-asgi").iterdir() if file.is_file()} == {
        file.name: file.read_bytes() for file in (OLD / "old-asgi").iterdir() if file.is_file()
    }
    return done


def test_it_is_shown_with_its_counted_blocks_and_what_was_rejected(results: Path) -> None:
    done = gilfree(results, "show", "old-asgi", "--json")
    assert done.exit_code == 0, done.output
    (table,) = json.loads(done.stdout)
    assert [row["blocks"] for row in table["rows"]] == [2, 2, 2, 2]
    assert table["rejected"] == {"window-too-short": 1}


def test_it_is_compared(results: Path) -> None:
    done = gilfree(results, "compare", "old-asgi", "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    assert (found["campaign"], found["blocks"], len(found["contrasts"])) == ("old-asgi", 2, 1)


def test_it_is_reported(results: Path) -> None:
    done = gilfree(results, "report", "old-asgi", "--md", str(results / "old.md"), "--json", str(results / "old.json"))
    assert done.exit_code == 0, done.output
    assert "old-asgi" in (results / "old.md").read_text()
    assert json.loads((results / "old.json").read_text())


def test_it_is_not_continued(results: Path) -> None:
    done = gilfree(results, "bench", "--resume", "old")
    assert isinstance(done.exception, GilfreeError)
    assert "can be shown, compared and reported, not continued" in done.exception.message

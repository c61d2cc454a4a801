"""`gilfree doctor` as a user runs it: what it prints and with which code it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from toolkit.cli import doctor
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair

app = typer.Typer()
doctor.register(app)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Requirements of nothing: resolved without asking any index."""
    file = tmp_path / "requirements.txt"
    file.write_text("--no-index\n")
    return file


def test_with_a_pair_here_nothing_is_missing_and_it_exits_0(pair: Pair) -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0, result.output
    assert "nothing is missing" in result.output
    assert f"pair {pair.gil.version} and {pair.gil.version}t" in result.output


def test_json_holds_the_same_and_nothing_else_is_on_standard_output(pair: Pair, plain: Path) -> None:
    result = CliRunner().invoke(app, [str(plain), "--json"])
    data = json.loads(result.stdout)
    assert data["doctor_schema"] == 1
    assert data["python"] == load_lock().resolve("3.14").version
    assert {"name", "state", "detail", "remedy"} == set(data["checks"][0])
    assert data["requirements"]["ready"] is True
    assert data["requirements"]["gil"]["tried"] == 0
    assert result.exit_code == 0


def test_without_an_interpreter_the_wheels_are_reported_and_the_rest_is_unknown_with_exit_1(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    result = CliRunner().invoke(app, [str(plain)])
    assert "no wheel for 3.14t: none" in result.output
    assert "unknown" in result.output and "gilfree pythons" in result.output
    assert result.exit_code == 1


def test_wrong_input_is_refused_by_name(pair: Pair, plain: Path) -> None:
    for arguments, named in (
        (["/no/such/file.txt"], "/no/such/file.txt"),
        (["--python", "3.9"], "3.9"),
        ([str(plain), "--free-threaded", str(pair.gil.executable)], "--free-threaded"),
    ):
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, GilfreeError)
        assert named in result.exception.message

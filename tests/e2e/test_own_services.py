"""Somebody's own service that cannot be measured as it was named: said after the first block, in words to act on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.records.store import Record, Store

SERVICES = Path(__file__).parent / "services"
QUICK = ("--duration", "1s", "--limit", "foreign_cpu=1", "--limit", "steal=1", "--name", "mine")


def bench(folder: Path, service: str, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of `gilfree bench --app` with a project of this one module, without dependencies."""
    project = folder / "project"
    project.mkdir()
    shutil.copy(SERVICES / f"{service}.py", project / "service.py")
    command = [sys.executable, "-m", "toolkit.cli", "bench", "--project", str(project), *QUICK, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stderr


def records(folder: Path) -> list[Record]:
    return Store(folder / "results" / "mine-own-app" / "trials.jsonl").read()


@pytest.mark.usefixtures("rewrk", "arms")
@pytest.mark.parametrize("target", ["service:create_app", "service:create_app()"])
def test_a_factory_is_refused_before_anything_is_measured(tmp_path: Path, target: str) -> None:
    code, said = bench(tmp_path, "factory", "--app", target, "--interface", "asgi")
    assert code == 2
    assert "factory" in said and "from service import create_app; app = create_app()" in said
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("rewrk", "arms")
def test_a_redirect_stops_after_one_block_and_names_the_path_to_load(tmp_path: Path) -> None:
    code, said = bench(
        tmp_path, "redirects", "--app", "service:app", "--interface", "wsgi", "--path", "/orders", "--blocks", "5"
    )
    assert code == 1
    assert "status 307, expected 200; Location: /orders/" in said and "--path /orders/" in said
    assert [(one.block, one.attempt, one.outcome) for one in records(tmp_path)] == [(0, 1, "failed")] * 2


@pytest.mark.usefixtures("rewrk", "arms")
def test_an_app_that_fails_on_every_request_is_named_with_its_own_error(tmp_path: Path) -> None:
    code, said = bench(tmp_path, "fails", "--app", "service:app", "--interface", "wsgi", "--blocks", "5")
    assert code == 1
    assert "was given up: 3.14" in said and "status 500" in said
    assert "The app's own error: KeyError: 'orders'" in said
    assert [(one.block, one.attempt, one.outcome) for one in records(tmp_path)] == [(0, 1, "failed")] * 2


@pytest.mark.usefixtures("rewrk", "arms")
def test_an_answer_that_grows_is_accepted(tmp_path: Path) -> None:
    _, said = bench(tmp_path, "counts_visits", "--app", "service:app", "--interface", "wsgi", "--blocks", "1")
    # Noise of a shared machine may reject a trial; what the app answers must never be the reason.
    found = {reason.reason for one in records(tmp_path) for reason in one.rejections}
    assert found <= {"foreign-cpu", "stolen", "stalled", "loader-saturated"}, said
    assert any(one.metrics.requests_per_second for one in records(tmp_path))

"""Somebody's own service, with dependencies of its own, is measured by one command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "orders"


def gilfree(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.usefixtures("rewrk", "arms")
def test_a_project_is_installed_into_both_variants_and_measured(tmp_path: Path) -> None:
    project = tmp_path / "orders"
    shutil.copytree(PROJECT, project)
    done = gilfree(
        *("bench", "--app", "orders.service:app", "--interface", "asgi", "--path", "/orders", "--project", "orders"),
        *(
            "--blocks",
            "1",
            "--duration",
            "1s",
            "--limit",
            "foreign_cpu=1",
            "--limit",
            "steal=1",
            "--name",
            "mine",
            "--json",
        ),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)
    assert [row["blocks"] for row in table["rows"]] == [1, 1]
    assert all(row["measured"]["requests_per_second"] > 0 for row in table["rows"])
    about = json.loads((tmp_path / "results" / "mine-own-app" / "campaign.json").read_text())
    assert {"msgspec", "starlette", "granian", "orders"} <= about["packages"].keys()
    assert "flask" not in about["packages"]


@pytest.mark.usefixtures("arms")
def test_a_dependency_without_a_wheel_is_named(tmp_path: Path) -> None:
    project = tmp_path / "orders"
    shutil.copytree(PROJECT, project)
    (project / "pyproject.toml").write_text(
        (project / "pyproject.toml").read_text().replace("msgspec>=0.19", "no-such-package-for-gilfree>=1")
    )
    done = gilfree("bench", "--app", "orders.service:app", "--project", "orders", cwd=tmp_path)
    assert done.returncode == 2
    assert "no-such-package-for-gilfree" in done.stderr
    assert "gilfree doctor" in done.stderr

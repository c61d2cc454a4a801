"""What was not tested is said at the end, with what would enable it; and the gate does not pass over it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(tmp_path: Path, body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A pytest of its own with this project's policy, over one file."""
    (tmp_path / "test_one.py").write_text(f"import pytest\n{body}")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GILFREE_", "PYTEST_"))}
    pytest_here = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "/dev/null"]
    markers = ["-o", "markers=engine: x\ncluster: x\nslow: x", "-m", "not slow"]
    return subprocess.run(
        [*pytest_here, *markers, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


SKIPPED = "def test_a(): pass\ndef test_b(): pytest.skip('there is no moon; wait for the night')\n"


def test_a_skipped_test_is_named_with_its_remedy_after_all_others(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPED)
    assert done.returncode == 0
    ending = done.stdout.split("skipped, and what would enable it")[1]
    assert "test_one.py::test_b: Skipped: there is no moon; wait for the night" in ending
    assert "1 passed, 1 skipped" in ending.splitlines()[-1]


def test_under_the_gate_a_skipped_test_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPED, GILFREE_NO_SKIPS="1")
    assert done.returncode == 1
    assert "GILFREE_NO_SKIPS is set" in done.stdout


def test_under_the_gate_a_run_without_skips_passes(tmp_path: Path) -> None:
    assert run(tmp_path, "def test_a(): pass\n", GILFREE_NO_SKIPS="1").returncode == 0


def test_a_whole_file_that_is_skipped_counts_too(tmp_path: Path) -> None:
    done = run(tmp_path, "pytest.skip('not here', allow_module_level=True)\n", GILFREE_NO_SKIPS="1")
    assert done.returncode != 0


@pytest.mark.parametrize("body", ["", "@pytest.mark.slow\ndef test_a(): pass\n"])
def test_a_run_that_ran_nothing_is_a_failure(tmp_path: Path, body: str) -> None:
    assert run(tmp_path, body).returncode != 0


@pytest.mark.parametrize(
    ("marker", "nowhere", "remedy"),
    [
        ("engine", {"DOCKER_HOST": "unix:///no/such/socket"}, "install Docker"),
        ("cluster", {"KUBECONFIG": "/no/such/file", "HOME": "/nowhere"}, "set KUBECONFIG"),
    ],
)
def test_without_what_a_test_needs_it_is_skipped_and_the_remedy_said(
    tmp_path: Path, marker: str, nowhere: dict[str, str], remedy: str
) -> None:
    body = f"@pytest.mark.{marker}\ndef test_a(): raise AssertionError\ndef test_b(): pass\n"
    done = run(tmp_path, body, **nowhere)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout and f"to enable: {remedy}" in done.stdout
    assert run(tmp_path, body, GILFREE_NO_SKIPS="1", **nowhere).returncode == 1

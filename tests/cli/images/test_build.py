"""`gilfree images`: what is asked for wrongly is said before anything is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def images(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit.cli", "images", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build", "--push"), "--registry HOST"),
        (("build", "--registry", "r.example"), "--push --registry"),
        (("build", "--push", "--registry", "https://r.example"), "is no registry"),
        (("build", "--project", "."), "--app package.module:app"),
        (("build", "--pip-index", "ftp://x"), "--pip-index"),
        (("build", "--ca", "/nowhere.pem"), "/nowhere.pem"),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(arguments: tuple[str, ...], words: str) -> None:
    done = images(*arguments)
    assert done.returncode == 2
    assert words in done.stderr and "remedy:" in done.stderr and "Traceback" not in done.stderr


def test_without_an_engine_it_says_where_it_looked(tmp_path: Path) -> None:
    socket = tmp_path / "docker.sock"
    done = images("build", DOCKER_HOST=f"unix://{socket}")
    assert done.returncode == 2
    assert str(socket) in done.stderr and "install Docker" in done.stderr and "Traceback" not in done.stderr


def test_a_registrys_password_is_not_repeated_in_the_command_to_run_again(tmp_path: Path) -> None:
    done = images("build", "--pip-index", "https://me:secret@i.example", DOCKER_HOST=f"unix://{tmp_path}/none")
    assert "secret" not in done.stderr

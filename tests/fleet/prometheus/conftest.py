"""A real Prometheus, and a server that has the faults which the real one lacks."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.prometheus.answering import Answers, answering
from toolkit.paths import cache


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A server on this machine that answers as a test says."""
    with answering() as made:
        yield made


@pytest.fixture(scope="session")
def prometheus_folder() -> Path:
    """The folder of `prometheus` and `promtool`: those on PATH, else Debian's package, unpacked into the user's cache once."""
    found = shutil.which("prometheus")
    if found and shutil.which("promtool", path=str(Path(found).parent)):
        return Path(found).parent
    folder = cache("tests", "prometheus")
    if not (folder / "usr/bin/promtool").exists():
        _unpack(folder)
    return folder / "usr/bin"


def _unpack(folder: Path) -> None:
    """Download Debian's package as this machine's own apt does, and unpack it without installing it."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        pytest.skip("there is no prometheus on PATH, and no apt-get to download Debian's package: install Prometheus")
    for command in (
        ["apt-get", "download", "prometheus"],
        ["apt-get", "update"],
        ["apt-get", "download", "prometheus"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        packages = list(folder.glob("prometheus_*.deb"))
        if packages:
            subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True, timeout=120)
            packages[0].unlink()
            return
    pytest.skip(f"Debian's package prometheus cannot be downloaded: {done.stderr[-300:]}; install Prometheus")

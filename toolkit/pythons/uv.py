"""uv: its managed CPython builds, and the one place that runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit import paths
from toolkit.errors import GilfreeError
from toolkit.pythons.lock import LockedSeries
from toolkit.pythons.pair import Pair, foreign_pair, inspect_interpreter
from toolkit.setup.index import uv_environment

DOWNLOAD_TIMEOUT_SECONDS = 300


class UvFailed(GilfreeError):
    """uv ended with an error or took too long; the message holds the end of its output."""


def uv() -> str:
    """The path of the uv that is installed with the toolkit, else of the one on PATH. Raises GilfreeError without one."""
    installed = Path(sys.executable).with_name("uv")
    found = str(installed) if installed.exists() else shutil.which("uv")
    if found is None:
        raise GilfreeError("uv is not installed", "run `make bench` or `pip install uv`")
    return found


def run_uv(
    arguments: Sequence[str], *, timeout_seconds: float = 600, environment: Mapping[str, str] | None = None
) -> str:
    """uv's standard output. environment: added to this process's. Raises UvFailed when it fails or takes too long."""
    # Otherwise uv would take the toolkit's own environment for the one that it is to change.
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(
            [uv(), *arguments],
            env=clean | uv_environment(clean) | dict(environment or {}),
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise UvFailed(f"`uv {' '.join(arguments[:3])} …` did not end within {timeout_seconds:.0f} s") from None
    if done.returncode:
        raise UvFailed(f"`uv {' '.join(arguments[:3])} …` failed: {done.stderr.strip()[-1500:]}")
    return done.stdout


def downloaded_pair(entry: LockedSeries) -> Pair | None:
    """uv's pair where both variants were downloaded before, else None. Raises GilfreeError when it cannot be used."""
    downloads = paths.cache("uv-pythons")
    if all(any(downloads.glob(f"cpython-{entry.version}{kind}-*/bin")) for kind in ("", "+freethreaded")):
        return managed_pair(entry)  # both are here, so this downloads nothing
    return None


def managed_pair(entry: LockedSeries) -> Pair:
    """Both variants of the exact version from uv, downloaded unless they are already. Raises GilfreeError with the reason.

    The python-build-standalone project builds them with PGO and LTO. There are no retries, since behind a firewall each
    would only wait.
    """
    folder = str(paths.cache("uv-pythons"))
    requests = (f"cpython-{entry.version}", f"cpython-{entry.version}+freethreaded")
    limits = {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "60", "UV_HTTP_CONNECT_TIMEOUT": "5"}
    run_uv(
        ["python", "install", "--no-bin", "--install-dir", folder, *requests],
        timeout_seconds=DOWNLOAD_TIMEOUT_SECONDS,
        environment=limits,
    )
    found = []
    for request in requests:
        where = run_uv(
            ["python", "find", "--managed-python", "--no-project", request],
            environment={**limits, "UV_PYTHON_INSTALL_DIR": folder},
        )
        found.append(inspect_interpreter(Path(where.strip())))
    gil, free_threaded = found
    return foreign_pair(entry.series, entry.version, "uv-managed (python-build-standalone)", gil, free_threaded)

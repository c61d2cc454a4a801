"""The first command on a fresh clone: .venv from the lock, again only when the lock's content says so, a mirror respected.

A clone with one dependency stands in for the real one, so that each of these takes a second; uv, pip and the indexes
(served on loopback) are real.
"""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from toolkit import paths
from toolkit.pythons.uv import uv
from toolkit.setup import bootstrap

TOOLKIT = Path(bootstrap.__file__).resolve().parents[1]
BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python3"

PYPROJECT = """
[project]
name = "small"
version = "1"
requires-python = ">=3.11"
dependencies = ["tiny"]
optional-dependencies = { more = [] }

[build-system]
requires = []
build-backend = "small_backend"
backend-path = ["."]
"""

# What hatchling does for the real project, without asking an index for it.
BACKEND = """
import zipfile
from pathlib import Path

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "small-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("small.pth", str(Path.cwd()))
        wheel.writestr("small-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\nRequires-Dist: tiny\\n")
        wheel.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("small-1.dist-info/entry_points.txt", "[console_scripts]\\nsmall = tiny:main\\n")
        wheel.writestr("small-1.dist-info/RECORD", "")
    return name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return build_editable(wheel_directory)
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def an_index(folder: Path) -> http.server.ThreadingHTTPServer:
    """A package index with the one dependency, served from a folder on a free port."""
    project = folder / "tiny"
    project.mkdir(parents=True, exist_ok=True)
    wheel = project / "tiny-1-py3-none-any.whl"
    if not wheel.exists():
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny.py", "def main():\n    print('tiny')\n")
            archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
            archive.writestr(
                "tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr("tiny-1.dist-info/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (project / "index.html").write_text(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>')
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def address(server: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    server = an_index(tmp_path / "index")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without a configured mirror, with uv on PATH."""
    dropped = ("UV_", "PIP_", "VIRTUAL_ENV", "XDG_")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return clean | {
        "PATH": f"{Path(uv()).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
        "UV_HTTP_RETRIES": "0",
    }


@pytest.fixture
def clone(tmp_path: Path, index: http.server.ThreadingHTTPServer, environment: dict[str, str]) -> Path:
    """The bootstrap in a small project that is locked against the index."""
    folder = tmp_path / "clone"
    shutil.copytree(TOOLKIT / "setup", folder / "toolkit" / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "errors.py"):
        shutil.copy(TOOLKIT / name, folder / "toolkit")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "small_backend.py").write_text(BACKEND)
    subprocess.run([uv(), "lock", "-q", "--default-index", address(index)], cwd=folder, env=environment, check=True)
    return folder


def start(clone: Path, environment: dict[str, str], python: Path = BASE_PYTHON) -> subprocess.CompletedProcess[str]:
    script = clone / "toolkit" / "setup" / "bootstrap.py"
    return subprocess.run([python, script], env=environment, capture_output=True, text=True, check=False)


def works(clone: Path) -> bool:
    script = clone / ".venv" / "bin" / "small"
    return subprocess.run([script], capture_output=True, text=True, check=True).stdout == "tiny\n"


def test_a_fresh_clone_is_set_up_once_and_then_nothing_is_done(clone: Path, environment: dict[str, str]) -> None:
    first = start(clone, environment)
    assert first.returncode == 0, first.stderr
    assert "installing the toolkit" in first.stderr
    assert works(clone)
    again = start(clone, {**environment, "PATH": "/nowhere"})  # neither uv nor anything else is needed
    assert (again.returncode, again.stderr) == (0, "")


def test_another_lock_is_a_reason_and_another_time_is_none(clone: Path, environment: dict[str, str]) -> None:
    assert start(clone, environment).returncode == 0
    os.utime(clone / "uv.lock")
    os.utime(clone / "pyproject.toml")
    assert start(clone, environment).stderr == ""
    with (clone / "uv.lock").open("a") as lock:
        lock.write("\n# changed\n")
    changed = start(clone, environment)
    assert changed.returncode == 0 and "installing" in changed.stderr


def test_a_clone_that_was_moved_works_where_it_stands_now(clone: Path, environment: dict[str, str]) -> None:
    assert start(clone, environment).returncode == 0
    elsewhere = clone.rename(clone.with_name("elsewhere"))
    moved = start(elsewhere, environment)
    assert moved.returncode == 0, moved.stderr
    assert works(elsewhere)
    assert str(clone) not in (elsewhere / ".venv" / "bin" / "small").read_text()


def test_an_environment_whose_python_was_removed_is_made_again(clone: Path, environment: dict[str, str]) -> None:
    assert start(clone, environment).returncode == 0
    python = clone / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.2")  # as after an upgrade of the system
    repaired = start(clone, environment)
    assert repaired.returncode == 0, repaired.stderr
    assert works(clone)


@pytest.mark.parametrize("left", ["", "bin", "bin/python"])
def test_an_environment_that_was_left_half_made_is_no_obstacle(
    clone: Path, environment: dict[str, str], left: str
) -> None:
    half = clone / ".venv" / left
    half.parent.mkdir(parents=True, exist_ok=True)
    half.mkdir() if not left.endswith("python") else half.touch()
    repaired = start(clone, environment)
    assert repaired.returncode == 0, repaired.stderr
    assert works(clone)


def test_the_callers_own_virtual_environment_is_left_alone(clone: Path, environment: dict[str, str]) -> None:
    own = clone.parent / "own"
    asked = {**environment, "VIRTUAL_ENV": str(own), "UV_PROJECT_ENVIRONMENT": str(own)}
    assert start(clone, asked).returncode == 0
    assert not own.exists()
    assert works(clone)


@pytest.mark.parametrize("setting", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL", "pip.conf"])
def test_behind_a_mirror_the_locks_own_addresses_are_not_asked(
    clone: Path, environment: dict[str, str], index: http.server.ThreadingHTTPServer, setting: str
) -> None:
    mirror = an_index(clone.parent / "index")
    index.shutdown()
    index.server_close()  # where the lock's addresses point to, nobody answers now
    if setting == "pip.conf":
        file = Path(environment["HOME"], ".config", "pip", "pip.conf")
        file.parent.mkdir(parents=True)
        file.write_text(f"[global]\nindex-url = {address(mirror)}\n")
    else:
        environment[setting] = address(mirror)
    done = start(clone, environment)
    mirror.shutdown()
    mirror.server_close()
    assert done.returncode == 0, done.stderr
    assert works(clone)


def test_behind_a_mirror_the_locks_hashes_still_decide(clone: Path, environment: dict[str, str]) -> None:
    other = clone.parent / "other"
    mirror = an_index(other)
    with zipfile.ZipFile(other / "tiny" / "tiny-1-py3-none-any.whl", "a") as wheel:
        wheel.writestr("more.py", "")
    (other / "tiny" / "index.html").write_text('<a href="tiny-1-py3-none-any.whl">as if it were the same</a>')
    done = start(clone, {**environment, "UV_DEFAULT_INDEX": address(mirror)})
    mirror.shutdown()
    mirror.server_close()
    assert done.returncode == 2
    assert "hash" in done.stderr.lower()
    assert start(clone, environment).returncode == 0  # and nothing claims that this one was good


def test_an_index_that_does_not_answer_is_said_with_the_remedy(
    clone: Path, environment: dict[str, str], index: http.server.ThreadingHTTPServer
) -> None:
    index.shutdown()
    index.server_close()
    done = start(clone, {**environment, "UV_CACHE_DIR": str(clone.parent / "empty")})
    assert done.returncode == 2
    assert "PIP_INDEX_URL" in done.stderr and "Traceback" not in done.stderr


def pretend(clone: Path, what: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The bootstrap in a Python that takes itself for another."""
    script = clone / "toolkit" / "setup" / "bootstrap.py"
    code = f"import runpy, sys; {what}; runpy.run_path({str(script)!r}, run_name='__main__')"
    return subprocess.run([BASE_PYTHON, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_other_systems_are_refused_with_the_reason(clone: Path, environment: dict[str, str]) -> None:
    done = pretend(clone, "sys.platform = 'darwin'", environment)
    assert done.returncode == 2
    assert "Linux only" in done.stderr and "darwin" in done.stderr


def test_a_python_that_is_too_old_is_refused_with_the_remedy(clone: Path, environment: dict[str, str]) -> None:
    done = pretend(clone, "sys.version_info = (3, 9, 2)", {**environment, "PATH": "/nowhere"})
    assert done.returncode == 2
    assert "3.11 or newer is needed" in done.stderr and "3.9.2" in done.stderr and "PYTHON3=" in done.stderr


def test_a_newer_python_on_path_is_taken_instead(clone: Path, environment: dict[str, str]) -> None:
    folder = clone.parent / "bin"
    folder.mkdir()
    (folder / "python3.11").symlink_to(BASE_PYTHON.resolve())
    (folder / "uv").symlink_to(uv())
    done = pretend(clone, "sys.version_info = (3, 9, 2)", {**environment, "PATH": str(folder)})
    assert done.returncode == 0, done.stderr
    assert works(clone)


def test_uv_is_installed_at_the_locked_version_when_path_has_none(tmp_path: Path, environment: dict[str, str]) -> None:
    """With the real index: the toolkit's lock says which uv, pip brings it."""
    folder = tmp_path / "real"
    shutil.copytree(TOOLKIT / "setup", folder / "toolkit" / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    root = paths.shipped("images").parent
    for name in ("toolkit/__init__.py", "toolkit/console.py", "toolkit/errors.py", "uv.lock"):
        shutil.copy(root / name, folder / name)
    pip = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r});"
        "from toolkit.setup import bootstrap; import os;"
        "print(bootstrap.find_uv(dict(os.environ)), bootstrap.locked_uv())"
    )
    done = subprocess.run(
        [BASE_PYTHON, "-c", code],
        env={**environment, **pip, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    where, version = done.stdout.split()
    assert where == str(folder / ".venv" / "bin" / "uv")
    assert subprocess.run([where, "--version"], capture_output=True, text=True, check=True).stdout.split()[1] == version

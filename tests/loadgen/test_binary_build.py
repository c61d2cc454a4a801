"""Building a load generator: what fails half way is never found afterwards, and says why.

A cargo of our own does what it is told, in no time; the real one has built the rewrk that it hands out.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from packaging.version import Version

from toolkit.errors import GilfreeError
from toolkit.loadgen.binaries import Binary, ensure_binary, find_binary, find_cargo, needs_of
from toolkit.setup import needs
from toolkit.setup.packages import missing_needs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and home, a PATH without rewrk, and nothing that a build would have to install first."""
    if missing_needs([need for need in needs.LOAD_GENERATORS if need is not needs.CARGO and not need.optional]):
        pytest.fail(f"a build needs these system packages: {missing_needs(needs.LOAD_GENERATORS)}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CARGO_HOME", raising=False)
    return tmp_path / "cache" / "gilfree"


def a_cargo(folder: Path, does: str, version: str = "1.85.0") -> None:
    """A fake cargo that prints its version, and runs a given script to install; $root is the folder to install into."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cargo"
    file.write_text(
        f'#!/bin/bash\nif [ "$1" = --version ]; then echo "cargo {version} (x)"; exit; fi\nroot=${{@: -1}}\n{does}\n'
    )
    file.chmod(0o755)


def handing_out(rewrk: Binary) -> str:
    return f"echo '   Compiling one v1'; cp -r {Path(rewrk.path).parent.parent} $root"


def left_in(cache: Path) -> list[Path]:
    return [path for path in (cache / "tools").glob("*/*") if path.name != ".lock"]


def test_what_is_built_once_is_found_from_then_on(cache: Path, tmp_path: Path, rewrk: Binary) -> None:
    a_cargo(tmp_path / "bin", handing_out(rewrk))
    built = ensure_binary("rewrk", print)
    assert (built.how, built.version, built.sha256) == ("built", rewrk.version, rewrk.sha256)
    a_cargo(tmp_path / "bin", "exit 1")
    again = ensure_binary("rewrk", print)
    assert (again.how, again.path) == ("cache", built.path)
    assert [path.name for path in left_in(cache)] == ["root"]
    assert needs_of("rewrk") == ()


def test_a_build_that_fails_shows_what_was_said_last_and_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    a_cargo(tmp_path / "bin", "mkdir -p $root/bin; echo 'error: could not find OpenSSL' >&2; exit 101")
    said: list[str] = []
    with pytest.raises(GilfreeError, match="could not find OpenSSL"):
        ensure_binary("rewrk", said.append)
    assert any(".log" in words for words in said)
    assert left_in(cache) == []


def test_an_old_cargo_that_fails_is_reported_with_its_index(cache: Path, tmp_path: Path) -> None:
    a_cargo(tmp_path / "bin", "exit 101", version="1.65.0")
    with pytest.raises(GilfreeError) as caught:
        ensure_binary("rewrk", print)
    assert "GitHub" in caught.value.remedy and "rustup" in caught.value.remedy


def test_a_cargo_that_is_too_old_is_refused_with_the_remedy(cache: Path, tmp_path: Path) -> None:
    a_cargo(tmp_path / "bin", "exit 0", version="1.65.0")
    with pytest.raises(GilfreeError, match=r"oha needs cargo 1\.77 or newer, here is 1\.65\.0") as caught:
        ensure_binary("oha", print)
    assert "rustup" in caught.value.remedy and "cargo-web" in caught.value.remedy


def test_a_cargo_of_rustup_serves_before_path_knows_it(cache: Path, tmp_path: Path) -> None:
    a_cargo(tmp_path / "bin", "exit 0", version="1.65.0")
    a_cargo(tmp_path / ".cargo" / "bin", "exit 0", version="1.90.0")
    assert find_cargo(Version("1.77")) == str(tmp_path / ".cargo" / "bin" / "cargo")
    assert find_cargo(Version("1.99")) is None


def test_a_build_that_is_interrupted_ends_its_children_and_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    marker = tmp_path / "compiler"
    a_cargo(tmp_path / "bin", f"mkdir -p $root; sh -c 'echo $$ > {marker}; exec sleep 600'")
    code = "from toolkit.loadgen.binaries import ensure_binary; ensure_binary('rewrk', print)"
    builder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (marker.exists() and marker.read_text().strip()) and time.monotonic() < deadline:
        assert builder.poll() is None
    builder.send_signal(signal.SIGINT)
    builder.wait(30)
    compiler = int(marker.read_text())
    while running(compiler) and time.monotonic() < deadline:
        assert builder.returncode is not None
    assert not running(compiler)
    assert left_in(cache) == []


def running(pid: int) -> bool:
    """Whether a process still runs; one that has ended may wait a while for the init process to take note of it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_killed_build_left_is_removed_by_the_next(cache: Path, tmp_path: Path, rewrk: Binary) -> None:
    a_cargo(tmp_path / "bin", handing_out(rewrk))
    folder = Path(ensure_binary("rewrk", print).path).parents[2]
    (folder / "root" / ".crates2.json").unlink()  # so that it is built again
    (folder / "build-abandoned" / "target").mkdir(parents=True)
    assert ensure_binary("rewrk", print).how == "built"
    assert [path.name for path in left_in(cache)] == ["root"]


def test_a_binary_that_no_longer_starts_is_built_again(cache: Path, tmp_path: Path, rewrk: Binary) -> None:
    a_cargo(tmp_path / "bin", handing_out(rewrk))
    binary = Path(ensure_binary("rewrk", print).path)
    binary.write_text("#!/no/such/loader\n")  # as after its libraries were upgraded
    assert find_binary("rewrk", print) is None
    assert ensure_binary("rewrk", print).sha256 == rewrk.sha256

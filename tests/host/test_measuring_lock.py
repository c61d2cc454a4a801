"""One measurement at a time: whoever comes second waits and says so, and a holder that dies leaves nothing locked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from toolkit.host.measuring_lock import MeasuringLock, holder_of

HOLDS = """
import sys
from pathlib import Path
from toolkit.host.measuring_lock import MeasuringLock
lock = MeasuringLock(Path(sys.argv[1]))
lock.acquire()
print("acquired", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that takes the lock, prints `acquired`, and releases it when it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def printed(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_whoever_comes_second_says_why_it_waits_and_gets_the_lock_when_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path
    with another_process(folder) as first:
        assert printed(first) == "acquired"
        with another_process(folder) as second:
            assert said(second) == (
                f"waiting: another measurement runs on this machine (process {first.pid} holds the lock on {folder})"
            )
            let_go(first)
            assert printed(first) == "released"
            assert printed(second) == "acquired"


def test_a_holder_that_is_killed_leaves_the_lock_free(tmp_path: Path) -> None:
    with another_process(tmp_path) as first:
        assert printed(first) == "acquired"
        with another_process(tmp_path) as second:
            assert said(second).startswith("waiting")
            first.kill()
            assert printed(second) == "acquired"


def test_a_server_that_the_holder_started_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = MeasuringLock(tmp_path)
    lock.acquire()
    server = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, preexec_fn=lambda: os.sched_getaffinity(0)
    )
    with server:
        with another_process(tmp_path) as other:
            assert said(other).startswith("waiting")  # the fork released nothing
            lock.release()
            assert printed(other) == "acquired"
        assert server.stdin is not None
        server.stdin.close()


def test_taking_it_twice_is_taking_it_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = MeasuringLock(tmp_path)
    lock.acquire()
    lock.acquire()
    lock.release()
    with another_process(tmp_path) as other:
        assert printed(other) == "acquired"
    lock.release()  # not held: nothing happens
    assert capsys.readouterr().err == ""


def test_nothing_is_created_so_nothing_can_be_there_first(tmp_path: Path) -> None:
    lock = MeasuringLock(tmp_path)
    lock.acquire()
    assert list(tmp_path.iterdir()) == []
    lock.release()


def test_it_is_one_lock_whatever_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from toolkit.host.measuring_lock import MeasuringLock; print(MeasuringLock()._folder)"
    folders = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv("TMPDIR", str(tmp_path / name))
        folders.add(subprocess.check_output([sys.executable, "-c", code], text=True).strip())
    assert len(folders) == 1
    assert not any(folder.startswith(str(tmp_path)) for folder in folders)


TAKES_IT = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
try:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("is held")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_an_ordinary_user_shares_the_lock_with_root(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a folder that he may not write to, as the file systems of some containers are."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        lock = MeasuringLock(Path(name))
        lock.acquire()
        taken = subprocess.run(
            ["/usr/bin/python3", "-c", TAKES_IT, name], user=65534, text=True, capture_output=True, check=False
        )
        lock.release()
    assert (taken.stdout, taken.stderr) == ("is held\n", "")


def test_who_holds_a_lock_is_read_from_the_kernels_table() -> None:
    table = [
        "1: POSIX  ADVISORY  WRITE 11 00:1a:7 0 EOF",
        "2: FLOCK  ADVISORY  WRITE 12 00:1a:8 0 EOF",
        "3: FLOCK  ADVISORY  WRITE 13 00:1a:7 0 EOF",
        "3: -> FLOCK  ADVISORY  WRITE 14 00:1a:7 0 EOF",
    ]
    assert holder_of(table, 0, 0x1A, 7) == 13
    assert holder_of(table, 0, 0x1A, 9) is None

"""One measurement at a time: whoever comes second waits and says so, and a holder that dies leaves nothing locked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from toolkit.host.measuring_lock import MeasuringLock

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
    folder = tmp_path / "lock"
    with another_process(folder) as first:
        assert printed(first) == "acquired"
        with another_process(folder) as second:
            assert said(second) == (f"waiting: another measurement runs on this machine ({folder / 'lock'} is locked)")
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


def test_the_lock_is_everybodys_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "lock"
    before = os.umask(0o077)
    try:
        lock = MeasuringLock(folder)
        lock.acquire()
        lock.release()
    finally:
        os.umask(before)
    assert [one.stat().st_mode & 0o777 for one in (folder, folder / "lock")] == [0o777, 0o666]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
def test_a_lock_that_another_user_made_can_be_taken(tmp_path: Path) -> None:
    """In a temporary folder that is sticky, as /tmp is."""
    tmp_path.chmod(0o1777)
    folder = tmp_path / "lock"
    first = MeasuringLock(folder)
    first.acquire()
    first.release()
    for made in (folder, folder / "lock"):
        os.chown(made, 65534, 65534)
    second = MeasuringLock(folder)
    second.acquire()
    second.release()

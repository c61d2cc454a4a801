"""Limits of memory and CPU are the kernel's where it can set them, and a share of a CPU is never rounded up."""

from __future__ import annotations

import errno
import os
import queue
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.backends.local.backend import install_agent
from toolkit.backends.local.processes import AgentProcess
from toolkit.backends.trial_agents import AgentEvents
from toolkit.errors import GilfreeError
from toolkit.host import confinement
from toolkit.host.confinement import Confinement, cgroup_v1, cgroup_v2, confine, limits_are_set, systemd_scope
from toolkit.host.measuring_lock import MeasuringLock

MEMORY = 64 << 20
BURN = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
EAT = "x = bytearray(256 << 20)"


@pytest.fixture
def by_cgroup() -> Iterator[Confinement]:
    """A confinement by a cgroup of this machine, with 0.25 CPUs."""
    try:
        made = confine(f"test-{os.getpid()}", MEMORY, 0.25, [cgroup_v2, cgroup_v1])
    except GilfreeError as error:
        pytest.skip(f"{error}; to enable: run as root with the controllers memory and cpu")
    yield made
    assert made.remove() == ""


def run(made: Confinement, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*made.prefix, sys.executable, "-c", code],
        text=True,
        capture_output=True,
        preexec_fn=made.join,
        env={**confinement.BASE_ENVIRONMENT, **made.environment},
        check=False,
    )


def test_a_quarter_of_a_cpu_is_a_quarter_and_not_a_whole_one(by_cgroup: Confinement) -> None:
    assert float(run(by_cgroup, BURN).stdout) < 1.0  # of 2 s; a whole CPU would use nearly 2
    assert by_cgroup.cpus == 0.25


def test_memory_beyond_the_limit_is_refused_by_the_kernel(by_cgroup: Confinement) -> None:
    assert run(by_cgroup, EAT).returncode == -9


def test_a_share_of_a_cpu_is_refused_where_no_quota_can_be_set() -> None:
    with pytest.raises(GilfreeError, match=r"0\.5 CPUs are a share of a CPU, and no CPU quota can be set"):
        confine("test", MEMORY, 0.5, [])
    assert confine("test", MEMORY, None, []) == Confinement("watchdog on PSS")


def test_where_only_the_quota_can_be_set_the_watchdog_keeps_the_memory() -> None:
    def only_cpus(name: str, memory_bytes: int | None, cpus: float | None) -> Confinement | None:
        return None if memory_bytes is not None else Confinement("watchdog on PSS", cpus=cpus)

    found = confine("test", MEMORY, 0.5, [only_cpus])
    assert (found.kernel_memory, found.cpus) == (False, 0.5)


class BusyFolder:
    """A cgroup that the kernel says is busy for the first `times` attempts."""

    def __init__(self, times: int) -> None:
        self.attempts, self._times = 0, times

    def rmdir(self) -> None:
        self.attempts += 1
        if self.attempts <= self._times:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def __str__(self) -> str:
        return "/sys/fs/cgroup/gilfree-busy"


def test_a_busy_cgroup_is_tried_again_and_in_the_end_left_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    soon: Any = BusyFolder(3)
    assert Confinement("cgroup v2", folders=(soon,)).remove() == ""
    assert soon.attempts == 4
    monkeypatch.setattr(confinement, "REMOVE_SECONDS", 0.1)
    never: Any = BusyFolder(10**9)
    assert "gilfree-busy (Device or resource busy)" in Confinement("cgroup v2", folders=(never,)).remove()


def test_a_cgroup_with_a_process_in_it_ends_nothing(by_cgroup: Confinement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "REMOVE_SECONDS", 0.1)
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, preexec_fn=by_cgroup.join) as inside:
        assert "could not be removed" in by_cgroup.remove()
        assert str(by_cgroup.folders[0]) not in confinement.remove_leftovers()
        inside.kill()


def serve(made: Confinement, argv: list[str], limit_bytes: int | None) -> list[dict[str, Any]]:
    """The frames of a server's agent whose server ends by itself."""
    argument = {
        "trial": "test-confinement", "argv": argv, "env": {"PATH": "/bin:/usr/bin"}, "cwd": None, "cpus": None,
        "host": "127.0.0.1", "port": 1, "path": "/", "ready_timeout_seconds": 10, "stop_grace_seconds": 1,
        "memory_limit_bytes": limit_bytes, "watch_stdin": True,
    }  # fmt: skip
    events: AgentEvents = queue.Queue()
    lock = MeasuringLock()
    lock.acquire()  # whoever has it ends the processes of trials that he does not know
    agent = AgentProcess("serve", sys.executable, argument, install_agent(), events, "serve", made)
    found = []
    while (event := events.get(timeout=30)[1]) is not None:
        found.append(event)
    ended = agent.finish(30)
    lock.release()
    assert ended["code"] == 0, (agent.stderr, found)
    return found


def test_a_kill_of_an_earlier_process_is_not_this_servers(by_cgroup: Confinement) -> None:
    assert run(by_cgroup, EAT).returncode == -9
    ended = [one["oom_kills"] for one in serve(by_cgroup, ["/bin/true"], None) if one["kind"] == "server_exit"]
    assert ended == [0]


def test_a_kill_of_this_server_is_seen(by_cgroup: Confinement) -> None:
    frames = serve(by_cgroup, [sys.executable, "-c", EAT], None)
    assert [one["oom_kills"] for one in frames if one["kind"] == "server_exit"] == [1]


FAKE_SYSTEMD_RUN = """#!{python}
# As systemd-run --scope: finds the manager by the environment, sets the limits, becomes the command.
import os, sys
sys.path[:0] = {path!r}
if "--user" in sys.argv and not {{"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}} <= set(os.environ):
    sys.exit("Failed to connect to user scope bus via local transport")
from toolkit.host.confinement import cgroup_v1, cgroup_v2, confine
limits = dict(word.split("=") for word in sys.argv if "=" in word)
made = confine("fake-scope", int(limits["MemoryMax"]), float(limits["CPUQuota"].rstrip("%")) / 100, [cgroup_v2, cgroup_v1])
{join}
command = sys.argv[sys.argv.index("--") + 1:]
os.execv(command[0], command)
"""


@pytest.fixture
def fake_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine that systemd runs, with an ordinary user; no test machine can be relied on to have either."""
    script = tmp_path / "systemd-run"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(confinement, "SYSTEMD", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    yield script
    confinement.remove_leftovers()


def write_fake(script: Path, join: str) -> None:
    script.write_text(FAKE_SYSTEMD_RUN.format(python=sys.executable, path=sys.path, join=join))
    script.chmod(0o755)


def test_an_ordinary_user_of_a_systemd_machine_gets_the_limits_at_the_launch_too(
    by_cgroup: Confinement, fake_systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.delenv(name, raising=False)  # as after su or in cron
    write_fake(fake_systemd, "made.join()")
    made = confine("test", MEMORY, 0.5, [systemd_scope])
    assert (made.kind, made.kernel_memory, made.cpus) == ("systemd scope", True, 0.5)
    exits = [one for one in serve(made, [sys.executable, "-c", EAT], None) if one["kind"] == "server_exit"]
    assert [(one["oom_kills"], one["signal"]) for one in exits] == [(1, "SIGKILL")]


def test_a_manager_that_ignores_the_limits_is_not_believed(by_cgroup: Confinement, fake_systemd: Path) -> None:
    write_fake(fake_systemd, "")
    assert systemd_scope("test", MEMORY, 0.5) is None


def test_a_manager_that_does_not_answer_is_no_error(fake_systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_systemd.write_text("#!/bin/sh\nexec sleep 60\n")
    fake_systemd.chmod(0o755)
    monkeypatch.setattr(confinement, "PROBE_SECONDS", 0.3)
    assert systemd_scope("test", MEMORY, None) is None


@pytest.mark.parametrize(
    ("printed", "set_"),
    [
        ("memory.max 67108864\ncpu.max 50000 100000\n", True),
        ("memory.limit_in_bytes 67108864\ncpu.cfs_quota_us 50000\n", True),
        ("memory.max max\ncpu.max 50000 100000\n", False),
        ("memory.max 67108864\ncpu.max max 100000\n", False),
        ("", False),
    ],
)
def test_limits_are_set_when_the_kernel_shows_them(printed: str, set_: bool) -> None:
    assert limits_are_set(printed, MEMORY, 0.5) is set_

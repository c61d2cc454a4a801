"""A program is started whatever the machine forbids, and a kill by the kernel is one of this trial."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STARTS = """
import os
from pathlib import Path
from toolkit.agent import child
program = child.start(["/bin/cat", "/proc/self/oom_score_adj"], {"PATH": "/bin:/usr/bin"}, None)
print(program.communicate()[0].strip())
"""
PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24


def test_a_program_is_killed_before_its_agent() -> None:
    assert subprocess.check_output([sys.executable, "-c", STARTS], text=True) == "500\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise the lowest score that a process may take")
def test_where_the_score_may_not_be_lowered_nothing_crashes() -> None:
    """As in a pod of class BestEffort, whose processes have 1000 and may not take less."""

    def prepare() -> None:
        Path("/proc/self/oom_score_adj").write_text("1000")
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)

    done = subprocess.run(
        [sys.executable, "-c", STARTS], text=True, capture_output=True, preexec_fn=prepare, check=False
    )
    assert (done.stdout, done.stderr) == ("1000\n", "")


READ_ONLY = "mount --bind /proc /proc && mount -o remount,bind,ro /proc && "
"""In a mount namespace of its own, as a container without privileges has it."""


def may_mount() -> bool:
    """Whether this process may make a mount namespace and remount /proc in it."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(["unshare", "-m", "sh", "-c", f"{READ_ONLY} true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not may_mount(), reason="only root, outside of an unprivileged container, may remount /proc")
def test_where_no_score_may_be_written_nothing_crashes() -> None:
    command = ["unshare", "-m", "sh", "-c", f'{READ_ONLY} exec "$@"', "sh", sys.executable, "-c", STARTS]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and int(done.stdout) < 500

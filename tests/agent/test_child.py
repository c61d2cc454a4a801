"""A program is started whatever the machine forbids, and a kill by the kernel is one of this trial."""

from __future__ import annotations

import ctypes
import os
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

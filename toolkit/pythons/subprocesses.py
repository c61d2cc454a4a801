"""Runs code of a user (imports of packages and apps) in an interpreter of its own, so that whatever it does ends there."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finished:
    """What a process wrote and how it ended. `code`: its exit status, negative for a signal; None when time ran out."""

    stdout: str
    stderr: str
    code: int | None
    timeout_seconds: float

    @property
    def ended(self) -> str:
        """How it ended, in words: `signal 6`, `exit status 1` or `not ended after 60 s`."""
        if self.code is None:
            return f"not ended after {self.timeout_seconds:.0f} s"
        return f"signal {-self.code}" if self.code < 0 else f"exit status {self.code}"


def run_untrusted(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_seconds: float) -> Finished:
    """Run a program in a session of its own, with exactly this environment and no input, and wait for its end.

    After `timeout_seconds` it is killed, with whatever it started. Raises OSError when the program cannot be started.
    """
    process = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    code: int | None = None
    try:
        stdout, stderr = process.communicate(timeout=timeout_seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with whatever it started, which may hold our pipe
        stdout, stderr = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Finished(stdout, stderr, code, timeout_seconds)

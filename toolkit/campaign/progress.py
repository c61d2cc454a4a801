"""The progress of a campaign on stderr: one live line on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import sys
import time
from typing import IO

from toolkit.agent.frames import Frame
from toolkit.campaign.ending import Ending
from toolkit.campaign.plan import Block
from toolkit.records.reasons import deciding
from toolkit.records.store import Record
from toolkit.trial.model import Trial


class Progress:
    """A `ProgressListener` that shows block, point, arm, phase, the time elapsed and an estimate of the time left."""

    def __init__(self, title: str, blocks: int, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self._title, self._blocks, self._quiet = title, blocks, quiet
        self._stream = stream or sys.stderr
        self._live = not quiet and self._stream.isatty()
        self._started = time.monotonic()
        self._done = 0
        self._phase = ""
        self._block: Block | None = None

    def block_started(self, slot: str, block: Block) -> None:
        """A slot has taken a block."""
        self._block = block

    def frame(self, slot: str, trial: Trial, frame: Frame) -> None:
        """Show the phase that a frame begins, if it begins one."""
        phase = {
            "server_started": "starting the server",
            "ready": "validating answers",
            "window_start": f"{frame.get('name')} {frame.get('seconds')} s",
            "window_end": "validating answers",
        }.get(frame["kind"])
        if phase is not None and phase != self._phase:
            self._phase = phase
            self._show(f"{trial.point.key} {trial.arm.name}: {phase}")

    def trial_ended(self, slot: str, one: Record) -> None:
        """Print one line for a trial: its figures, or why it failed or was rejected."""
        metrics, cause = one.metrics, deciding(one.rejections)
        if cause is None:
            rate, latency, memory = metrics.requests_per_second, metrics.latency_mean_ms, metrics.memory_mb
            words = f"{rate:,.0f} req/s  {latency:.1f} ms  {memory:.0f} MB"
        else:
            words = f"{one.outcome}: {cause.reason}: {cause.detail}"
        self._line(f"  {self._title} block {one.block + 1} {one.point_key} {one.arm}: {words}")

    def point_ended(self, ending: Ending) -> None:
        """Print why a point was given up, when it is."""
        self._line(f"  {ending.text(self._title)}")

    def block_counted(self, done: int) -> None:
        """Set how many blocks are complete now."""
        self._done = done

    def blocks_expected(self, blocks: int) -> None:
        """Set how many blocks there will be in all, as far as it is known now."""
        self._blocks = blocks

    def _show(self, words: str) -> None:
        if not self._live:
            return
        elapsed = time.monotonic() - self._started
        left = f", about {_minutes(elapsed / self._done * (self._blocks - self._done))} left" if self._done else ""
        line = f"{self._title} {self._done}/{self._blocks} blocks  {words}  ({_minutes(elapsed)}{left})"
        self._stream.write(f"\r\x1b[2K{line[:150]}")
        self._stream.flush()

    def _line(self, words: str) -> None:
        if self._quiet:
            return
        self._stream.write(("\r\x1b[2K" if self._live else "") + words + "\n")
        self._stream.flush()


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"

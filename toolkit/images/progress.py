"""How a build is seen to go: one live line on a terminal, a line a step in a pipe, nothing when quiet. On stderr."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

LIVE_SECONDS, PIPE_SECONDS, TICK_SECONDS = 0.1, 20, 1
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\r\x00-\x08\x0b-\x1f]")


class Watching:
    """Says step n of m, elapsed time and the last line of what runs."""

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self._quiet, self._stream = quiet, stream or sys.stderr
        self._live = not quiet and self._stream.isatty()
        self._title, self._step, self._last = "", "", ""
        self._started = self._shown = time.monotonic()
        self._lock = threading.Lock()

    def begin(self, title: str, words: str) -> None:
        """Another image's turn."""
        self._title, self._step, self._last = title, "", ""
        self._started = self._shown = time.monotonic()
        self.say(f"{title}: {words}")

    def step(self, number: int, of: int, text: str) -> None:
        """The build has come to this step of its Dockerfile."""
        self._step, self._last = f"step {number} of {of}", text
        if self._live:
            self._show(self._line())
        else:
            self.say(self._line(), limit=150)
        self._shown = time.monotonic()

    def line(self, text: str) -> None:
        """A line that the running step wrote."""
        self._last = _CONTROL.sub("", text).strip() or self._last
        self._again(LIVE_SECONDS if self._live else PIPE_SECONDS)

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Time is seen to pass also while a step writes nothing, as a linker does for a minute."""
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(TICK_SECONDS):
                self._again(TICK_SECONDS if self._live else PIPE_SECONDS)

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _again(self, after_seconds: float) -> None:
        with self._lock:
            if not self._step or time.monotonic() - self._shown < after_seconds:
                return
            self._shown = time.monotonic()
        if self._live:
            self._show(self._line())
        else:
            self.say(self._line(), limit=150)

    def say(self, words: str, limit: int = 0) -> None:
        """A line that stays."""
        if self._quiet:
            return
        short = words if not limit or len(words) <= limit else words[: limit - 1] + "…"
        self._stream.write(("\r\x1b[2K" if self._live else "") + short + "\n")
        self._stream.flush()

    def _line(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{self._title}: {self._step} ({minutes}:{seconds:02d}) {self._last}"

    def _show(self, line: str) -> None:
        self._stream.write(f"\r\x1b[2K{line[:150]}")
        self._stream.flush()

"""Progress of builds, pushes and tests of images, on stderr: one live line on a terminal, a line for each step in a pipe.

rich draws the live line (it cuts it to the terminal's width, redraws it several times a second and removes it at the end).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.control import strip_control_codes
from rich.live import Live
from rich.text import Text

PIPE_SECONDS = 20.0
"""In a pipe, a step that takes longer than this is shown again, with the last line that it wrote."""

PIPE_COLUMNS = 150
"""Where lines about a step are cut in a pipe; other lines are never cut."""


class BuildProgress:
    """Shows which step of which image runs, how long it has taken and the last line that it wrote.

    quiet: show nothing. stream: where to show it (stderr by default); whether it is a terminal decides the form.
    """

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        stream = stream or sys.stderr
        # Not rich's own guess: FORCE_COLOR and the like must not put control sequences into a pipe.
        self._console = Console(file=stream, quiet=quiet, force_terminal=stream.isatty(), highlight=False)
        self._animated = self._console.is_terminal and not self._console.is_dumb_terminal
        self._image = self._step = self._output = ""
        self._started = self._shown = time.monotonic()
        self._lock = threading.Lock()

    def begin(self, image: str, words: str) -> None:
        """Start with another image: `image` is its title, `words` what is done with it."""
        self._image, self._step, self._output = image, "", ""
        self._started = self._shown = time.monotonic()
        self.say(f"{image}: {words}")

    def step(self, number: int, count: int, instruction: str) -> None:
        """The build has come to step `number` of `count`, an instruction of its Dockerfile."""
        self._step, self._output = f"step {number} of {count}", instruction
        if not self._animated:
            self._show_in_pipe()

    def line(self, text: str) -> None:
        """A line that the running step wrote. Only what a terminal would show of it in the end is kept."""
        decoded = [strip_control_codes(line.plain).strip() for line in AnsiDecoder().decode(text.strip())]
        self._output = next((line for line in reversed(decoded) if line), self._output)
        self._show_in_pipe_if_due()

    def say(self, words: str) -> None:
        """A line that stays."""
        self._console.print(Text(words), soft_wrap=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keeps showing the time while the block runs, even when the step writes nothing, as a linker does for a minute."""
        if self._animated:
            line = self._live_line
            with Live(
                get_renderable=line, console=self._console, refresh_per_second=4, transient=True, redirect_stdout=False
            ):
                yield
            return
        ended = threading.Event()

        def repeat() -> None:
            while not ended.wait(1):
                self._show_in_pipe_if_due()

        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _show_in_pipe_if_due(self) -> None:
        if self._animated or not self._step:
            return
        with self._lock:
            if time.monotonic() - self._shown < PIPE_SECONDS:
                return
            self._shown = time.monotonic()
        self._show_in_pipe()

    def _show_in_pipe(self) -> None:
        text = Text(self._status())
        text.truncate(PIPE_COLUMNS, overflow="ellipsis")
        self._shown = time.monotonic()
        self._console.print(text, soft_wrap=True)

    def _live_line(self) -> Text:
        return Text(self._status(), no_wrap=True, overflow="ellipsis")

    def _status(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        step = f"{self._step} " if self._step else ""
        return f"{self._image}: {step}({minutes}:{seconds:02d}) {self._output}"

"""An agent in a container: its frames out of the container's log, none lost however the log is read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from toolkit.agent import frames
from toolkit.agent.frames import Frame
from toolkit.backends.sides import Events, Side
from toolkit.engine.client import EngineGone, explained
from toolkit.engine.containers import Tracked, lines
from toolkit.errors import GilfreeError

if TYPE_CHECKING:
    from collections.abc import Iterable

STDERR_CHARACTERS = 500
ENDING_SECONDS = 5


class ContainerAgent:
    """Follows one started container's log into a queue that both sides share; see `sides.Agent`.

    The log is followed for progress and read again from its beginning when the container has ended: a follow that broke
    off, or was cut before the last lines, loses nothing. A frame is known by its number.
    """

    def __init__(self, side: Side, container: Tracked, events: Events) -> None:
        self.side, self._container, self._events = side, container, events
        self._seen: set[int] = set()
        self._ended: dict[str, Any] | None = None
        self.error: GilfreeError | None = None
        self._thread = threading.Thread(target=self._read, name=f"log-{side}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            with explained(f"reading the log of the {self.side} container"):
                self._take(lines(self._container.output()))
                while not self._container.wait(ENDING_SECONDS):
                    self._take(lines(self._container.output()))  # the follow broke off before its container ended
                self._take(self._container.whole_output().splitlines())
        except GilfreeError as error:
            self.error = error
        finally:
            self._events.put((self.side, None))

    def _take(self, log: Iterable[str]) -> None:
        for frame in frames.read(log):
            number = _number(frame)
            if number is not None and number not in self._seen:
                self._seen.add(number)
                self._events.put((self.side, frame))

    def ask_to_stop(self) -> None:
        """Close the container's standard input."""
        self._container.close_stdin()

    def end(self, grace_seconds: float) -> dict[str, Any]:
        """The container's own exit state, with what its agent said on standard error."""
        if self._ended is None:
            self.ask_to_stop()
            with explained(f"ending the {self.side} container"):
                if not self._container.wait(grace_seconds):
                    self._container.kill()
                    self._container.wait(grace_seconds)
                exit_state = self._container.exit()
                self._ended = {**exit_state.data(), "stderr": self._container.errors()[-STDERR_CHARACTERS:]}
            self._thread.join(ENDING_SECONDS)
        if isinstance(self.error, EngineGone):
            raise self.error
        return self._ended


def _number(frame: Frame) -> int | None:
    """The frame's number; None for JSON that carries a right checksum and yet is no frame."""
    number = frame.get("seq")
    return number if isinstance(number, int) and "kind" in frame and "t_ns" in frame else None

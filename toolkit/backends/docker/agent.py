"""An agent in a container: its frames out of the container's log, none lost however the log is read."""

from __future__ import annotations

import threading
from typing import Any

from toolkit.backends.log_reader import LogReader
from toolkit.backends.trial_agents import AgentEvents, Side
from toolkit.engine.client import EngineUnreachable, engine_errors
from toolkit.engine.containers import OwnedContainer, lines
from toolkit.errors import GilfreeError

STDERR_CHARACTERS = 500
ENDING_SECONDS = 5


class ContainerAgent:
    """Follows one started container's log into a queue that both sides share; see `sides.Agent`.

    The log is followed while the container runs and read again as a whole when it has ended; see `LogReader`.
    """

    def __init__(self, side: Side, container: OwnedContainer, events: AgentEvents) -> None:
        self.side, self._container, self._events = side, container, events
        self._reader = LogReader(lambda frame: events.put((side, frame)))
        self._ended: dict[str, Any] | None = None
        self.error: GilfreeError | None = None
        self._thread = threading.Thread(target=self._read, name=f"log-{side}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            with engine_errors(f"reading the log of the {self.side} container"):
                self._reader.follow(
                    lambda: lines(self._container.output()), ended=lambda: self._container.wait(ENDING_SECONDS)
                )
                self._reader.read(self._container.whole_output().splitlines())
        except GilfreeError as error:
            self.error = error
        finally:
            self._events.put((self.side, None))

    def ask_to_stop(self) -> None:
        """Close the container's standard input."""
        self._container.close_stdin()

    def end(self, grace_seconds: float) -> dict[str, Any]:
        """The container's own exit state, with what its agent said on standard error."""
        if self._ended is None:
            self.ask_to_stop()
            with engine_errors(f"ending the {self.side} container"):
                if not self._container.wait(grace_seconds):
                    self._container.kill()
                    self._container.wait(grace_seconds)
                exit_state = self._container.exit()
                self._ended = {**exit_state.data(), "stderr": self._container.errors()[-STDERR_CHARACTERS:]}
            self._thread.join(ENDING_SECONDS)
        if isinstance(self.error, EngineUnreachable):
            raise self.error
        return self._ended

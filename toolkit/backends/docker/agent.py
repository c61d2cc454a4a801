"""An agent in a container: its frames come out of the container's log."""

from __future__ import annotations

import threading
from typing import Any

from toolkit.backends.log_reader import LogReader
from toolkit.backends.trial_agents import STDERR_CHARACTERS, AgentEvents
from toolkit.engine.client import EngineUnreachable, engine_errors
from toolkit.engine.containers import OwnedContainer, split_lines
from toolkit.errors import GilfreeError
from toolkit.trial.contract import Side

ENDING_SECONDS = 5


class ContainerAgent:
    """Follows one started container's log into a queue that all share, under `name`; see `trial_agents.Agent`.

    The log is followed while the container runs and read again as a whole when it has ended; see `LogReader`.
    """

    def __init__(self, side: Side, container: OwnedContainer, events: AgentEvents, name: str) -> None:
        self.side, self._container, self._events, self._name = side, container, events, name
        self._reader = LogReader(lambda frame: events.put((name, frame)))
        self._ended: dict[str, Any] | None = None
        self.error: GilfreeError | None = None
        self._thread = threading.Thread(target=self._read, name=f"log-{side}", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            with engine_errors(f"reading the log of the {self.side} container"):
                self._reader.follow(
                    lambda: split_lines(self._container.output()), ended=lambda: self._container.wait(ENDING_SECONDS)
                )
                self._reader.read(self._container.whole_output().splitlines())
        except GilfreeError as error:
            self.error = error
        finally:
            self._events.put((self._name, None))

    def request_stop(self) -> None:
        """Close the container's standard input, on which its agent stops its side and reports to the end."""
        self._container.close_stdin()

    def finish(self, grace_seconds: float) -> dict[str, Any]:
        """The container's own exit state, with the end of its agent's standard error.

        Raises EngineUnreachable when the engine does not answer, and GilfreeError for what else it refuses.
        """
        if self._ended is None:
            self.request_stop()
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

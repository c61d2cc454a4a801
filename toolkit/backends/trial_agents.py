"""The two sides of one trial, wherever their agents run: the load begins when the server is ready, and ends it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from toolkit.agent.frames import Frame
from toolkit.trial.contract import Side as Side
from toolkit.trial.model import (
    READY_TIMEOUT_SECONDS,
    STOP_GRACE_SECONDS,
    Placement,
    Trial,
    load_argument,
    serve_argument,
)

SLACK_SECONDS = 90

AgentEvents = queue.Queue[tuple[str, Frame | None]]
"""Frames of both sides as (side, frame), and (side, None) when a side has ended."""


class Agent(Protocol):
    """One agent that was started: a process, or a container."""

    def ask_to_stop(self) -> None:
        """Have it stop its side and report to the end."""

    def end(self, grace_seconds: float) -> dict[str, Any]:
        """See it out, by force after `grace_seconds`; how it ended, for the record. May be called again."""


StartAgent = Callable[[Side, Mapping[str, Any], AgentEvents], Agent]


class TrialAgents:
    """Runs a trial with agents that `start` starts. `problem`: what went wrong that neither side could report."""

    def __init__(self, trial: Trial, place: Placement, start: StartAgent) -> None:
        self._trial, self._place, self._start = trial, place, start
        self._events: AgentEvents = queue.Queue()
        self._agents: dict[Side, Agent] = {}
        self.problem: dict[str, Any] | None = None

    def frames(self) -> Iterator[Frame]:
        """StartAgent the server's side, then the load's; every frame of both until both have ended."""
        self._agents["serve"] = self._start("serve", serve_argument(self._trial, self._place), self._events)
        longest = READY_TIMEOUT_SECONDS + self._trial.longest_load_seconds + SLACK_SECONDS
        deadline = time.monotonic() + longest
        running = {"serve"}
        while running:
            try:
                side, frame = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.problem = {"reason": "deadline", "detail": f"the trial had not ended after {longest} s"}
                return
            if frame is None:
                running.discard(side)
                if side == "load":
                    self._agents["serve"].ask_to_stop()
                elif "load" in running:
                    self._agents["load"].ask_to_stop()  # no server is left to be loaded
                continue
            yield frame
            if frame["kind"] == "ready" and "load" not in self._agents:
                self._agents["load"] = self._start("load", load_argument(self._trial, self._place), self._events)
                running.add("load")

    def exits(self) -> dict[str, Any]:
        """End both agents; how they ended."""
        order: tuple[Side, ...] = ("load", "serve")
        return {
            f"{side}_agent": self._agents[side].end(STOP_GRACE_SECONDS + 10) for side in order if side in self._agents
        }

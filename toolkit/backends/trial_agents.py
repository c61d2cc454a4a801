"""The two agents of one trial: the load starts when the server is ready, and the server stops when the load has ended."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from toolkit.agent.frames import Frame
from toolkit.trial.contract import Side
from toolkit.trial.load_argument import load_argument
from toolkit.trial.model import (
    READY_TIMEOUT_SECONDS,
    STOP_GRACE_SECONDS,
    Placement,
    Trial,
    serve_argument,
)

LOOPBACK = "127.0.0.1"
"""Where the server listens: both agents share one network namespace."""

MARGIN_SECONDS = 90
"""What a trial may take beyond becoming ready and its windows."""

STDERR_CHARACTERS = 500
"""How much of an agent's standard error goes into the outcome."""

AgentEvents = queue.Queue[tuple[str, Frame | None]]
"""Frames of agents as (name, frame), and (name, None) when an agent has ended; the name is that of `StartAgent`."""


class Agent(Protocol):
    """One agent that was started: a process, or a container. It puts its frames into the trial's AgentEvents."""

    def request_stop(self) -> None:
        """Have it stop its side and report to the end. Returns at once; may be called again."""

    def finish(self, grace_seconds: float) -> dict[str, Any]:
        """Stop it, by force after `grace_seconds`; how it ended, for the record. May be called again."""


StartAgent = Callable[[Side, Mapping[str, Any], AgentEvents, str], Agent]
"""Starts the agent of a side with its JSON argument; its frames get the given name in the queue."""


class TrialAgents:
    """Runs a trial's two agents, which `start` starts. `problem`: what went wrong that neither could report, or None."""

    def __init__(self, trial: Trial, placement: Placement, start: StartAgent) -> None:
        self._trial, self._placement, self._start = trial, placement, start
        self._events: AgentEvents = queue.Queue()
        self._agents: dict[Side, Agent] = {}
        self.problem: dict[str, Any] | None = None

    def frames(self) -> Iterator[Frame]:
        """Start the server's agent, then the load's; yield the frames of both until both have ended.

        Ends early, with `problem` set, when the trial takes longer than all its windows and margins together.
        """
        self._agents["serve"] = self._start(
            "serve", serve_argument(self._trial, self._placement), self._events, "serve"
        )
        timeout_seconds = READY_TIMEOUT_SECONDS + self._trial.longest_load_seconds + MARGIN_SECONDS
        deadline = time.monotonic() + timeout_seconds
        running = {"serve"}
        while running:
            try:
                side, frame = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.problem = {"reason": "deadline", "detail": f"the trial had not ended after {timeout_seconds} s"}
                return
            if frame is None:
                running.discard(side)
                if side == "load":
                    self._agents["serve"].request_stop()
                elif "load" in running:
                    self._agents["load"].request_stop()  # there is no server left to load
                continue
            yield frame
            if frame["kind"] == "ready" and "load" not in self._agents:
                self._agents["load"] = self._start(
                    "load", load_argument(self._trial, self._placement), self._events, "load"
                )
                running.add("load")

    def finish(self) -> dict[str, Any]:
        """End both agents. Returns how each ended, under `load_agent` and `serve_agent`. May be called again."""
        order: tuple[Side, ...] = ("load", "serve")
        return {
            f"{side}_agent": self._agents[side].finish(STOP_GRACE_SECONDS + 10)
            for side in order
            if side in self._agents
        }

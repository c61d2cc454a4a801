"""The agents of a block in turns: one for each server, all alive at once, and one load agent that alternates between them."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.backends.trial_agents import MARGIN_SECONDS, Agent, AgentEvents, StartAgent
from toolkit.trial.block import BlockTrials
from toolkit.trial.load_argument import turns_argument, turns_seconds
from toolkit.trial.model import READY_TIMEOUT_SECONDS, STOP_GRACE_SECONDS, Placement, serve_argument

LOAD = "load"


class TurnAgents:
    """Runs the agents of a block. placements: by arm. start: by arm, starts its server's agent, and under LOAD the load's.

    problem: what went wrong that no agent could report, or None.
    """

    def __init__(
        self, block: BlockTrials, placements: Mapping[str, Placement], start: Mapping[str, StartAgent]
    ) -> None:
        self._block, self._placements, self._start = block, placements, start
        self._events: AgentEvents = queue.Queue()
        self._agents: dict[str, Agent] = {}
        self.problem: dict[str, Any] | None = None

    def frames(self) -> Iterator[Frame]:
        """Start all servers, then the load when each of them answers or has failed; yield all frames until all have ended.

        Ends early, with `problem` set, when the block takes longer than all its windows and margins together.
        """
        for trial in self._block.trials:
            name = trial.arm.name
            argument = {**serve_argument(trial, self._placements[name]), "answers": True}
            self._agents[name] = self._start[name]("serve", argument, self._events, name)
        timeout_seconds = READY_TIMEOUT_SECONDS + turns_seconds(self._block) + MARGIN_SECONDS
        deadline = time.monotonic() + timeout_seconds
        running, answering = set(self._agents), set[str]()
        while running:
            try:
                name, frame = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.problem = {"reason": "deadline", "detail": f"the block had not ended after {timeout_seconds} s"}
                return
            if frame is None:
                running.discard(name)
                if name == LOAD:
                    self._stop_servers()
                elif LOAD in running and running == {LOAD}:
                    self._agents[LOAD].request_stop()  # there is no server left to load
            else:
                yield frame if name == LOAD else {**frame, "arm": name}
                if frame["kind"] == "answering":
                    answering.add(name)
            servers = running - {LOAD}
            if LOAD not in self._agents and servers and servers <= answering:
                argument = turns_argument(self._with(servers), self._placements)
                self._agents[LOAD] = self._start[LOAD]("load", argument, self._events, LOAD)
                running.add(LOAD)

    def _with(self, arms: set[str]) -> BlockTrials:
        """The block with these arms alone."""
        trials = tuple(one for one in self._block.trials if one.arm.name in arms)
        return replace(self._block, trials=trials)

    def _stop_servers(self) -> None:
        for name, agent in self._agents.items():
            if name != LOAD:
                agent.request_stop()

    def finish(self) -> dict[str, dict[str, Any]]:
        """End all agents. Returns how each ended, by arm and under LOAD. May be called again."""
        if LOAD in self._agents:
            self._agents[LOAD].request_stop()
        self._stop_servers()
        return {name: agent.finish(STOP_GRACE_SECONDS + 10) for name, agent in self._agents.items()}

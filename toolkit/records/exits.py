"""How the agents of a trial ended, as text: from the backend's outcome, which holds a container's exit state. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.records.metrics import first_of_kind


def agent_exit(frames: Sequence[Frame], side: str) -> Mapping[str, Any]:
    """The exit state of the agent of `serve` or `load`, or of its container; empty when the backend gives none."""
    outcome = first_of_kind(frames, "outcome") or {}
    state: Mapping[str, Any] = outcome.get(f"{side}_agent") or {}
    return state


def container_exit_text(ended: Mapping[str, Any]) -> str:
    """The exit state of a container in brackets; "" where there was no container."""
    if "oom_killed" not in ended:
        return ""
    oom = ", OOM-killed" if ended["oom_killed"] else ""
    error = f", {ended['error']}" if ended.get("error") else ""
    return f" (its container: exit code {ended['code']}{oom}{error})"


def agent_exit_text(ended: Mapping[str, Any]) -> str:
    """An agent's exit in brackets, followed by the last line of its standard error."""
    errors = str(ended.get("stderr") or "").strip().splitlines()
    return (container_exit_text(ended) or f" (exit code {ended['code']})") + (f": {errors[-1]}" if errors else "")

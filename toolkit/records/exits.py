"""How a side of a trial ended, in words: from the backend's outcome, where a container tells its own exit state. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.agent.frames import Frame


def exit_of(frames: Sequence[Frame], side: str) -> Mapping[str, Any]:
    """How the agent of `serve` or `load`, or its container, ended; empty when the backend does not say."""
    outcome = next((frame for frame in frames if frame["kind"] == "outcome"), {})
    found: Mapping[str, Any] = outcome.get(f"{side}_agent") or {}
    return found


def container_words(ended: Mapping[str, Any]) -> str:
    """A container's own exit state; "" where there was none."""
    if "oom_killed" not in ended:
        return ""
    oom = ", OOM-killed" if ended["oom_killed"] else ""
    error = f", {ended['error']}" if ended.get("error") else ""
    return f" (its container: exit code {ended['code']}{oom}{error})"


def agent_words(ended: Mapping[str, Any]) -> str:
    """An agent's exit, with the last that it said on standard error."""
    said = str(ended.get("stderr") or "").strip().splitlines()
    return (container_words(ended) or f" (exit code {ended['code']})") + (f": {said[-1]}" if said else "")

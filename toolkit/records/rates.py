"""What each constant rate of one trial came to, as its record holds it under `load.rates`. Pure.

A rate too high for the server is no fault of the trial, so nothing here rejects one: errors, a loader at its limit and
CPU time lost to others stand beside the figures, and whoever looks for a knee judges (capacity/knee.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.loadgen import oha
from toolkit.records import disturbances
from toolkit.records.metrics import Measured, measure
from toolkit.trial.model import Trial, Window


def rates(trial: Trial, frames: Sequence[Frame]) -> list[dict[str, Any]]:
    """One entry for each window with a rate that was run to its end."""
    found = []
    for window in trial.windows:
        if window.rate_rps and window.measured:
            seen = measure(trial, frames, window.name)
            if seen.seconds is not None:
                found.append(_entry(trial, window, seen))
    return found


def _entry(trial: Trial, window: Window, seen: Measured) -> dict[str, Any]:
    result = seen.result if isinstance(seen.result, oha.Result) else None
    looked_at = [one for one in seen.validated if one["when"] == window.name]
    wrong = sum(one["wrong"] + one["errors"] for one in looked_at)
    problems = [one["first_problem"] for one in looked_at if one["first_problem"]]
    figures = seen.metrics()
    return {
        "name": window.name,
        "rate_rps": window.rate_rps,
        "seconds": seen.seconds,
        "problem": seen.load_problem,
        "requests": result.requests_total if result else None,
        "errors": result.errors + wrong if result else None,
        "first_error": (result.first_error if result else "") or next(iter(problems), ""),
        "achieved_rps": figures["requests_per_second"],
        "p50_ms": result.latency_p50_ms if result else None,
        "p90_ms": result.latency_p90_ms if result else None,
        "p99_ms": figures["latency_p99_ms"],
        "max_ms": figures["latency_max_ms"],
        "server_cpus_used": figures["server_cpus_used"],
        "memory_mb": figures["memory_mb"],
        "loader_saturation": seen.loader_saturation,
        "loader_limited": [found.detail for found in disturbances.loader_at_its_limit(trial, seen)],
        "disturbed": [found.detail for found in disturbances.disturbances(trial, seen)],
    }

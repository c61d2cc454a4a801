"""The results of each constant rate of one trial, as the record holds them under `load.rates`. Pure.

A rate too high for the server is a result and no fault of the trial, so nothing here rejects a trial: errors, a
saturated load generator and lost CPU time are recorded with the figures, and capacity/knee/ judges them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.agent.frames import Frame
from toolkit.loadgen import oha
from toolkit.records import disturbances
from toolkit.records.metrics import Measurement, measure
from toolkit.trial.model import Trial, Window


def rates(trial: Trial, frames: Sequence[Frame]) -> list[dict[str, Any]]:
    """One entry for each measured window with a rate that ran to its end."""
    found = []
    for window in trial.windows:
        if window.rate_rps and window.measured:
            measurement = measure(trial, frames, window.name)
            if measurement.seconds is not None:
                found.append(_entry(trial, window, measurement))
    return found


def _entry(trial: Trial, window: Window, measurement: Measurement) -> dict[str, Any]:
    result = measurement.result if isinstance(measurement.result, oha.Result) else None
    validated = [one for one in measurement.validated if one["when"] == window.name]
    wrong = sum(one["wrong"] + one["errors"] for one in validated)
    problems = [one["first_problem"] for one in validated if one["first_problem"]]
    figures = measurement.metrics()
    return {
        "name": window.name,
        "rate_rps": window.rate_rps,
        "seconds": measurement.seconds,
        "problem": measurement.load_problem,
        "requests": result.requests_total if result else None,
        "validated": sum(one["count"] for one in validated),
        "errors": result.errors + wrong if result else None,
        "first_error": (result.first_error if result else "") or next(iter(problems), ""),
        "achieved_rps": figures["requests_per_second"],
        "p50_ms": result.latency_p50_ms if result else None,
        "p90_ms": result.latency_p90_ms if result else None,
        "p99_ms": figures["latency_p99_ms"],
        "max_ms": figures["latency_max_ms"],
        "server_cpus_used": figures["server_cpus_used"],
        "memory_mb": figures["memory_mb"],
        "loader_saturation": measurement.loader_saturation,
        "loader_limited": [found.detail for found in disturbances.loader_saturation(trial, measurement)],
        "disturbed": [found.detail for found in disturbances.disturbances(trial, measurement)],
    }

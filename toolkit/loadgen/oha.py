"""oha 1.8.0: constant-rate load, its command line and what its output says (read from its source).

A request's latency counts from the moment it was due (`--latency-correction`), so that one that waits for a free
connection is as late as its user finds it; `-w` waits at the end for those under way instead of dropping them. Due
requests that no connection took by then are in no count at all, so what was achieved is right answers against
rate x time. Its own success rate counts 5xx answers and its exit code is 0 whatever happened: only the status codes
count here. Times in its output are seconds; rates are whole numbers.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from toolkit.loadgen.rewrk import ParseError

PERCENTILES = ("p50", "p90", "p99", "p99.9")


@dataclass(frozen=True)
class Result:
    """One window. `requests_total` are answers with the expected status; `errors` all others and those without one.

    `requests_per_second` is over the time asked for. `latency_*` are of all answers.
    """

    requests_total: int
    requests_per_second: float
    errors: int
    first_error: str
    latency_mean_ms: float
    latency_min_ms: float
    latency_max_ms: float
    latency_p50_ms: float
    latency_p90_ms: float
    latency_p99_ms: float
    latency_p999_ms: float | None


def command(path: str, url: str, *, connections: int, rate_rps: int, seconds: int | str) -> list[str]:
    """The command line for one window; `seconds` may be a placeholder that the agent fills in."""
    load = ["-q", str(rate_rps), "-z", f"{seconds}s", "-c", str(connections)]
    return [path, *load, "-w", "--latency-correction", "--no-tui", "--json", "--redirect", "0", url]


def environment(threads: int) -> dict[str, str]:
    """What keeps it to its own CPUs: else it starts a thread for each CPU of the machine."""
    return {"TOKIO_WORKER_THREADS": str(threads)}


def parse(stdout: str, *, seconds: float, status: int) -> Result:
    """The result in oha's `--json` output. Raises ParseError saying what was there instead."""
    text = stdout.strip()
    if not text:
        raise ParseError("oha printed nothing")
    try:
        found = json.loads(text)
        statuses = {int(code): int(count) for code, count in found["statusCodeDistribution"].items()}
        failures = {str(words): int(count) for words, count in found["errorDistribution"].items()}
        good = statuses.pop(status, 0)
        if not good and not statuses and not failures:
            raise ValueError("not one request was answered")
        if not good and not statuses:
            raise ValueError(f"not one request was answered: {next(iter(failures))}")
        summary, percentiles = found["summary"], found["latencyPercentiles"]
        p50, p90, p99, p999 = (percentiles.get(name) for name in PERCENTILES)
        return Result(
            requests_total=good,
            requests_per_second=good / seconds,
            errors=sum(statuses.values()) + sum(failures.values()),
            first_error=_first(statuses, failures),
            latency_mean_ms=_ms(summary["average"], "average"),
            latency_min_ms=_ms(summary["fastest"], "fastest"),
            latency_max_ms=_ms(summary["slowest"], "slowest"),
            latency_p50_ms=_ms(p50, "p50"),
            latency_p90_ms=_ms(p90, "p90"),
            latency_p99_ms=_ms(p99, "p99"),
            latency_p999_ms=_ms(p999, "p99.9") if p999 is not None else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParseError(f"oha's output holds no result ({error}): {text[:200]!r}") from None


def _first(statuses: dict[int, int], failures: dict[str, int]) -> str:
    words = [f"{count} x status {code}" for code, count in statuses.items()]
    return next(iter([*words, *(f"{count} x {text}" for text, count in failures.items())]), "")[:300]


def _ms(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}")
    return 1000.0 * value

"""oha 1.8.0: constant-rate load, its command line and its output (read from its source).

A request's latency counts from the moment when it was due (`--latency-correction`), so the wait for a free connection
is in it, as it is for a user; `-w` waits at the end for requests in flight instead of dropping them. Due requests that
no connection took by then are in no count at all: compare the right answers with rate x time. oha's own success rate
counts 5xx answers and its exit code is always 0, so only the status codes count here. Times in its output are seconds;
rates are whole numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from toolkit.loadgen.output import ParseError, nonnegative

PERCENTILES = ("p50", "p90", "p99", "p99.9")


@dataclass(frozen=True)
class Result:
    """One window. `requests_total` counts answers with the expected status, `errors` all other requests.

    `requests_per_second` is over the requested duration. `latency_*` are of all answers; `latency_p999_ms` is None where
    oha prints none. `first_error` is "" without errors.
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
    """The command line for one window.

    path: of the binary. rate_rps: of all connections together. seconds: a number, or a placeholder that the agent fills in.
    """
    load = ["-q", str(rate_rps), "-z", f"{seconds}s", "-c", str(connections)]
    return [path, *load, "-w", "--latency-correction", "--no-tui", "--json", "--redirect", "0", url]


def environment(threads: int) -> dict[str, str]:
    """Environment variables that limit oha to `threads` threads; by default it starts one for each CPU of the machine."""
    return {"TOKIO_WORKER_THREADS": str(threads)}


def parse(stdout: str, *, seconds: float, status: int) -> Result:
    """The result in oha's `--json` output.

    seconds: the requested duration. status: the status of a right answer. Raises ParseError that quotes the output when
    it holds no result, or not one answer.
    """
    text = stdout.strip()
    if not text:
        raise ParseError("oha printed nothing")
    try:
        output = json.loads(text)
        statuses = {int(code): int(count) for code, count in output["statusCodeDistribution"].items()}
        failures = {str(text): int(count) for text, count in output["errorDistribution"].items()}
        good = statuses.pop(status, 0)
        if not good and not statuses and not failures:
            raise ValueError("not one request was answered")
        if not good and not statuses:
            raise ValueError(f"not one request was answered: {next(iter(failures))}")
        summary, percentiles = output["summary"], output["latencyPercentiles"]
        p50, p90, p99, p999 = (percentiles.get(name) for name in PERCENTILES)
        return Result(
            requests_total=good,
            requests_per_second=good / seconds,
            errors=sum(statuses.values()) + sum(failures.values()),
            first_error=_first_error(statuses, failures),
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


def _first_error(statuses: dict[int, int], failures: dict[str, int]) -> str:
    errors = [f"{count} x status {code}" for code, count in statuses.items()]
    errors += [f"{count} x {text}" for text, count in failures.items()]
    return errors[0][:300] if errors else ""


def _ms(seconds: Any, name: str) -> float:
    return 1000.0 * nonnegative(seconds, name)

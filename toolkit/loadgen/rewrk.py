"""rewrk 0.3.2: its command line and what its output says (read from its source).

It takes whole seconds only, checks no status, counts failed requests as requests, and when it is refused it prints
nothing and exits 0; of a server that answers nothing it prints 0 requests and nulls. Its latencies are in milliseconds; `transfer_total` counts every byte it read, headers included.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any


class ParseError(ValueError):
    """The output holds no result."""


@dataclass(frozen=True)
class Result:
    """One run. `requests_per_second` is over the mean time its connections lived, which is the duration asked for."""

    requests_total: int
    requests_per_second: float
    latency_mean_ms: float
    latency_min_ms: float
    latency_max_ms: float
    latency_std_ms: float
    transfer_total_bytes: float
    transfer_rate_bytes_per_second: float


def command(path: str, url: str, *, connections: int, threads: int, seconds: int | str) -> list[str]:
    """The command line for one window; `seconds` may be a placeholder that the agent fills in."""
    return [path, "-h", url, "-c", str(connections), "-t", str(threads), "-d", f"{seconds}s", "--json"]


def parse(stdout: str) -> Result:
    """The result in rewrk's `--json` output. Raises ParseError saying what was there instead."""
    text = stdout.strip()
    if not text:
        raise ParseError("rewrk printed nothing, as it does when its connections are refused")
    line = text.splitlines()[-1]
    try:
        found = json.loads(line)
        if found["requests_total"] == 0:
            raise ValueError("not one request was answered")
        return Result(
            requests_total=int(_amount(found, "requests_total")),
            requests_per_second=_amount(found, "requests_avg"),
            latency_mean_ms=_amount(found, "latency_avg"),
            latency_min_ms=_amount(found, "latency_min"),
            latency_max_ms=_amount(found, "latency_max"),
            latency_std_ms=_amount(found, "latency_std_deviation"),
            transfer_total_bytes=_amount(found, "transfer_total"),
            transfer_rate_bytes_per_second=_amount(found, "transfer_rate"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ParseError(f"rewrk's output holds no result ({error}): {line[:200]!r}") from None


def _amount(found: dict[str, Any], name: str) -> float:
    value = found[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}")
    return float(value)

"""rewrk 0.3.2: its command line and its output (read from its source).

It takes whole seconds only, checks no status and counts failed requests as requests. When its connections are refused it
prints nothing and exits 0; when a server answers nothing it prints 0 requests and nulls. Its latencies are in
milliseconds; `transfer_total` counts every byte it read, headers included.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from toolkit.loadgen.output import ParseError, nonnegative


@dataclass(frozen=True)
class Result:
    """One window. `requests_per_second` is over the mean lifetime of the connections, which is the requested duration."""

    requests_total: int
    requests_per_second: float
    latency_mean_ms: float
    latency_min_ms: float
    latency_max_ms: float
    latency_std_ms: float
    transfer_total_bytes: float
    transfer_rate_bytes_per_second: float


def command(path: str, url: str, *, connections: int, threads: int, seconds: int | str) -> list[str]:
    """The command line for one window.

    path: of the binary. seconds: a whole number, or a placeholder that the agent fills in.
    """
    return [path, "-h", url, "-c", str(connections), "-t", str(threads), "-d", f"{seconds}s", "--json"]


def parse(stdout: str) -> Result:
    """The result in rewrk's `--json` output. Raises ParseError that quotes the output when it holds none."""
    text = stdout.strip()
    if not text:
        raise ParseError("rewrk printed nothing, as it does when its connections are refused")
    line = text.splitlines()[-1]
    try:
        output = json.loads(line)
        if output["requests_total"] == 0:
            raise ValueError("not one request was answered")
        return Result(
            requests_total=int(nonnegative(output["requests_total"], "requests_total")),
            requests_per_second=nonnegative(output["requests_avg"], "requests_avg"),
            latency_mean_ms=nonnegative(output["latency_avg"], "latency_avg"),
            latency_min_ms=nonnegative(output["latency_min"], "latency_min"),
            latency_max_ms=nonnegative(output["latency_max"], "latency_max"),
            latency_std_ms=nonnegative(output["latency_std_deviation"], "latency_std_deviation"),
            transfer_total_bytes=nonnegative(output["transfer_total"], "transfer_total"),
            transfer_rate_bytes_per_second=nonnegative(output["transfer_rate"], "transfer_rate"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ParseError(f"rewrk's output holds no result ({error}): {line[:200]!r}") from None

"""Service-level objectives as they are written on the command line: `p99=50ms`."""

from __future__ import annotations

import re

from toolkit.errors import GilfreeError

_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
MOST_MS = 60_000.0


def p99_ms_of(text: str) -> float:
    """The milliseconds of an objective such as `p99=50ms` or `p99=0.2s`. Raises GilfreeError saying what is wrong with it."""
    match = re.fullmatch(r"\s*(p[0-9.]+)\s*=\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s)\s*", text)
    if not match:
        raise GilfreeError(f"--slo {text!r} is not an objective", "write for example p99=50ms")
    if match[1] != "p99":
        raise GilfreeError(f"--slo {text!r}: only p99 is known, not {match[1]}", "write for example p99=50ms")
    found = float(match[2]) * _MS[match[3]]
    if not 0 < found <= MOST_MS:
        raise GilfreeError(f"--slo {text!r}: {found:g} ms is not between 0 and {MOST_MS:,.0f} ms", "write p99=50ms")
    return found

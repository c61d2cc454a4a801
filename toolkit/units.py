"""Memory, CPUs and durations as people write them in scenarios and options, as plain numbers."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation, Overflow

MULTIPLES = {
    "": 1,
    **{prefix: 1000**power for power, prefix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{prefix: 1024**power for power, prefix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}
"""The factor of each suffix of a Kubernetes quantity; `toolkit.quantities` uses it too."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

MAX_CPUS = 4096
"""Twice the largest machine that clouds rent; also the bound of workers, and of threads of one process."""

MIN_CPUS = 0.001
MAX_BYTES = 1 << 46
"""64 TiB, more than any machine has."""

MIN_PROCESS_BYTES = 1 << 20
MAX_SECONDS = 86400
MAX_ROUNDS = 1000
"""Blocks at every point: far beyond what narrows an interval any further."""

_SHOWN_CHARACTERS = 64


def shown(value: object) -> str:
    """A value as a message shows it: in quotes if it is text, and cut when it is long."""
    text = repr(value) if isinstance(value, str) else repr(str(value))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"


def bytes_of(text: str | int) -> int:
    """Bytes of a Kubernetes quantity: `1Gi`, `512Mi`, `1.5G`, `1e9`, `1048576`. Raises ValueError naming the text."""
    match = re.fullmatch(r"([0-9.]+(?:[eE][0-9]+)?)([A-Za-z]*)", str(text).strip())
    if not match or match[2] not in MULTIPLES:
        near = near_suffix(match[2]) if match else ""
        likely = f"did you mean {match[1]}{near}?" if match and near else "write for example 512Mi or 1Gi"
        raise ValueError(f"{shown(text)} is not an amount of memory; {likely}")
    try:
        amount = Decimal(match[1]) * MULTIPLES[match[2]]
    except (InvalidOperation, Overflow):
        raise ValueError(f"{shown(text)} is not an amount of memory; write for example 512Mi or 1Gi") from None
    if not 1 <= amount <= MAX_BYTES:
        raise ValueError(f"{shown(text)} is not an amount of memory that a machine has; write for example 512Mi or 1Gi")
    if match[2] and not match[1].replace(".", "").isdigit():
        plain = f"{Decimal(match[1]).normalize():f}{match[2]}"
        raise ValueError(f"{shown(text)} has an exponent and a suffix, of which Kubernetes accepts one; write {plain}")
    return int(amount)


def near_suffix(suffix: str) -> str:
    """The suffix that was probably meant (`Gi` for `GiB` and `gi`, `Mi` for `m`); empty when that is not clear."""
    if suffix == "m":
        return "Mi"
    return next((one for one in MULTIPLES if one and one.lower() == suffix.lower().removesuffix("b")), "")


def process_bytes_of(text: str | int) -> int:
    """Bytes as `bytes_of` reads them, but at least 1 MiB: `512` is a forgotten unit. Raises ValueError naming the text."""
    amount = bytes_of(text)
    if amount < MIN_PROCESS_BYTES:
        raise ValueError(
            f"{shown(text)} is {amount} bytes, which is too little for any process; write for example 512Mi or 1Gi"
        )
    return amount


def cpus_of(text: str | float) -> float:
    """CPUs of a Kubernetes quantity: `1`, `0.9`, `900m`. Raises ValueError naming the text when no machine has so many."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(m?)", str(text).strip())
    amount = float(match[1]) / (1000 if match[2] else 1) if match else 0.0
    if not match or not amount:
        raise ValueError(f"{shown(text)} is not a number of CPUs; write for example 1 or 900m")
    if not MIN_CPUS <= amount <= MAX_CPUS:
        raise ValueError(f"{shown(text)} is not a number of CPUs that a machine has; write from 1m to {MAX_CPUS}")
    return amount


def whole_seconds_of(text: str | int) -> int:
    """Whole seconds of `10s`, `2m`, `1h` or a plain number of seconds. Raises ValueError naming the text.

    Fractions are refused: rewrk reads `500ms` as 500 minutes and has no other way to write a fraction.
    """
    match = re.fullmatch(r"([0-9]+)([smhd]?)", str(text).strip())
    if not match:
        raise ValueError(
            f"{shown(text)} is not a whole number of seconds (rewrk would read 500ms as 500 minutes); write for example 10s or 2m"
        )
    digits = match[1].lstrip("0") or "0"
    seconds = int(digits) * _SECONDS[match[2] or "s"] if len(digits) < 10 else MAX_SECONDS + 1
    if seconds < 1:
        raise ValueError(f"{shown(text)} is too short; write at least 1s")
    if seconds > MAX_SECONDS:
        raise ValueError(f"{shown(text)} is more than a day; write at most 24h")
    return seconds

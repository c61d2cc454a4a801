"""Quantities exactly as Kubernetes reads them: what it refuses is refused here too, by name and place.

Stricter than `toolkit.units`, which reads a scenario's wishes: `1e3Mi` has an exponent and a suffix, which the API
server refuses, and `128m` of memory is an eighth of a byte, which it takes and nobody means. CPU is counted in whole
millicores and memory in whole bytes, both rounded up, as the scheduler does.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

from toolkit.errors import GilfreeError
from toolkit.units import MULTIPLES

_FORM = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,4})|([A-Za-z]*))")
_SMALL = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
_LARGEST = Decimal(2**63 - 1)
_MOST_CHARACTERS = 64
_CPU_REMEDY, _MEMORY_REMEDY = "write for example 500m, 0.5 or 2", "write for example 512Mi or 4Gi"
LEAST_MEMORY_BYTES = 1 << 20
"""Below a megabyte a unit was forgotten or `m` was written for `Mi`."""


def quantity_of(text: str | int | float) -> Decimal:
    """The value of a Kubernetes quantity: `0.1`, `100m`, `1e3`, `4Gi`. Raises ValueError saying what is wrong."""
    written = str(text)
    match = _FORM.fullmatch(written) if len(written) <= _MOST_CHARACTERS else None
    if match is None:
        mixed = re.fullmatch(r"([+-]?[0-9.]+[eE][+-]?[0-9]{1,3})([A-Za-z]+)", written[:_MOST_CHARACTERS])
        if mixed and mixed[2] in MULTIPLES:
            plain = _plain(mixed[1])
            example = f": write {plain}{mixed[2]}" if plain else ""
            raise ValueError(f"has an exponent and a suffix, and Kubernetes takes one of them{example}")
        raise ValueError("is not a Kubernetes quantity")
    sign, digits, exponent, suffix = match.groups()
    if suffix and suffix not in MULTIPLES and suffix not in _SMALL:
        near = next((known for known in MULTIPLES if known and known.lower() == suffix.lower().removesuffix("b")), "")
        raise ValueError(f"has no suffix that Kubernetes knows ({suffix!r})" + (f": {near} was meant?" if near else ""))
    value = Decimal(digits)
    value = value.scaleb(int(exponent)) if exponent else value * (_SMALL.get(suffix) or MULTIPLES[suffix])
    if value > _LARGEST:
        raise ValueError("is more than Kubernetes can hold")
    return -value if sign == "-" else value


def cpu_millis_of(text: str | int | float, where: str) -> int:
    """Millicores, rounded up. Raises GilfreeError naming `where` and the text unless it is more than nothing."""
    value = _positive(text, where, _CPU_REMEDY)
    return int((value * 1000).to_integral_value(ROUND_CEILING))


def memory_bytes_of(text: str | int | float, where: str) -> int:
    """Bytes, rounded up. Raises GilfreeError naming `where` and the text for what no process fits in."""
    value = _positive(text, where, _MEMORY_REMEDY)
    if value < LEAST_MEMORY_BYTES:
        unit = "m is a thousandth, Mi was meant?" if str(text).endswith("m") else "a unit was forgotten?"
        raise GilfreeError(f"{where}: {str(text)!r} is {value.normalize():f} bytes of memory: {unit}", _MEMORY_REMEDY)
    return int(value.to_integral_value(ROUND_CEILING))


def _positive(text: str | int | float, where: str, remedy: str) -> Decimal:
    shown = str(text)[:_MOST_CHARACTERS]
    try:
        value = quantity_of(text)
    except ValueError as error:
        raise GilfreeError(f"{where}: {shown!r} {error}", remedy) from None
    if value <= 0:
        raise GilfreeError(f"{where}: {shown!r} is not more than nothing", remedy)
    return value


def _plain(number: str) -> str:
    """A number without its exponent, empty where that would be silly."""
    value = Decimal(number)
    shown = f"{value.normalize():f}"
    return shown if len(shown) < 12 else ""

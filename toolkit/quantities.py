"""Quantities as Kubernetes reads them: what the API server refuses is refused here too, with the text and its place.

`1e3Mi` has an exponent and a suffix, which the API server refuses; `128m` of memory is an eighth of a byte, which the API
server accepts and nobody means. CPU is counted in whole millicores and memory in whole bytes, both rounded up, as the
scheduler does.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

from toolkit.errors import GilfreeError
from toolkit.units import MULTIPLES, near_suffix

_FORM = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,4})|([A-Za-z]*))")
_FRACTIONS = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
_LARGEST = Decimal(2**63 - 1)
_MOST_CHARACTERS = 64
_CPU_REMEDY, _MEMORY_REMEDY = "write for example 500m, 0.5 or 2", "write for example 512Mi or 4Gi"
LEAST_MEMORY_BYTES = 1 << 20
"""A smaller amount of memory is a mistake: a unit was omitted, or `m` was written for `Mi`."""


def quantity_of(text: str | int | float) -> Decimal:
    """The value of a Kubernetes quantity: `0.1`, `100m`, `1e3`, `4Gi`. Raises ValueError saying what is wrong."""
    written = str(text)
    match = _FORM.fullmatch(written) if len(written) <= _MOST_CHARACTERS else None
    if match is None:
        mixed = re.fullmatch(r"([+-]?[0-9.]+[eE][+-]?[0-9]{1,3})([A-Za-z]+)", written[:_MOST_CHARACTERS])
        if mixed and mixed[2] in MULTIPLES:
            plain = _plain(mixed[1])
            example = f": write {plain}{mixed[2]}" if plain else ""
            raise ValueError(f"has an exponent and a suffix, but Kubernetes accepts only one of them{example}")
        raise ValueError("is not a Kubernetes quantity" + _likely_meaning(written[:_MOST_CHARACTERS]))
    sign, digits, exponent, suffix = match.groups()
    if suffix and suffix not in MULTIPLES and suffix not in _FRACTIONS:
        near = near_suffix(suffix)
        raise ValueError(
            f"has a suffix that Kubernetes does not know ({suffix!r})" + (f"; did you mean {near}?" if near else "")
        )
    value = Decimal(digits)
    value = value.scaleb(int(exponent)) if exponent else value * (_FRACTIONS.get(suffix) or MULTIPLES[suffix])
    if value > _LARGEST:
        raise ValueError("is more than Kubernetes can hold")
    return -value if sign == "-" else value


def cpu_millis_of(text: str | int | float, where: str) -> int:
    """CPU in millicores, rounded up. Raises GilfreeError naming `where` and the text unless it is a quantity above 0."""
    value = _positive(text, where, _CPU_REMEDY)
    return int((value * 1000).to_integral_value(ROUND_CEILING))


def memory_bytes_of(text: str | int | float, where: str) -> int:
    """Memory in bytes, rounded up. Raises GilfreeError naming `where` and the text for less than LEAST_MEMORY_BYTES."""
    value = _positive(text, where, _MEMORY_REMEDY)
    if value < LEAST_MEMORY_BYTES:
        unit = "m means a thousandth; did you mean Mi?" if str(text).endswith("m") else "is the unit missing?"
        raise GilfreeError(f"{where}: {str(text)!r} is {value.normalize():f} bytes of memory: {unit}", _MEMORY_REMEDY)
    return int(value.to_integral_value(ROUND_CEILING))


def _likely_meaning(written: str) -> str:
    """What was probably meant by a text that is no quantity; empty when that is not clear."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s+([A-Za-z]*)|([0-9]+),([0-9]+)([A-Za-z]*)", written.strip())
    if found is None:
        return f": write {written.strip()} without the blanks" if _FORM.fullmatch(written.strip()) else ""
    if found[3] is not None:
        whole, rest, suffix = found[3], found[4], found[5]
        if len(rest) == 3 and whole != "0":
            return f": write {whole}{rest}{suffix} for thousands, or a decimal point"
        return f": did you mean {whole}.{rest}{suffix}?"
    if found[2].lower() in ("core", "cores", "cpu", "cpus"):
        return f": did you mean {found[1]}?"
    return f": did you mean {found[1]}{found[2]}, without the blank?"


def _positive(text: str | int | float, where: str, remedy: str) -> Decimal:
    shown = str(text)[:_MOST_CHARACTERS]
    try:
        value = quantity_of(text)
    except ValueError as error:
        raise GilfreeError(f"{where}: {shown!r} {error}", remedy) from None
    if value <= 0:
        raise GilfreeError(f"{where}: {shown!r} is not above 0", remedy)
    return value


def _plain(number: str) -> str:
    """A number without its exponent; empty when that is too long to show."""
    value = Decimal(number)
    shown = f"{value.normalize():f}"
    return shown if len(shown) < 12 else ""

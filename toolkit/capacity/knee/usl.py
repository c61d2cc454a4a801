"""The Universal Scalability Law (Gunther 1993): how the rate grows with threads, workers or CPUs, and where it begins to fall.

    X(n) = unit * n / (1 + contention * (n - 1) + coherency * n * (n - 1))

`contention` is the share of the work that is done one at a time (a GIL, a lock), `coherency` the cost that each adds to
every other. The fit explains why a variant stops growing. A recommendation never comes from the fit, always from a
setting that was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

MIN_VALUES = 6
"""Different values of n that a fit needs."""
UPPER_QUANTILE = 0.975
"""Of Student's t, for a two-sided 95% interval."""


@dataclass(frozen=True)
class Coefficient:
    """A fitted coefficient with its standard error and its 95% interval, cut off at the bounds of the coefficient."""

    value: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """The law fitted over `values` of `over` (threads, workers or CPUs).

    `peak`: the value from which on more of it lowers the rate, with its 95% interval; None unless the interval excludes
    that there is none: coherency is above 0, and the whole interval lies inside the measured values.
    """

    over: str
    values: tuple[float, ...]
    unit_rps: Coefficient
    contention: Coefficient
    coherency: Coefficient
    peak: float | None
    peak_low: float | None
    peak_high: float | None
    words: str

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class NotFitted:
    """Why the law was not fitted over `over`."""

    over: str
    reason: str

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def law(n: Any, unit: float, contention: float, coherency: float) -> Any:
    """The law: requests/s at n."""
    return unit * n / (1 + contention * (n - 1) + coherency * n * (n - 1))


def fit(over: str, measured: Sequence[tuple[float, float]]) -> Fit | NotFitted:
    """Fit the law to pairs of n and requests/s, one for the knee of each block. Pure.

    Errors are assumed to be proportional to the rate, as they are between runs; otherwise the fastest settings alone
    would decide. The result is `NotFitted` with fewer than `MIN_VALUES` values of n, or when the fit does not converge.
    """
    values = tuple(sorted({n for n, _ in measured}))
    if len(values) < MIN_VALUES:
        given = ", ".join(f"{value:g}" for value in values) or "none"
        many = f"{len(values)} value{'' if len(values) == 1 else 's'}"
        return NotFitted(over, f"{many} of {over} measured ({given}), a fit needs {MIN_VALUES}")
    import numpy as np
    from scipy.optimize import OptimizeWarning, curve_fit  # type: ignore[import-untyped]
    from scipy.stats import t  # type: ignore[import-untyped]

    at = np.array([n for n, _ in measured], dtype=float)
    rates = np.array([rate for _, rate in measured], dtype=float)
    scale = float(rates.max())
    start = (max(1e-6, float((rates / at).max()) / scale), 0.05, 1e-4)
    try:
        with np.errstate(all="ignore"):
            found, covariance = curve_fit(
                law,
                at,
                rates / scale,
                sigma=rates / scale,
                p0=start,
                bounds=((0, 0, 0), (np.inf, 1, 1)),
                x_scale=(1, 0.1, 1e-3),
                maxfev=20_000,
            )
    except (RuntimeError, ValueError, OptimizeWarning) as error:
        return NotFitted(over, f"the fit did not converge: {error}")
    errors = np.sqrt(np.diag(covariance))
    if not np.isfinite(errors).all():
        return NotFitted(over, "the measured rates do not determine the three coefficients")
    reach = float(t.ppf(UPPER_QUANTILE, max(1, len(rates) - 3)))
    unit, contention, coherency = (
        Coefficient(
            float(value) * size,
            float(error) * size,
            max(0.0, float(value - reach * error)) * size,
            min(top, float(value + reach * error)) * size,
        )
        for value, error, size, top in zip(found, errors, (scale, 1.0, 1.0), (math.inf, 1.0, 1.0), strict=True)
    )
    peak = _peak(contention, coherency, float(covariance[1, 2]), reach)
    shown = peak is not None and peak[2] < values[-1]
    inside = shown and peak is not None and peak[0] > values[0]
    stated = peak if inside else (None, None, None)
    assert stated is not None
    low, value, high = stated
    return Fit(
        over, values, unit, contention, coherency, value, low, high, _words(over, values, peak if shown else None)
    )


def _peak(
    contention: Coefficient, coherency: Coefficient, covariance: float, reach: float
) -> tuple[float, float, float] | None:
    """The peak sqrt((1 - contention) / coherency) between its lower and upper bound: low, value, high.

    The bounds are those of its logarithm (delta method). None when the interval of the coherency reaches 0.
    """
    free = 1 - contention.value
    if coherency.low <= 0 or free <= 0:
        return None
    value = math.sqrt(free / coherency.value)
    parts = contention.standard_error / free, coherency.standard_error / coherency.value
    variance = (parts[0] ** 2 + parts[1] ** 2 + 2 * covariance / (free * coherency.value)) / 4
    width = math.exp(min(50.0, reach * math.sqrt(max(0.0, variance))))
    return value / width, value, value * width


def _words(over: str, values: Sequence[float], peak: tuple[float, float, float] | None) -> str:
    if peak is None:
        return f"up to {values[-1]:g} {over} no fall of the rate is shown"
    if peak[2] <= values[0]:
        return f"with more than {values[0]:g} {over} the rate falls from the start"
    if peak[0] <= values[0]:
        return f"the rate falls from {peak[2]:.0f} {over} at the latest"
    return f"beyond about {peak[1]:.0f} {over} ({peak[0]:.1f} to {peak[2]:.1f}) the rate falls"

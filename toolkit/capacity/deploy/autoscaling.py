"""The CPU use at which an autoscaler has to act: what was measured near the rate that a pod is planned with. Pure.

CPU use is not proportional to the rate (idle work, batching, a GIL that is fought over), so the CPU at the knee times the
headroom can be far from the use at the planned rate, and an autoscaler would act too late or too early.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.capacity.knee.profile import VariantProfile, median


@dataclass(frozen=True)
class CpuUse:
    """CPUs in use at a rate. `source`: which measured rates they come from, in words."""

    cpus: float
    source: str


def cpu_near(one: VariantProfile, rate_rps: float) -> CpuUse | None:
    """The CPUs that the server used at this rate, between the two nearest measured rates that met the SLO.

    Below the lowest measured rate, and where no rate was recorded with its CPU, it is in proportion to the nearest known
    use. None when not even the use at the knee is known.
    """
    by_rate: dict[float, list[float]] = {}
    for seen in one.rates:
        if seen.passed and seen.server_cpus_used is not None:
            by_rate.setdefault(seen.rate_rps, []).append(seen.server_cpus_used)
    known = sorted((rate, median(used) or 0.0) for rate, used in by_rate.items())
    below = [pair for pair in known if pair[0] <= rate_rps]
    above = [pair for pair in known if pair[0] >= rate_rps]
    if below and above:
        (low, low_cpus), (high, high_cpus) = below[-1], above[0]
        part = (rate_rps - low) / (high - low) if high > low else 0.0
        measured = f"{low:,.0f}" if high == low else f"{low:,.0f} and {high:,.0f}"
        return CpuUse(low_cpus + part * (high_cpus - low_cpus), f"measured at {measured} req/s")
    if known:
        nearest, cpus = known[0] if above else known[-1]
        return CpuUse(cpus * rate_rps / nearest, f"in proportion to {nearest:,.0f} req/s, the nearest measured rate")
    if one.server_cpus_used is None or not one.knee_rps:
        return None
    return CpuUse(
        one.server_cpus_used * rate_rps / one.knee_rps, "in proportion to the knee; no rate near it was recorded"
    )

"""Requests and limits of one pod of a measured variant, CPU and memory, each with its reason.

The memory request equals the limit, because a process without enough memory is killed, not slowed. The CPU request is the
use at the knee, so that other pods cannot take it; the CPU limit is what the server was measured with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from toolkit.capacity.knee.profile import MEMORY_HEADROOM, VariantProfile

CPU_STEP_MILLICORES = 50
MEMORY_STEP_MIB = 16


@dataclass(frozen=True)
class PodResources:
    """Requests and limits of one pod's server container. `reasons`: by the name of the value, in a sentence."""

    cpu_request_millicores: int
    cpu_limit_millicores: int
    memory_request_bytes: int
    memory_limit_bytes: int
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def cpu_request(self) -> str:
        """As a Kubernetes quantity."""
        return f"{self.cpu_request_millicores}m"

    @property
    def cpu_limit(self) -> str:
        """As a Kubernetes quantity."""
        return f"{self.cpu_limit_millicores}m"

    @property
    def memory(self) -> str:
        """Request and limit as a Kubernetes quantity."""
        return f"{self.memory_limit_bytes >> 20}Mi"


def pod_resources(one: VariantProfile, memory_headroom: float = MEMORY_HEADROOM) -> PodResources | None:
    """Requests and limits of a pod of this variant at this setting; None when CPU or memory were not measured. Pure.

    `memory_headroom`: the share that is added to the highest memory use.
    """
    if one.server_cpus_used is None or one.memory_high_mb is None:
        return None
    limit = round(1000 * one.server_cpus)
    steps = max(1, math.ceil(round(1000 * one.server_cpus_used / CPU_STEP_MILLICORES, 6)))
    request = min(limit, steps * CPU_STEP_MILLICORES)
    wanted_mib = one.memory_high_mb * 1e6 / (1 << 20) * (1 + memory_headroom)
    memory = math.ceil(wanted_mib / MEMORY_STEP_MIB) * MEMORY_STEP_MIB << 20
    most = f"{one.memory_high_mb:.0f} MB ({one.memory_kind or 'memory'}) is the most it used in {one.trials} trials"
    words = f"{most}, and {memory_headroom:.0%} above it as headroom"
    return PodResources(
        cpu_request_millicores=request,
        cpu_limit_millicores=limit,
        memory_request_bytes=memory,
        memory_limit_bytes=memory,
        reasons={
            "cpu_request": f"{one.server_cpus_used:.2f} CPUs were used at the knee, in steps of {CPU_STEP_MILLICORES}m",
            "cpu_limit": f"it was measured on {one.server_cpus:g} CPU{'' if one.server_cpus == 1 else 's'}, not on more",
            "memory_request": f"{words}; the request equals the limit, because a process without enough memory is killed",
            "memory_limit": words,
        },
    )

"""Requests and limits of one pod of a measured variant, CPU and memory, each with its reason.

The memory request equals the limit, because a process without enough memory is killed, not slowed. A server that was measured
on whole CPUs of its own gets whole CPUs: request and limit are equal, so the pod is Guaranteed and the static CPU manager of
a kubelet pins it. Under a quota the same server is stopped in the middle of bursts, which its knee does not know. A server
that was measured under a quota (a fraction of a CPU) gets that quota, and requests the use at the knee.
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
    request, request_reason, limit_reason = _cpu(one, limit)
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
            "cpu_request": request_reason,
            "cpu_limit": limit_reason,
            "memory_request": f"{words}; the request equals the limit, because a process without enough memory is killed",
            "memory_limit": words,
        },
    )


def _cpu(one: VariantProfile, limit_millicores: int) -> tuple[int, str, str]:
    """The CPU request in millicores, and the reasons for request and limit."""
    used = one.server_cpus_used or 0.0
    if one.server_cpus == int(one.server_cpus):
        cpus = f"{one.server_cpus:g} whole CPU{'' if one.server_cpus == 1 else 's'}"
        return (
            limit_millicores,
            f"it was measured on {cpus} of its own ({used:.2f} used at the knee); `knee --cpus 0.5` measures a quota",
            "equal to the request: the pod is Guaranteed, and the static CPU manager gives it whole CPUs",
        )
    steps = max(1, math.ceil(round(1000 * used / CPU_STEP_MILLICORES, 6)))
    return (
        min(limit_millicores, steps * CPU_STEP_MILLICORES),
        f"{used:.2f} CPUs were used at the knee, in steps of {CPU_STEP_MILLICORES}m",
        f"it was measured under a quota of {one.server_cpus:g} CPUs",
    )

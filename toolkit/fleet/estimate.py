"""The pods that one service needs on each variant, and how reliable that estimate is.

With a profile of the service itself the pods come from its own knees. With the profile of a similar service, CPU per
request and memory per pod change as they did in that profile (block by block); everything else is the service's own: its
highest CPU use ÷ headroom, in pods of the size that it has. Both variants are sized by the same rule, so
what better sizing alone saves is not credited to free-threading.

Pods that use more than they request keep their number, and their request is raised: their request being too small is no
reason for more pods. Sidecars and proxies do not run Python: their share of CPU and memory is the same on both variants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from toolkit.capacity.deploy.pod import pod_resources
from toolkit.capacity.knee.pacing import planned_rps
from toolkit.capacity.knee.profile import MEMORY_HEADROOM, Profile, VariantProfile, median
from toolkit.capacity.knee.usable import usable_knees
from toolkit.capacity.planning.sizing import pods_for
from toolkit.errors import GilfreeError
from toolkit.fleet.inventory.model import FleetService
from toolkit.fleet.rules import NamedProfile
from toolkit.fleet.usage import Usage

MIN_PODS = 2
"""Pods of a service at least, unless it has fewer now."""
MOST_CPU_FACTOR = 4.0
"""A service whose CPU per request is more than this many times the profile's, or less than its inverse, is not similar."""

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Need:
    """A number of equal pods. `cpu_millis`, `memory_bytes`: requests of one pod."""

    pods: int
    cpu_millis: int
    memory_bytes: int

    @property
    def cpu_cores(self) -> float:
        """CPU of all pods in cores."""
        return self.pods * self.cpu_millis / 1000

    @property
    def memory_total(self) -> int:
        """Memory of all pods in bytes."""
        return self.pods * self.memory_bytes


@dataclass(frozen=True)
class Estimate:
    """What a service requests `now`, and what it needs sized by its use: on the GIL build, and on the free-threaded build.

    `free`: for the worst, the middle and the best combination of the blocks. `why`: what `confidence` rests on.
    """

    now: Need
    gil: Need
    free: tuple[Need, Need, Need]
    confidence: Confidence
    why: str


@dataclass(frozen=True)
class PairProfile:
    """Both variants of a profile, each at the setting with the highest knee per CPU, with the blocks' knees in requests/s."""

    gil: VariantProfile
    free: VariantProfile
    gil_knees: tuple[float, ...]
    free_knees: tuple[float, ...]
    named: NamedProfile

    def cpu_seconds(self, one: VariantProfile, knee: float) -> float:
        """CPU seconds per request at a knee."""
        return (one.server_cpus_used or one.server_cpus) / knee

    @cached_property
    def cpu_ratios(self) -> tuple[float, float, float]:
        """CPU per request, free-threaded ÷ GIL: the worst, the middle and the best combination of the blocks."""
        gil = sorted(self.cpu_seconds(self.gil, knee) for knee in self.gil_knees)
        free = sorted(self.cpu_seconds(self.free, knee) for knee in self.free_knees)
        return free[-1] / gil[0], (median(free) or 0) / (median(gil) or 1), free[0] / gil[-1]

    @property
    def memory_ratio(self) -> float:
        """Memory of a pod, free-threaded ÷ GIL."""
        return (self.free.memory_high_mb or 0) / (self.gil.memory_high_mb or 1)


def pair_profile(named: NamedProfile) -> PairProfile:
    """Both variants of a profile. Raises GilfreeError with the reason when the profile is not fit to calculate with."""
    profile = named.profile.for_endpoint(named.endpoint)
    builds = profile.build_profiles()
    if len(builds) > 1:
        raise GilfreeError(f"{profile.campaign}: builds of different build profiles are mixed: {', '.join(builds)}")
    (gil, gil_knees), (free, free_knees) = (_best_setting(profile, role) for role in ("gil", "free-threaded"))
    return PairProfile(gil, free, gil_knees, free_knees, named)


def _best_setting(profile: Profile, role: str) -> tuple[VariantProfile, tuple[float, ...]]:
    found: list[tuple[float, VariantProfile, tuple[float, ...]]] = []
    failed = GilfreeError(f"{profile.campaign}: the {role} build was not measured")
    for one in (one for one in profile.variants if one.role == role):
        try:
            knees = usable_knees(one, profile.p99_ms, profile.p99_ms)
        except GilfreeError as error:
            failed = error
            continue
        if pod_resources(one) is None:
            failed = GilfreeError(f"{one.variant} {one.point}: CPU or memory were not measured")
            continue
        found.append(((median(knees) or 0) / one.server_cpus, one, tuple(knees)))
    if not found:
        raise failed
    best = max(found, key=lambda entry: entry[0])
    return best[1], best[2]


def estimate_needs(service: FleetService, usage: Usage, profile: PairProfile, headroom: float) -> Estimate:
    """The needs of a service for which no figure of usage is missing. `headroom`: share of its CPU that a pod may use. Pure."""
    found = (_own_needs if profile.named.own else _similar_needs)(service, usage, profile, headroom)
    return replace(found, why=f"{found.why}; {service.caveat}") if service.caveat else found


def _similar_needs(service: FleetService, usage: Usage, profile: PairProfile, headroom: float) -> Estimate:
    cores = (usage.cpu_cores or 0) / headroom
    memory = (usage.memory_bytes or 0) * (1 + MEMORY_HEADROOM)
    python_cpu, python_memory = _python_shares(service)
    # The size of a pod is the same on both variants, so that only the number of pods differs.
    cpu_millis = max(service.cpu_millis, math.ceil(round(cores * 1000 / service.replicas, 9)))

    def need(ratio: float, memory_ratio: float) -> Need:
        millis = cores * 1000 * (1 + python_cpu * (ratio - 1))
        pods, request = _bounded(service, math.ceil(round(millis / cpu_millis, 9))), cpu_millis
        if pods * request < millis:
            request = math.ceil(round(millis / pods, 9))
        return Need(pods, request, math.ceil(memory * (1 + python_memory * (memory_ratio - 1))))

    free = tuple(need(ratio, profile.memory_ratio) for ratio in profile.cpu_ratios)
    factor = _likeness(service, usage, profile)
    words = f"similar to profile {profile.named.name}, with {factor:.2g} times its CPU per request"
    alike = _is_alike(factor)
    gil = need(1, 1)
    if gil.cpu_millis > service.cpu_millis:
        words += f"; its pods use more than they request: {service.cpu_millis}m -> {gil.cpu_millis}m each"
        if service.most_pods is not None and service.most_pods > service.replicas:
            words += f" (in {service.replicas} pods; its autoscaler may add pods instead, up to {service.most_pods})"
    if not alike:
        words += (
            ": it does mostly other work" if gil.cpu_millis == service.cpu_millis else "; it does mostly other work"
        )
    return Estimate(
        Need(service.replicas, service.cpu_millis, service.memory_bytes),
        gil,
        (free[0], free[1], free[2]),
        "medium" if alike else "low",
        words,
    )


def _bounded(service: FleetService, pods: int) -> int:
    """A number of pods within the bounds of the service; never more pods than it has now or must have."""
    least = max(min(MIN_PODS, service.replicas), service.least_pods)
    most = max(service.replicas, least)
    if service.most_pods is not None:
        most = min(most, max(service.most_pods, 1))
    return min(max(pods, least), most)


def _python_shares(service: FleetService) -> tuple[float, float]:
    """The shares of a pod's CPU and memory that are not those of sidecars, by their requests."""
    return (
        1 - min(service.other_cpu_millis, service.cpu_millis) / max(service.cpu_millis, 1),
        1 - min(service.other_memory_bytes, service.memory_bytes) / max(service.memory_bytes, 1),
    )


def _likeness(service: FleetService, usage: Usage, profile: PairProfile) -> float:
    """CPU per request of the service, without that of its sidecars, ÷ that of the profile."""
    own_seconds = usage.cpu_seconds * _python_shares(service)[0]
    return own_seconds / profile.cpu_seconds(profile.gil, median(profile.gil_knees) or 1)


def _is_alike(factor: float) -> bool:
    return 1 / MOST_CPU_FACTOR <= factor <= MOST_CPU_FACTOR


def _own_needs(service: FleetService, usage: Usage, profile: PairProfile, headroom: float) -> Estimate:
    now = Need(service.replicas, service.cpu_millis, service.memory_bytes)
    least = max(min(MIN_PODS, now.pods), service.least_pods)

    def need(one: VariantProfile, knee: float) -> Need:
        pod = pod_resources(one)
        assert pod is not None, "pair_profile refuses a setting without them"
        pods = max(least, pods_for(usage.rps or 0, planned_rps(knee, headroom, profile.named.profile.p99_ms)))
        return Need(
            pods,
            pod.cpu_request_millicores + service.other_cpu_millis,
            pod.memory_request_bytes + service.other_memory_bytes,
        )

    gil_mid, free_mid = median(profile.gil_knees) or 1, median(profile.free_knees) or 1
    # The worst free-threaded block compared with the best GIL block, as a factor on the median.
    worst = min(profile.free_knees) * gil_mid / max(profile.gil_knees)
    best = max(profile.free_knees) * gil_mid / min(profile.gil_knees)
    free = need(profile.free, worst), need(profile.free, free_mid), need(profile.free, best)
    gil = need(profile.gil, gil_mid)
    words = "the service itself was measured"
    most = max(gil.pods, *(one.pods for one in free))
    if service.most_pods is not None and most > service.most_pods:
        words += f"; its autoscaler allows {service.most_pods} pods, but {most} are needed"
    if not usage.cpu_cores:
        return Estimate(now, gil, free, "medium", f"{words}, but without a figure of CPU that is not checked")
    factor = _likeness(service, usage, profile)
    words += f"; it uses {factor:.2g} times the CPU per request that was measured"
    return Estimate(now, gil, free, "high" if _is_alike(factor) else "low", words)

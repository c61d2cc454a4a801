"""What one service would need on each variant, and how sure that is.

Its own profile: pods from its own knees. A profile of its kind: CPU per request and memory per pod change as they did for
the profile (block by block), and everything else is the service's own: the CPU it uses at its 95th percentile ÷ headroom,
in pods of the size it has. Both variants are sized by the same rule, so that what better sizing alone would save is not
taken for free-threading's doing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from toolkit.capacity.deploy.pod import pod_resources
from toolkit.capacity.knee.profile import MEMORY_HEADROOM, Profile, VariantProfile, median
from toolkit.capacity.planning.plan import knees, pods_for
from toolkit.errors import GilfreeError
from toolkit.fleet.inventory import Service
from toolkit.fleet.rules import Named
from toolkit.fleet.usage import Usage

MIN_PODS = 2
UNLIKE = 4.0
"""A service whose CPU per request is so many times the profile's, or a fraction, does mostly other things than it."""

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Need:
    """Pods of one size."""

    pods: int
    cpu_millis: int
    memory_bytes: int

    @property
    def cpu_cores(self) -> float:
        """All pods' CPU."""
        return self.pods * self.cpu_millis / 1000

    @property
    def memory_total(self) -> int:
        """All pods' memory."""
        return self.pods * self.memory_bytes


@dataclass(frozen=True)
class Estimate:
    """Needs of a service: `now` as it requests, `gil` sized by use, `free` at the worst, middle and best of the blocks."""

    now: Need
    gil: Need
    free: tuple[Need, Need, Need]
    confidence: Confidence
    why: str


@dataclass(frozen=True)
class Sides:
    """A profile made ready: both variants at the setting that carries most per CPU, with the blocks' knees."""

    gil: VariantProfile
    free: VariantProfile
    gil_knees: tuple[float, ...]
    free_knees: tuple[float, ...]
    named: Named

    def cpu_seconds(self, of: VariantProfile, knee: float) -> float:
        """CPU per request at a knee."""
        return (of.server_cpus_used or of.server_cpus) / knee

    @cached_property
    def cpu_ratios(self) -> tuple[float, float, float]:
        """Free-threaded ÷ GIL in CPU per request: worst, middle, best combination of the blocks."""
        gil = sorted(self.cpu_seconds(self.gil, knee) for knee in self.gil_knees)
        free = sorted(self.cpu_seconds(self.free, knee) for knee in self.free_knees)
        return free[-1] / gil[0], (median(free) or 0) / (median(gil) or 1), free[0] / gil[-1]

    @property
    def memory_ratio(self) -> float:
        """Free-threaded ÷ GIL in memory of a pod."""
        return (self.free.memory_high_mb or 0) / (self.gil.memory_high_mb or 1)


def sides(named: Named) -> Sides:
    """Both variants of a profile. Raises GilfreeError when it is not fit to reckon with, saying why."""
    profile = named.profile.of_endpoint(named.endpoint)
    builds = {one.profile for one in profile.variants}
    if len(builds) > 1:
        raise GilfreeError(f"{profile.campaign}: builds of different profiles are mixed: {', '.join(sorted(builds))}")
    gil, free = _best(profile, "gil"), _best(profile, "free-threaded")
    return Sides(gil[0], free[0], gil[1], free[1], named)


def _best(profile: Profile, role: str) -> tuple[VariantProfile, tuple[float, ...]]:
    found: list[tuple[float, VariantProfile, tuple[float, ...]]] = []
    failed = GilfreeError(f"{profile.campaign}: the {role} build was not measured")
    for one in (one for one in profile.variants if one.role == role):
        try:
            carried = knees(one, profile.p99_ms, profile.p99_ms)
        except GilfreeError as error:
            failed = error
            continue
        if pod_resources(one) is None:
            failed = GilfreeError(f"{one.variant} {one.point}: CPU or memory were not measured")
            continue
        found.append(((median(carried) or 0) / one.server_cpus, one, tuple(carried)))
    if not found:
        raise failed
    best = max(found, key=lambda entry: entry[0])
    return best[1], best[2]


def estimate(service: Service, usage: Usage, by: Sides, headroom: float) -> Estimate:
    """Needs of a service with all figures. Pure."""
    now = Need(service.replicas, service.cpu_millis, service.memory_bytes)
    if by.named.own:
        return _own(now, usage, by, headroom)
    least = min(MIN_PODS, service.replicas)
    cores = (usage.cpu_cores or 0) / headroom
    memory = (usage.memory_bytes or 0) * (1 + MEMORY_HEADROOM)

    def need(ratio: float, memory_ratio: float) -> Need:
        pods = max(least, math.ceil(round(cores * ratio * 1000 / service.cpu_millis, 9)))
        return Need(pods, service.cpu_millis, math.ceil(memory * memory_ratio))

    ratios = by.cpu_ratios
    free = tuple(need(ratio, by.memory_ratio) for ratio in ratios)
    own_cost, measured = (usage.cpu_cores or 0) / (usage.rps or 1), by.cpu_seconds(by.gil, median(by.gil_knees) or 1)
    unlike = own_cost / measured
    words = f"of profile {by.named.name}'s kind; a request takes {unlike:.2g} times the CPU that it takes there"
    if 1 / UNLIKE <= unlike <= UNLIKE:
        return Estimate(now, need(1, 1), (free[0], free[1], free[2]), "medium", words)
    return Estimate(now, need(1, 1), (free[0], free[1], free[2]), "low", f"{words}: it does mostly other things")


def _own(now: Need, usage: Usage, by: Sides, headroom: float) -> Estimate:
    least = min(MIN_PODS, now.pods)

    def need(one: VariantProfile, knee: float) -> Need:
        pod = pod_resources(one)
        assert pod is not None, "sides() takes none without"
        pods = max(least, pods_for(usage.rps or 0, knee, headroom))
        return Need(pods, pod.cpu_request_millicores, pod.memory_request_bytes)

    gil_mid, free_mid = median(by.gil_knees) or 1, median(by.free_knees) or 1
    # The worst for free-threading meets the best of the GIL build: carried over as a factor on the middle.
    worst = min(by.free_knees) * gil_mid / max(by.gil_knees)
    best = max(by.free_knees) * gil_mid / min(by.gil_knees)
    free = need(by.free, worst), need(by.free, free_mid), need(by.free, best)
    return Estimate(now, need(by.gil, gil_mid), free, "high", "measured itself")

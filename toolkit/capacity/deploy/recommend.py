"""What to deploy of each variant: workers, threads, CPU, memory and when to scale out, with a reason for every value. Pure.

Only a measured setting is recommended. Among settings whose knees are within `KNEE_TOLERANCE` of the highest it is the one
with the fewest workers and threads, which needs the least memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.capacity.deploy.autoscaling import cpu_near
from toolkit.capacity.deploy.pod import PodResources, pod_resources
from toolkit.capacity.knee.pacing import WORTH_SAYING, planned_rps, random_arrival_share
from toolkit.capacity.knee.profile import MIN_KNEES, Profile, VariantProfile
from toolkit.capacity.knee.usable import why_unusable
from toolkit.capacity.knee.usl import Fit, NotFitted, fit

KNEE_TOLERANCE = 0.03
"""Share by which a knee may be below the highest one and still count as equally good."""


@dataclass(frozen=True)
class Recommendation:
    """The setting of one variant for one endpoint. Rates are requests/s of one pod.

    The three knees are the lowest, the median and the highest of the blocks. `planned_rps`: headroom x median knee, less
    what even pacing hides (pacing.py).
    `scale_at_cpu_percent`: CPU use, in percent of the request, at which the autoscaler acts.
    """

    variant: str
    role: str
    endpoint: str
    point: str
    workers: int
    threads: int
    knee_low_rps: float
    knee_mid_rps: float
    knee_high_rps: float
    planned_rps: float
    pod: PodResources
    scale_at_cpu_percent: int
    reasons: dict[str, str] = field(default_factory=dict)
    caveats: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """The recommendation as plain data for JSON, with CPU and memory as Kubernetes quantities."""
        pod = {"cpu_request": self.pod.cpu_request, "cpu_limit": self.pod.cpu_limit, "memory": self.pod.memory}
        return {**asdict(self), "pod": pod}


@dataclass(frozen=True)
class Unknown:
    """Why there is no recommendation for a variant at an endpoint."""

    variant: str
    endpoint: str
    reason: str

    def data(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def recommendations(profile: Profile, memory_headroom: float | None = None) -> list[Recommendation | Unknown]:
    """For each endpoint and variant a recommendation, or why there is none.

    `memory_headroom`: the share that is added to the highest memory use; None: that of the run.
    """
    memory_headroom = profile.memory_headroom if memory_headroom is None else memory_headroom
    keys = dict.fromkeys((one.endpoint, one.variant) for one in profile.variants)
    return [
        _recommend([one for one in profile.variants if (one.endpoint, one.variant) == key], profile, memory_headroom)
        for key in keys
    ]


def _recommend(
    settings: Sequence[VariantProfile], profile: Profile, memory_headroom: float
) -> Recommendation | Unknown:
    variant, endpoint = settings[0].variant, settings[0].endpoint
    known = [(mid, one) for one in settings if (mid := one.knee_rps) is not None and why_unusable(one) is None]
    if not known:
        reasons = [f"{one.point}: {why}" for one in settings if one.knees_rps() and (why := why_unusable(one))]
        if reasons:
            return Unknown(variant, endpoint, "; ".join(reasons[:3]))
        notes = [f"{one.point}: {block.note}" for one in settings for block in one.blocks if block.note]
        return Unknown(variant, endpoint, "no knee was found. " + ("; ".join(notes[:3]) or "Nothing was measured"))
    best_rps = max(mid for mid, _ in known)
    candidates = [(mid, one) for mid, one in known if mid >= (1 - KNEE_TOLERANCE) * best_rps]
    mid, best = min(candidates, key=lambda pair: (pair[1].workers * pair[1].threads, -pair[0]))
    pod = pod_resources(best, memory_headroom)
    if pod is None or not best.server_cpus_used:
        return Unknown(variant, endpoint, f"CPU or memory of {best.point} were not measured")
    knees = best.knees_rps()
    planned = planned_rps(mid, profile.headroom, profile.p99_ms)
    use = cpu_near(best, planned)
    assert use is not None, "the knee and its CPU use are known"
    percent = max(1, math.floor(100_000 * use.cpus / pod.cpu_request_millicores))
    setting = _setting_reason(best, mid, known, best_rps)
    return Recommendation(
        variant=variant,
        role=best.role,
        endpoint=endpoint,
        point=best.point,
        workers=best.workers,
        threads=best.threads,
        knee_low_rps=min(knees),
        knee_mid_rps=mid,
        knee_high_rps=max(knees),
        planned_rps=planned,
        pod=pod,
        scale_at_cpu_percent=percent,
        reasons={
            "workers": setting,
            "threads": setting if profile.interface == "wsgi" else "Granian takes one on ASGI",
            **pod.reasons,
            "planned_rps": _planned_reason(mid, profile),
            "scale_at_cpu_percent": (
                f"at {planned:,.0f} req/s {use.cpus:.2f} CPUs are used ({use.source}), {percent}% of the request"
            ),
        },
        caveats=tuple(_caveats(best)),
    )


def _planned_reason(knee_rps: float, profile: Profile) -> str:
    words = f"{profile.headroom:.0%} of the knee of {knee_rps:,.0f} req/s is planned with"
    less = 1 - random_arrival_share(knee_rps, profile.p99_ms)
    if less < WORTH_SAYING:
        return words
    return (
        f"{words}, less {less:.0%}: requests were evenly paced, and those of users, which come at random,"
        f" meet {profile.p99_ms:g} ms only up to a lower rate"
    )


def _setting_reason(best: VariantProfile, mid: float, known: Sequence[tuple[float, VariantProfile]], top: float) -> str:
    if len(known) == 1:
        return "the only setting that was measured and met the SLO; --grid compares others"
    others = ", ".join(f"{one.point} {rate:,.0f}" for rate, one in known if one.point != best.point)
    if mid == top:
        return f"the highest knee, {mid:,.0f} req/s; the others: {others}"
    return f"{mid:,.0f} req/s, within {KNEE_TOLERANCE:.0%} of the highest knee with fewer workers and threads; the others: {others}"


def _caveats(one: VariantProfile) -> list[str]:
    found = []
    if len(one.knees_rps()) < MIN_KNEES:
        found.append(f"knees of {len(one.knees_rps())} of the {MIN_KNEES} blocks that `gilfree plan` needs")
    if one.loader_saturated:
        found.append("the loader was at its limit, so the knee is a lower bound")
    if one.verification == "too low":
        found.append("the verification met the SLO above the knee too: the knee is a lower bound")
    if one.soak is not None and one.soak.grows_mb_an_hour is not None:
        found.append(
            f"memory grew by {one.soak.grows_mb_an_hour:.1f} MB an hour in {one.soak.run}: no limit is enough for ever"
        )
    if one.build_profile == "fast":
        found.append("the build profile is fast (no PGO); a release build is faster")
    if one.rejected:
        causes = ", ".join(f"{count} x {cause}" for cause, count in sorted(one.rejected.items()))
        found.append(f"did not count: {causes}")
    return found


def scaling(profile: Profile) -> dict[tuple[str, str], list[Fit | NotFitted]]:
    """By endpoint and variant the scalability law over threads (WSGI only) and over workers, or why it was not fitted."""
    found: dict[tuple[str, str], list[Fit | NotFitted]] = {}
    for endpoint, variant in dict.fromkeys((one.endpoint, one.variant) for one in profile.variants):
        own = [one for one in profile.variants if (one.endpoint, one.variant) == (endpoint, variant)]
        axes = ("threads", "workers") if profile.interface == "wsgi" else ("workers",)
        found[endpoint, variant] = [
            fit(axis, [(float(getattr(one, axis)), knee) for one in _varying(own, axis) for knee in one.knees_rps()])
            for axis in axes
        ]
    return found


def scaling_over_cpus(profiles: Sequence[Profile]) -> dict[tuple[str, str], Fit | NotFitted]:
    """By point and variant the scalability law over the CPUs of the server, which differ between the profiles."""
    knees: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in (variant for profile in profiles for variant in profile.variants):
        own = knees.setdefault((one.point, one.variant), [])
        own += [(one.server_cpus, knee) for knee in one.knees_rps()]
    return {key: fit("CPUs", measured) for key, measured in knees.items()}


def _varying(own: Sequence[VariantProfile], axis: str) -> list[VariantProfile]:
    """The largest group of settings that differ only in `axis`."""
    other = "workers" if axis == "threads" else "threads"
    groups: dict[Any, list[VariantProfile]] = {}
    for one in own:
        groups.setdefault((getattr(one, other), one.connections), []).append(one)
    return max(groups.values(), key=len, default=[])

"""Knees, recommendations and scaling laws as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from toolkit.capacity.deploy.recommend import Recommendation, Unknown
from toolkit.capacity.knee.pacing import WORTH_SAYING, random_arrival_share
from toolkit.capacity.knee.profile import Profile, SoakedMemory, VariantProfile, median
from toolkit.capacity.knee.usl import Coefficient, Fit, NotFitted

WIDTH = 9


def knee_lines(profile: Profile) -> Iterator[str]:
    """Each setting's knees, block by block, and why others were not found."""
    yield f"{profile.campaign}: highest constant rate with p99 within {profile.p99_ms:g} ms, on {profile.backend}"
    for point in profile.points():
        yield f"  {point}"
        for one in profile.variants_at(point):
            yield f"    {one.variant:6}{_knee(one)}"
            for block in one.blocks:
                if not block.finished or block.knee_rps is None:
                    yield f"          block {block.block + 1}: {block.note}"
            if one.rejected:
                causes = ", ".join(f"{count} x {cause}" for cause, count in sorted(one.rejected.items()))
                yield f"          did not count: {causes}"
            if one.soak is not None:
                yield f"          {_soak(one.soak)}"
    yield from _pacing(profile)
    for words in profile.unmeasured:
        yield f"  not measured: {words}"


def _knee(one: VariantProfile) -> str:
    mid = one.knee_rps
    if not one.knees_rps():
        return "no knee"
    found = [block.knee_rps for block in one.blocks if block.finished]
    blocks = ", ".join("no rate met" if knee is None else f"{knee:,.0f}" for knee in found)
    if mid is None:
        return f"no knee (blocks {blocks})"
    p99 = median([block.p99_ms for block in one.blocks if block.p99_ms is not None])
    used = f", {one.server_cpus_used:.2f} of {one.server_cpus:g} CPUs" if one.server_cpus_used is not None else ""
    memory = f", {one.memory_high_mb:.0f} MB {one.memory_kind}" if one.memory_high_mb else ""
    at = f", p99 there {p99:.1f} ms" if p99 is not None else ""
    bound = ", a lower bound: the loader was at its limit" if one.loader_saturated else ""
    return f"{mid:>{WIDTH},.0f} req/s (blocks {blocks}){at}{used}{memory}{bound}"


def _soak(soak: SoakedMemory) -> str:
    grows = soak.grows_mb_an_hour
    words = "no growth was seen" if grows is None else f"it GREW by {grows:.1f} MB an hour"
    return f"memory over {soak.seconds / 60:.0f} min ({soak.run}): at most {soak.high_mb:.0f} MB, {words}"


def _pacing(profile: Profile) -> Iterator[str]:
    """What even pacing hides, for the variant that loses most by it."""
    knees = [one.knee_rps for one in profile.variants if one.knee_rps]
    if not knees:
        return
    less = 1 - min(random_arrival_share(knee, profile.p99_ms) for knee in knees)
    words = "  requests were evenly paced; those of users come at random"
    if less < WORTH_SAYING:
        yield f"{words}, which costs less than {WORTH_SAYING:.0%} here"
    else:
        yield f"{words}: pods are planned with up to {less:.0%} less than headroom x knee"


def recommendation_lines(found: Sequence[Recommendation | Unknown]) -> Iterator[str]:
    """The deployment recommended for each variant, every value with its reason."""
    for one in found:
        if isinstance(one, Unknown):
            yield f"{one.endpoint} on {one.variant}: unknown, because {one.reason}"
            continue
        yield f"{one.endpoint} on {one.variant}: {one.planned_rps:,.0f} req/s a pod ({one.reasons['planned_rps']})"
        for name, value in (
            ("workers", str(one.workers)),
            ("threads", str(one.threads)),
            ("cpu_request", one.pod.cpu_request),
            ("cpu_limit", one.pod.cpu_limit),
            ("memory_request", one.pod.memory),
            ("memory_limit", one.pod.memory),
            ("scale_at_cpu_percent", f"{one.scale_at_cpu_percent}%"),
        ):
            yield f"    {name.replace('_', ' '):21}{value:>8}  {one.reasons[name]}"
        for caveat in one.caveats:
            yield f"    note: {caveat}"


def scaling_lines(found: Mapping[tuple[str, str], Sequence[Fit | NotFitted]]) -> Iterator[str]:
    """The scalability law of each variant, or why there is none."""
    for (what, variant), fits in found.items():
        for one in fits:
            if isinstance(one, NotFitted):
                yield f"{what} on {variant}, scaling over {one.over}: not fitted: {one.reason}"
                continue
            yield (
                f"{what} on {variant}, scaling over {one.over}: {one.words}"
                f" (contention {_share(one.contention)}, coherency {_share(one.coherency)})"
            )


def _share(one: Coefficient) -> str:
    return f"{one.value:.4g} [{one.low:.4g}, {one.high:.4g}]"

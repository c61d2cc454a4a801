"""Knees, recommendations and scaling laws as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from toolkit.capacity.deploy.recommend import Recommendation, Unknown
from toolkit.capacity.knee.profile import Profile, VariantProfile, median
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
    for words in profile.unmeasured:
        yield f"  not measured: {words}"


def _knee(one: VariantProfile) -> str:
    found = one.knees_rps()
    mid = median(found)
    if mid is None:
        return "no knee"
    blocks = ", ".join(f"{knee:,.0f}" for knee in found)
    p99 = median([block.p99_ms for block in one.blocks if block.p99_ms is not None])
    used = f", {one.server_cpus_used:.2f} of {one.server_cpus:g} CPUs" if one.server_cpus_used is not None else ""
    memory = f", {one.memory_high_mb:.0f} MB {one.memory_kind}" if one.memory_high_mb else ""
    at = f", p99 there {p99:.1f} ms" if p99 is not None else ""
    bound = ", a lower bound: the loader was at its limit" if one.loader_saturated else ""
    return f"{mid:>{WIDTH},.0f} req/s (blocks {blocks}){at}{used}{memory}{bound}"


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

"""What to deploy for a capacity plan: its settings, its pods, and the bounds that it gives the autoscaler. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.capacity.deploy.recommend import Recommendation, recommendations
from toolkit.capacity.deploy.replicas import Replicas
from toolkit.capacity.knee.profile import Profile
from toolkit.capacity.planning.result import CapacityPlan, VariantPlan
from toolkit.errors import GilfreeError


def planned_deployments(
    plan: CapacityPlan, profile: Profile, memory_headroom: float
) -> Iterator[tuple[Recommendation, Replicas]]:
    """For each planned variant the recommendation at the plan's setting, headroom and SLO, and its replicas.

    Raises GilfreeError when the pods of a variant do not fit, or when there is no recommendation for its setting.
    """
    first = plan.variants[0]
    for one in plan.variants:
        problem = next((sizing.problem for sizing in one.sizings if sizing.problem), None)
        if problem:
            raise GilfreeError(f"no manifests for {one.variant}: {problem}", "add node types or nodes to the catalogue")
        setting = [seen for seen in profile.variants if (seen.variant, seen.point) == (one.variant, one.point)]
        update = {"variants": tuple(setting), "headroom": plan.requirements.headroom}
        if plan.requirements.p99_ms == profile.p99_ms:
            (found,) = recommendations(profile.model_copy(update=update), memory_headroom)
        else:
            raise GilfreeError(
                f"manifests are for the measured SLO of {profile.p99_ms:g} ms, not for {plan.requirements.p99_ms:g} ms",
                f"measure for it: gilfree knee … --slo p99={plan.requirements.p99_ms:g}ms",
            )
        if not isinstance(found, Recommendation):
            raise GilfreeError(f"no manifests for {one.variant}: {found.reason}", "measure it again")
        yield found, _replicas(one, first, plan)


def _replicas(one: VariantPlan, alongside: VariantPlan, plan: CapacityPlan) -> Replicas:
    """Pods at the median knee to start with; at most those of the lowest knee, at least those of the quietest hour."""
    pods = [row["pods"][one.variant] for row in plan.day]
    least, most = min([one.mid.pods, *pods]), max(sizing.pods for sizing in one.sizings)
    quiet = "the quietest hour" if pods else "the median knee"
    peak = plan.requirements.traffic.peak_rps
    return Replicas(
        first=one.mid.pods,
        least=least,
        most=most,
        reason=f"{one.mid.pods} for {peak:,.0f} req/s; {least} at {quiet}, {most} at the lowest knee, for which the nodes are planned",
        alongside=alongside.mid.pods,
        zones=plan.requirements.zones,
        arch=next(iter({kind.arch for kind in plan.catalogue.types})),
    )

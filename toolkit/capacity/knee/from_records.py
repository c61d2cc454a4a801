"""The profile of a service from the records of a knee campaign. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.campaign.runner import Campaign
from toolkit.capacity.knee.profile import (
    BlockKnee,
    MeasuredRate,
    Profile,
    SoakedMemory,
    VariantProfile,
    VerifiedRate,
    median,
)
from toolkit.capacity.knee.search import SearchResult, evaluate_rate
from toolkit.capacity.knee.search_plan import VERIFY_BLOCK, KneeSearchPlan, KneeSettings, knee_search_plan, step_of
from toolkit.capacity.knee.soaked import soaked_memory
from toolkit.capacity.knee.verification import VerificationPlan
from toolkit.errors import GilfreeError
from toolkit.records.reasons import deciding
from toolkit.records.store import Record
from toolkit.scenario.model import Point, Scenario
from toolkit.trial.model import Arm


def profile_of(campaign: Campaign) -> Profile:
    """The profile of a campaign, with the memory of soak runs of the same service in the same results folder.

    Raises GilfreeError when the campaign did not search for knees.
    """
    found = profile_from_records(
        campaign.name, campaign.scenario, campaign.arms, campaign.description, campaign.records()
    )
    return with_soaks(found, soaked_memory(campaign))


def profile_from_records(
    name: str, scenario: Scenario, arms: Sequence[Arm], description: Mapping[str, Any], records: Sequence[Record]
) -> Profile:
    """The profile of these records; `description` is the campaign.json. Raises GilfreeError when it has no knee settings."""
    settings = KneeSettings.from_description(description)
    if settings is None:
        raise GilfreeError(
            f"campaign {name} did not search for a knee", "measure one: gilfree knee SCENARIO --slo p99=50ms"
        )
    plan = knee_search_plan(name, scenario, [arm.name for arm in arms], description)
    variants = [
        _variant(plan, scenario, point, arm, description, records) for point in scenario.points() for arm in arms
    ]
    return Profile(
        service=scenario.name,
        campaign=name,
        run=str(description.get("run", "")),
        created=str(description.get("created", "")),
        backend=next((record.backend for record in records), str(description.get("backend", "unknown"))),
        cpu_model=str((description.get("machine") or {}).get("cpu_model", "")),
        interface=scenario.app.interface,
        p99_ms=settings.rules.p99_ms,
        headroom=settings.headroom,
        memory_headroom=settings.memory_headroom,
        variants=tuple(_verified(variants, plan, scenario, records)),
        unmeasured=tuple(plan.unmeasured(records)),
        caveats=tuple(description.get("caveats", ())),
    )


def with_soaks(profile: Profile, soaks: Mapping[tuple[str, str], SoakedMemory]) -> Profile:
    """The profile with what soak runs found, by point key and arm; memory is the most of both. Pure."""

    def soaked(one: VariantProfile) -> VariantProfile:
        found = soaks.get((one.point, one.variant))
        if found is None:
            return one
        if one.memory_high_mb is not None and one.memory_high_mb >= found.high_mb:
            return one.model_copy(update={"soak": found})
        kind = f"{one.memory_kind or 'memory'}, in the soak {found.run}"
        return one.model_copy(update={"soak": found, "memory_high_mb": found.high_mb, "memory_kind": kind})

    return profile.model_copy(update={"variants": tuple(soaked(one) for one in profile.variants)})


def verification_plan(variants: Sequence[VariantProfile], plan: KneeSearchPlan, scenario: Scenario) -> VerificationPlan:
    """The plan that verifies the median knee of each variant that has one."""
    knees = {(one.point, one.variant): mid for one in variants if (mid := one.knee_rps) is not None}
    return VerificationPlan(knees, plan.points, plan.arms, plan.settings, scenario.limits.retries)


def _verified(
    variants: Sequence[VariantProfile], plan: KneeSearchPlan, scenario: Scenario, records: Sequence[Record]
) -> list[VariantProfile]:
    """The variants with the results of `--verify`, and with the memory that its minute needed."""
    results = verification_plan(variants, plan, scenario).verifications(records)
    found = []
    for one in variants:
        verified = tuple(
            VerifiedRate(
                expected="met" if seen.part == "verify-met" else "missed",
                share=seen.share,
                rate_rps=seen.rate_rps,
                p99_ms=seen.p99_ms,
                holds=seen.holds,
                why=seen.why,
            )
            for seen in results
            if (seen.point, seen.variant) == (one.point, one.variant)
        )
        found.append(one.model_copy(update={"verified": verified}))
    return found


def _variant(
    plan: KneeSearchPlan,
    scenario: Scenario,
    point: Point,
    arm: Arm,
    description: Mapping[str, Any],
    records: Sequence[Record],
) -> VariantProfile:
    every = [one for one in records if one.point_key == point.key and one.arm == arm.name]
    own = [one for one in every if one.block != VERIFY_BLOCK]
    rates = tuple(seen for record in own if record.accepted for seen in measured_rates(plan.settings, record))
    states = {index: plan.state(records, point, index, arm.name) for index in range(plan.settings.blocks)}
    blocks = tuple(
        _block(index, state, rates)
        if isinstance(state, SearchResult)
        else BlockKnee(block=index, finished=False, note=f"not finished, the next step was {state.name}")
        for index, state in states.items()
        if isinstance(state, SearchResult) or any(record.block == index for record in own)
    )
    memory, kind = _memory(every)  # the minute of --verify is the longest load there is
    rejected = Counter(cause.reason for record in own if (cause := deciding(record.rejections)) is not None)
    unknown = Counter("rate unknown" for seen in rates if seen.passed is None)
    return VariantProfile(
        variant=arm.name,
        role=arm.role,
        build_profile=str((description.get("pair") or {}).get("profile", "unknown")),
        point=point.key,
        endpoint=point.endpoint,
        workers=point.workers,
        threads=point.threads,
        connections=point.connections,
        server_cpus=_server_cpus(scenario, description, own),
        blocks=blocks,
        server_cpus_used=median([one.server_cpus_used for one in blocks if one.server_cpus_used is not None]),
        memory_high_mb=memory,
        memory_kind=kind,
        trials=len(every),
        rejected=dict(rejected + unknown),
        rates=rates,
    )


def measured_rates(settings: KneeSettings, record: Record) -> list[MeasuredRate]:
    """The rates of one record, evaluated under the rules of the campaign."""
    found = []
    for entry in record.load.get("rates", ()):
        one = evaluate_rate(entry, settings.rules, fresh=True)
        found.append(
            MeasuredRate(
                block=record.block,
                step=step_of(entry),
                rate_rps=one.rate_rps,
                achieved_rps=entry["achieved_rps"],
                requests=entry["requests"],
                errors=entry["errors"],
                p99_ms=entry["p99_ms"],
                server_cpus_used=entry["server_cpus_used"],
                loader_saturation=entry["loader_saturation"],
                passed=one.passed,
                why=one.why,
            )
        )
    return found


def _block(index: int, knee: SearchResult, rates: Sequence[MeasuredRate]) -> BlockKnee:
    at_knee = [seen for seen in rates if seen.block == index and seen.rate_rps == knee.knee_rps and seen.passed]
    last = at_knee[-1] if at_knee else None  # the confirmation, where there was one
    return BlockKnee(
        block=index,
        knee_rps=knee.knee_rps,
        above_rps=knee.above_rps,
        p99_ms=last.p99_ms if last else None,
        server_cpus_used=last.server_cpus_used if last else None,
        finished=knee.finished,
        loader_saturated=knee.loader_saturated,
        note=knee.note,
    )


def _memory(own: Sequence[Record]) -> tuple[float | None, str]:
    """The highest memory use of any trial and its kind: what a container's limit counts if there was one, otherwise PSS."""
    limited = [record for record in own if _in_cgroup(record) and record.metrics.working_set_high_mb]
    if limited and len(limited) == sum(record.metrics.memory_high_mb is not None for record in own):
        return max(record.metrics.working_set_high_mb or 0 for record in limited), "working set, the agent's included"
    shared = [record.metrics.memory_high_mb for record in own if record.metrics.memory_high_mb]
    return (max(shared), "PSS") if shared else (None, "")


def _in_cgroup(record: Record) -> bool:
    """Whether the server had its own cgroup; without one the working set is that of everything on the machine."""
    limit = str((record.server.get("outcome") or {}).get("memory_limit", ""))
    return record.backend != "local" or limit.startswith("cgroup")


def _server_cpus(scenario: Scenario, description: Mapping[str, Any], own: Sequence[Record]) -> float:
    wanted = scenario.resources.server.cpus
    if wanted != "auto":
        return float(wanted)
    seen = next((record.server["cpus"] for record in own if record.server.get("cpus")), None)
    return float(len(seen or (description.get("cpus") or {}).get("server") or (0,)))

"""A recommendation was measured, has a reason for every value, and is omitted where it is unknown."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capacity.campaigns import RULES, THREADED, about, plan, run, scenario
from toolkit.capacity.deploy.autoscaling import cpu_near
from toolkit.capacity.deploy.pod import pod_resources
from toolkit.capacity.deploy.recommend import Recommendation, Unknown, recommendations, scaling, scaling_over_cpus
from toolkit.capacity.knee.from_records import profile_from_records
from toolkit.capacity.knee.pacing import random_arrival_share
from toolkit.capacity.knee.profile import BlockKnee, MeasuredRate, Profile, VariantProfile, VerifiedRate
from toolkit.capacity.knee.search_plan import KneeSettings
from toolkit.capacity.knee.usl import Fit, NotFitted, law
from toolkit.report import knee as show
from toolkit.scenario.model import Point
from toolkit.trial.model import Arm


def variant(**change: object) -> VariantProfile:
    """A variant that was measured well."""
    blocks = tuple(BlockKnee(block=i, knee_rps=1000.0 + i, finished=True, server_cpus_used=0.62) for i in range(3))
    given = {
        "variant": "3.14t",
        "role": "free-threaded",
        "build_profile": "release",
        "point": "json-w1-t1-c64",
        "endpoint": "json",
        "workers": 1,
        "threads": 1,
        "connections": 64,
        "server_cpus": 1,
        "blocks": blocks,
        "server_cpus_used": 0.62,
        "memory_high_mb": 100,
        "memory_kind": "PSS",
        "trials": 12,
    }
    return VariantProfile.model_validate({**given, **change})


def profile(*variants: VariantProfile, interface: str = "wsgi") -> Profile:
    """A profile of these."""
    return Profile.model_validate(
        {
            "service": "test",
            "campaign": "c",
            "interface": interface,
            "p99_ms": 50,
            "headroom": 0.7,
            "variants": variants,
        }
    )


def only(found: list[Recommendation | Unknown]) -> Recommendation:
    (one,) = found
    assert isinstance(one, Recommendation)
    return one


def test_a_pod_requests_the_cpu_of_its_knee_and_the_most_memory_it_ever_used_with_headroom() -> None:
    found = only(recommendations(profile(variant())))
    assert (found.pod.cpu_request, found.pod.cpu_limit, found.pod.memory) == ("1000m", "1000m", "128Mi")
    assert found.planned_rps == pytest.approx(0.7 * 1001 * random_arrival_share(1001, 50))


def test_a_server_measured_on_whole_cpus_gets_whole_cpus_and_one_measured_under_a_quota_gets_its_quota() -> None:
    whole = only(recommendations(profile(variant(server_cpus=2)))).pod
    assert (whole.cpu_request, whole.cpu_limit) == ("2000m", "2000m")
    assert whole.memory_request_bytes == whole.memory_limit_bytes, "both equal: the pod is Guaranteed"
    quota = only(recommendations(profile(variant(server_cpus=1.5, server_cpus_used=0.62)))).pod
    assert (quota.cpu_request, quota.cpu_limit) == ("650m", "1500m")


def rate(rps: float, cpus: float) -> MeasuredRate:
    return MeasuredRate(block=0, step="ladder", rate_rps=rps, server_cpus_used=cpus, p99_ms=9, passed=True, why="")


def test_the_autoscaler_acts_at_the_cpu_that_was_measured_near_the_planned_rate() -> None:
    # Idle work: at 640 req/s the server uses more than its share of the use at the knee.
    found = only(recommendations(profile(variant(rates=[rate(500, 0.5), rate(700, 0.6), rate(1001, 0.62)]))))
    near = 0.5 + 0.1 * (found.planned_rps - 500) / 200
    assert found.scale_at_cpu_percent == math.floor(100 * near)
    assert "measured at 500 and 700 req/s" in found.reasons["scale_at_cpu_percent"]


@given(
    st.lists(st.tuples(st.floats(10, 1e4), st.floats(0.01, 1)), min_size=1, max_size=6, unique_by=lambda pair: pair[0]),
    st.floats(1, 2e4),
)
def test_cpu_use_between_measured_rates_lies_between_their_uses(measured: list[tuple[float, float]], at: float) -> None:
    found = cpu_near(variant(rates=[rate(*pair) for pair in measured]), at)
    assert found is not None and found.cpus > 0
    rates = [pair[0] for pair in measured]
    if min(rates) <= at <= max(rates):
        uses = [pair[1] for pair in measured]
        assert min(uses) - 1e-9 <= found.cpus <= max(uses) + 1e-9


def test_without_a_rate_near_it_the_use_is_in_proportion_and_the_reason_says_so() -> None:
    found = only(recommendations(profile(variant())))
    assert "in proportion to the knee; no rate near it was recorded" in found.reasons["scale_at_cpu_percent"]


def test_a_verification_that_missed_the_slo_below_the_knee_makes_it_unknown() -> None:
    missed = VerifiedRate(expected="met", share=0.7, rate_rps=701, p99_ms=80, holds=False, why="p99 80.0 ms")
    (found,) = recommendations(profile(variant(verified=[missed])))
    assert isinstance(found, Unknown) and "missed the SLO at 0.70 x the knee, 701 req/s: p99 80.0 ms" in found.reason


def test_the_memory_headroom_of_the_run_is_used_unless_another_is_given() -> None:
    run = profile(variant()).model_copy(update={"memory_headroom": 1.0})
    assert only(recommendations(run)).pod.memory == "192Mi"
    assert only(recommendations(run, 0.25)).pod.memory == "128Mi"


def test_every_value_has_its_reason() -> None:
    found = only(recommendations(profile(variant())))
    for name in (
        "workers",
        "threads",
        "cpu_request",
        "cpu_limit",
        "memory_request",
        "memory_limit",
        "scale_at_cpu_percent",
    ):
        assert len(found.reasons[name]) > 10
    text = "\n".join(show.recommendation_lines([found]))
    assert all(reason in text for reason in found.reasons.values())


def test_of_settings_that_are_as_good_the_one_with_fewest_threads_is_taken() -> None:
    def at(threads: int, knee: float) -> VariantProfile:
        blocks = tuple(BlockKnee(block=i, knee_rps=knee, finished=True) for i in range(3))
        return variant(point=f"json-w1-t{threads}-c64", threads=threads, blocks=blocks)

    assert only(recommendations(profile(at(1, 900), at(8, 1990), at(64, 2000)))).threads == 8
    assert only(recommendations(profile(at(1, 900), at(8, 1800), at(64, 2000)))).threads == 64


def test_without_a_knee_it_is_unknown_and_the_search_says_why() -> None:
    blocks = (BlockKnee(block=0, finished=True, note="20 requests/s, the lowest rate measured: p99 99.0 ms"),)
    (found,) = recommendations(profile(variant(blocks=blocks)))
    assert isinstance(found, Unknown) and "the lowest rate measured: p99 99.0 ms" in found.reason


def test_what_weakens_a_recommendation_is_said() -> None:
    blocks = (BlockKnee(block=0, knee_rps=1000, finished=True, loader_saturated=True),)
    found = only(recommendations(profile(variant(blocks=blocks, build_profile="fast", rejected={"stolen": 2}))))
    text = " ".join(found.caveats)
    assert "knees of 1 of the 3 blocks" in text and "lower bound" in text and "PGO" in text and "2 x stolen" in text


@given(st.floats(0.001, 64), st.floats(1, 64), st.floats(1, 1e5), st.floats(0, 2))
def test_a_pod_never_requests_less_than_was_used_or_more_cpu_than_its_limit(
    used: float, cpus: float, memory_mb: float, headroom: float
) -> None:
    pod = pod_resources(variant(server_cpus_used=used, server_cpus=cpus, memory_high_mb=memory_mb), headroom)
    assert pod is not None
    assert 0 < pod.cpu_request_millicores <= pod.cpu_limit_millicores
    assert pod.cpu_request_millicores >= min(1000 * used, 1000 * cpus) - 0.5
    assert pod.memory_limit_bytes >= memory_mb * 1e6 and pod.memory_request_bytes == pod.memory_limit_bytes
    assert pod.memory_limit_bytes <= memory_mb * 1e6 * (1 + headroom) + (17 << 20)


def test_a_grid_over_threads_shows_where_more_begin_to_hurt() -> None:
    def knee(point: Point, block: int, arm: str) -> float:
        return float(law(point.threads, 1000, 0.1, 0.01 if arm == "3.14" else 0.0001))

    settings = KneeSettings(RULES, 3)
    arms = (Arm("3.14", "gil", "p"), Arm("3.14t", "free-threaded", "p"))
    found = profile_from_records("c", scenario(THREADED), arms, about(settings), run(plan(THREADED), knee))
    gil, workers = scaling(found)["json", "3.14"]
    free, _ = scaling(found)["json", "3.14t"]
    assert isinstance(gil, Fit) and gil.peak is not None and abs(gil.peak / math.sqrt(0.9 / 0.01) - 1) < 0.15
    assert isinstance(free, Fit) and free.peak is None
    assert isinstance(workers, NotFitted) and "needs 6" in workers.reason
    best = [one for one in recommendations(found) if isinstance(one, Recommendation)]
    assert best[0].threads == 8 and best[1].threads == 64
    assert "the rate falls" in "\n".join(show.scaling_lines(scaling(found)))


def test_scaling_over_cpus_comes_from_campaigns_of_one_each() -> None:
    several = [profile(variant(server_cpus=n)) for n in (1, 2, 3, 4, 6, 8)]
    assert isinstance(scaling_over_cpus(several)["json-w1-t1-c64", "3.14t"], Fit)
    assert isinstance(scaling_over_cpus(several[:3])["json-w1-t1-c64", "3.14t"], NotFitted)


def test_recommendations_are_plain_data() -> None:
    json.dumps(only(recommendations(profile(variant()))).data(), allow_nan=False)

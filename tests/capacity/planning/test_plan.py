"""A capacity plan says what the measurement supports: a saving, no saving, or why neither can be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.capacity.factory import measured, pod, variant
from toolkit.capacity.knee.profile import BlockKnee, MeasuredRate, Profile
from toolkit.capacity.nodes.catalogue import GIB, Catalogue, NodeType
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.plan import make_capacity_plan, one_architecture, pods_for
from toolkit.capacity.planning.result import CapacityPlan, Requirements
from toolkit.capacity.planning.traffic import Traffic
from toolkit.errors import GilfreeError

NODES = Catalogue("nodes.yaml", (NodeType("n", 3900, 15 * GIB, 110, 1.0), NodeType("s", 1900, 7 * GIB, 110, 0.6)))
REQUIRED = Requirements(Traffic(10_000), p99_ms=50, headroom=0.5, spare_nodes=0)
GIL, FASTER = variant("gil", [1000, 1010, 1020]), variant("free-threaded", [2000, 2010, 2020])


def planned(profile: Profile, required: Requirements = REQUIRED, nodes: Catalogue = NODES) -> CapacityPlan:
    """The plan of a profile with pods of one CPU."""
    return make_capacity_plan(profile, required, nodes, pod)


def test_each_knee_of_the_blocks_gives_pods_nodes_and_money() -> None:
    gil, free = planned(measured(GIL, FASTER)).variants
    assert [sizing.pods for sizing in (gil.low, gil.mid, gil.high)] == [20, 20, 20]
    assert [sizing.pods for sizing in (free.low, free.mid, free.high)] == [10, 10, 10]
    assert gil.low.nodes == {"n": 7}  # 3 pods on n for 1.0, 1 on s for 0.6: 6 n and 2 s would cost 7.2
    assert free.low.nodes == {"n": 3, "s": 1}
    assert free.low.month == pytest.approx((3 + 0.6) * 730)
    assert free.low.limiting == {"n": "CPU", "s": "CPU"}
    assert gil.low.gap == pytest.approx(0, abs=1e-6)


IO = [one.model_copy(update={"endpoint": "io", "point": "io-w2-t1-c256"}) for one in (GIL, FASTER)]
JSON = [variant("gil", [600, 610, 620]), variant("free-threaded", [300, 310, 320])]


def test_knees_of_different_endpoints_are_never_compared() -> None:
    made = planned(measured(*IO, *JSON))
    assert [one.point for one in made.variants] == ["json-w1-t1-c64"] * 2  # the one that a CPU carries least of
    assert made.saving is not None and "3.14t costs" in made.saving.words
    assert "also measured, for --endpoint: io" in made.caveats[0] and made.requirements.endpoint == "json"
    other = planned(measured(*IO, *JSON), replace(REQUIRED, endpoint="io"))
    assert other.variants == planned(measured(*IO)).variants and other.saving is not None and other.saving.claimed
    with pytest.raises(GilfreeError, match="no endpoint 'nope' was measured"):
        planned(measured(*IO, *JSON), replace(REQUIRED, endpoint="nope"))


def test_an_endpoint_without_a_knee_is_not_omitted_silently() -> None:
    with pytest.raises(GilfreeError, match=r"3\.14 json-w1-t1-c64: 0 of 0 blocks found a knee"):
        planned(measured(*IO, variant("gil", []), variant("free-threaded", [])))


def test_a_saving_is_claimed_when_even_the_worst_blocks_show_it() -> None:
    saving = planned(measured(GIL, FASTER)).saving
    assert saving is not None and saving.claimed
    assert saving.low is not None and saving.mid is not None and 0 < saving.low <= saving.mid
    assert saving.words.startswith("3.14t saves ")


def test_no_saving_is_shown_when_the_blocks_knees_overlap() -> None:
    saving = planned(measured(variant("gil", [500, 1000, 1500]), variant("free-threaded", [700, 1300, 1700]))).saving
    assert saving is not None and not saving.claimed
    assert "leave it open" in saving.words


def test_no_saving_is_shown_when_it_costs_more_or_the_same() -> None:
    dearer = planned(measured(GIL, variant("free-threaded", [700, 710, 720]))).saving
    assert dearer is not None and not dearer.claimed and "3.14t costs" in dearer.words
    same = planned(measured(GIL, variant("free-threaded", [1000, 1010, 1020]))).saving
    assert same is not None and same.words == "no saving shown: both need the same nodes"


def test_no_saving_is_shown_when_not_all_pods_fit() -> None:
    few = Catalogue("nodes.yaml", (NodeType("n", 3900, 15 * GIB, 110, 1.0, available=5),))
    found = planned(measured(GIL, FASTER), nodes=few)
    assert found.variants[0].mid.problem == "the available nodes do not hold 20 pods"
    assert found.saving is not None and found.saving.words == "no saving shown: not all pods of 3.14 fit"


def test_memory_can_make_the_faster_build_the_dearer_one() -> None:
    heavy = variant("free-threaded", [2000, 2010, 2020], memory_mb=14_000)
    found = planned(measured(GIL, heavy))
    assert found.variants[1].mid.limiting == {"n": "memory"}
    assert found.saving is not None and not found.saving.claimed


def test_sidecars_spare_nodes_zones_and_colocated_deployments_are_counted() -> None:
    profile = measured(GIL, FASTER)
    sidecar = planned(profile, replace(REQUIRED, sidecar_cpu_millis=400)).variants[0]
    assert sidecar.cpu_millis == 1400
    assert sum(sidecar.mid.nodes.values()) > sum(planned(profile).variants[0].mid.nodes.values())
    spared = planned(profile, replace(REQUIRED, spare_nodes=1)).variants[0].mid
    assert (spared.month or 0) > (planned(profile).variants[0].mid.month or 0)
    zoned = planned(profile, replace(REQUIRED, zones=3)).variants[0].mid
    assert all(count % 3 == 0 for count in zoned.nodes.values())
    colocated = planned(profile, replace(REQUIRED, colocated=(Workload("cache", 1000, GIB, 30),))).variants[0].mid
    assert (colocated.month or 0) > (planned(profile).variants[0].mid.month or 0)


def test_the_day_shows_the_pods_and_nodes_of_every_hour() -> None:
    day = Traffic(10_000, ((3, 1000.0), (12, 10_000.0)))
    found = planned(measured(GIL, FASTER), replace(REQUIRED, traffic=day)).day
    assert [row["pods"]["3.14"] for row in found] == [2, 20]
    assert found[0]["nodes"]["3.14"] < found[1]["nodes"]["3.14"]


def test_each_variant_runs_at_its_own_cheapest_setting() -> None:
    slow = variant("free-threaded", [1200, 1200, 1200], threads=64)
    found = planned(measured(GIL, slow, FASTER)).variants[1]
    assert found.point == "json-w1-t1-c64"


def test_a_setting_that_cannot_be_planned_with_is_named_with_the_reason() -> None:
    found = planned(measured(GIL, FASTER, variant("free-threaded", [3000], threads=64))).variants[1]
    assert "1 of 1 blocks found a knee, a plan needs 3" in found.why_not["json-w1-t64-c64"]


def test_a_setting_whose_pod_no_node_holds_does_not_spoil_the_others() -> None:
    huge = variant("free-threaded", [9000, 9000, 9000], memory_mb=99_000, threads=64)
    found = planned(measured(GIL, FASTER, huge)).variants[1]
    assert found.point == "json-w1-t1-c64"
    assert "no node holds it" in found.why_not["json-w1-t64-c64"]


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (measured(variant("gil", [1000, 1010])), "2 of 2 blocks found a knee, a plan needs 3"),
        (measured(variant("gil", [1000, 1010, 1020], saturated=True)), "the load generator, not the server"),
        (
            measured(GIL, variant("free-threaded", [1, 2, 3], build_profile="fast")),
            "different build profiles are mixed: fast, release",
        ),
        (
            measured(variant("gil", [], rejected={"steal": 5, "errors": 1})),
            r"all 6 trials were rejected \(1 × errors, 5 ×",
        ),
        (measured(), "no variant was measured"),
    ],
)
def test_knees_that_are_not_fit_are_refused_by_name(profile: Profile, said: str) -> None:
    with pytest.raises(GilfreeError, match=said):
        planned(profile)


def rates(*latencies: float) -> list[MeasuredRate]:
    """In each of three blocks rates of 100, 200, … with these p99."""
    return [
        MeasuredRate(block=block, step="fresh", rate_rps=100 * (index + 1), p99_ms=p99, passed=True, why="met")
        for block in range(3)
        for index, p99 in enumerate(latencies)
    ]


def test_a_stricter_slo_needs_no_new_measurement() -> None:
    one = variant("gil", [300, 300, 300], rates=rates(5, 10, 40))
    found = planned(measured(one), replace(REQUIRED, p99_ms=20)).variants[0]
    assert found.knees_rps == (200, 200, 200)


def test_an_slo_below_the_idle_latency_is_refused_with_the_lowest_measured_p99() -> None:
    one = variant("gil", [300, 300, 300], rates=rates(5, 10, 40))
    with pytest.raises(GilfreeError, match=r"no measured rate met p99 under 2 ms: the lowest measured p99 was 5 ms"):
        planned(measured(one), replace(REQUIRED, p99_ms=2))


def test_a_laxer_slo_says_that_the_knees_are_lower_bounds() -> None:
    assert any(
        "lower bounds" in words for words in planned(measured(GIL, FASTER), replace(REQUIRED, p99_ms=80)).caveats
    )


def test_a_block_that_was_not_finished_does_not_count() -> None:
    one = variant("gil", [1000, 1010, 1020])
    broken = one.model_copy(update={"blocks": (*one.blocks[:2], BlockKnee(block=2, knee_rps=999, finished=False))})
    with pytest.raises(GilfreeError, match="2 of 3 blocks"):
        planned(measured(broken))


def test_a_campaign_with_rejected_trials_only_names_the_causes() -> None:
    one = variant("gil", [], rejected={"steal": 6})
    unfinished = one.model_copy(update={"blocks": (BlockKnee(block=0, finished=False, note="ended before its end"),)})
    with pytest.raises(GilfreeError, match=r"all 6 trials were rejected \(6 × steal\)"):
        planned(measured(unfinished))


def test_a_node_too_small_for_a_pod_is_refused_with_both_sizes() -> None:
    tiny = Catalogue("nodes.yaml", (NodeType("tiny", 900, GIB, 110, 1.0),))
    with pytest.raises(GilfreeError, match=r"orders on 3.14 requests 1000m CPU .*tiny has 900m"):
        planned(measured(GIL, FASTER), nodes=tiny)


@pytest.mark.parametrize("changed", [{"headroom": 0}, {"headroom": 1.1}, {"zones": 0}, {"spare_nodes": -1}])
def test_impossible_requirements_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(GilfreeError, match=r"--headroom|--zones"):
        planned(measured(GIL), replace(REQUIRED, **changed))


def test_with_nodes_of_two_architectures_one_has_to_be_named() -> None:
    types = (*NODES.types, replace(NODES.types[0], name="arm", arch="arm64"))
    with pytest.raises(GilfreeError, match="amd64 and arm64"):
        one_architecture(types, None)
    assert [one.name for one in one_architecture(types, "arm64")] == ["arm"]
    with pytest.raises(GilfreeError, match="no nodes of that architecture"):
        one_architecture(types, "riscv64")


def test_pods_are_rounded_up_but_not_by_a_rounding_error() -> None:
    assert pods_for(700, 1000, 0.7) == 1
    assert pods_for(701, 1000, 0.7) == 2
    assert pods_for(1, 1000, 0.7, zones=3) == 3

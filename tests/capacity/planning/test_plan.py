"""A capacity plan says what the measurement supports: a saving, no saving, or why neither can be shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.capacity.factory import measured, pod, variant
from toolkit.capacity.deploy.pod import pod_resources
from toolkit.capacity.knee.profile import BlockKnee, MeasuredRate, Profile, Role, VariantProfile
from toolkit.capacity.nodes.catalogue import GIB, Catalogue, NodeType, load_catalogue
from toolkit.capacity.placement.scheduler import Workload
from toolkit.capacity.planning.caveats import one_architecture, usable_types
from toolkit.capacity.planning.plan import make_capacity_plan
from toolkit.capacity.planning.result import CapacityPlan, Requirements
from toolkit.capacity.planning.sizing import pods_for
from toolkit.capacity.planning.traffic import Traffic
from toolkit.errors import GilfreeError
from toolkit.report.plan import text

NODES = Catalogue("nodes.yaml", (NodeType("n", 3900, 15 * GIB, 110, 1.0), NodeType("s", 1900, 7 * GIB, 110, 0.6)))
REQUIRED = Requirements(Traffic(10_000), p99_ms=50, headroom=0.5, spare_nodes=0)
GIL, FASTER = variant("gil", [1000, 1010, 1020]), variant("free-threaded", [2000, 2010, 2020])


def planned(profile: Profile, required: Requirements = REQUIRED, nodes: Catalogue = NODES) -> CapacityPlan:
    """The plan of a profile with pods of one CPU."""
    return make_capacity_plan(profile, required, nodes, pod)


def test_each_knee_of_the_blocks_gives_pods_nodes_and_money() -> None:
    gil, free = planned(measured(GIL, FASTER)).variants
    assert [sizing.pods for sizing in (gil.low, gil.mid, gil.high)] == [21, 21, 21]
    assert [sizing.pods for sizing in (free.low, free.mid, free.high)] == [11, 11, 11]
    assert gil.low.nodes == {"n": 7}  # 3 pods on n for 1.0, 1 on s for 0.6: 6 n and 3 s would cost 7.8
    assert free.low.nodes == {"n": 4}
    assert free.low.month == pytest.approx(4 * 730)
    assert free.low.limiting == {"n": "CPU"}
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
    assert found.variants[0].mid.problem == "the available nodes do not hold 21 pods"
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
    assert [row["pods"]["3.14"] for row in found] == [3, 21]
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
        MeasuredRate(block=block, step="confirm", rate_rps=100 * (index + 1), p99_ms=p99, passed=True, why="met")
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
    assert pods_for(700, 1000 * 0.7) == 1
    assert pods_for(701, 1000 * 0.7) == 2
    assert pods_for(1, 1000 * 0.7, zones=3) == 3


def test_a_variant_without_a_knee_is_named_and_the_other_is_planned() -> None:
    none = variant("free-threaded", [])
    found = planned(measured(GIL, none))
    assert [one.variant for one in found.variants] == ["3.14"] and found.variants[0].mid.nodes
    assert "0 of 0 blocks found a knee" in found.unplanned["3.14t"]
    assert found.saving is not None and not found.saving.claimed
    assert found.saving.words.startswith("no saving shown: 3.14t is unknown, because ")
    assert "3.14t: unknown, because" in text(found)


def test_a_block_in_which_no_rate_was_met_makes_a_setting_unknown() -> None:
    with_none = GIL.model_copy(update={"blocks": (*GIL.blocks, BlockKnee(block=3, finished=True, note="20 req/s"))})
    with pytest.raises(GilfreeError, match=r"in 1 of 4 blocks no rate met the SLO \(20 req/s\)"):
        planned(measured(with_none))


def test_a_stricter_slo_that_only_ladder_windows_met_is_not_confirmed_and_shows_no_saving() -> None:
    def laddered(role: Role, rate: float) -> VariantProfile:
        found = [
            MeasuredRate(block=block, step="ladder", rate_rps=rate, p99_ms=10, passed=True, why="met")
            for block in range(3)
        ]
        return variant(role, [rate] * 3, rates=found)

    slow, fast = laddered("gil", 1000), laddered("free-threaded", 2000)
    found = planned(measured(slow, fast), replace(REQUIRED, p99_ms=20))
    assert {one.confidence for one in found.variants} == {"low"}
    assert found.saving is not None and found.saving.low is not None and found.saving.low > 0
    assert not found.saving.claimed and "not confirmed" in found.saving.words


def test_a_tight_slo_lowers_what_a_pod_is_planned_with_and_the_plan_says_so() -> None:
    found = planned(measured(GIL, FASTER, p99_ms=10), replace(REQUIRED, p99_ms=10))
    assert found.variants[0].mid.carried_rps < 0.82 * 0.5 * 1010
    (words,) = [one for one in found.caveats if "evenly paced" in one]
    assert "21% less on 3.14, 11% less on 3.14t" in words


def test_the_loss_of_a_zone_can_be_asked_about() -> None:
    asked = replace(REQUIRED, zones=3, survive_zone=True)
    plain = planned(measured(GIL), replace(REQUIRED, zones=3)).variants[0].mid
    found = planned(measured(GIL), asked).variants[0].mid
    assert len(found.zones) == 3 and found.node_count > plain.node_count
    for lost in found.zones:
        left = sum(3 * zone.get("n", 0) + zone.get("s", 0) for zone in found.zones) - (
            3 * lost.get("n", 0) + lost.get("s", 0)
        )
        assert left >= found.pods
    with pytest.raises(GilfreeError, match="--survive zone needs several zones"):
        planned(measured(GIL), replace(REQUIRED, survive_zone=True))


def test_with_little_headroom_there_are_enough_pods_while_those_of_a_lost_zone_start_elsewhere() -> None:
    asked = replace(REQUIRED, headroom=1.0, zones=3, survive_zone=True)
    found = planned(measured(GIL), asked).variants[0].mid
    assert (found.pods - -(-found.pods // 3)) * found.carried_rps >= 10_000


def test_the_sample_catalogue_is_named_in_the_first_line() -> None:
    sample = planned(measured(GIL, FASTER), nodes=replace(NODES, name="nodes-sample.yaml", sample=True))
    assert "nodes and prices are the shipped sample (nodes-sample.yaml), not yours" in text(sample).splitlines()[0]
    assert "sample" not in text(planned(measured(GIL, FASTER))).splitlines()[0]


def test_nodes_with_gpus_and_spot_nodes_are_not_planned_with_unless_asked_for() -> None:
    cheap = replace(NODES.types[0], name="spot", price_hour=0.1, spot=True)
    gpu = replace(NODES.types[0], name="gpu", price_hour=0.05, gpus=1)
    mixed = replace(NODES, types=(*NODES.types, cheap, gpu))
    assert [one.name for one in usable_types(mixed, None).types] == ["n", "s"]
    assert [one.name for one in usable_types(mixed, None, spot=True).types] == ["n", "s", "spot"]
    assert "without nodes with GPUs and spot nodes: spot, gpu" in usable_types(mixed, None).about
    with pytest.raises(GilfreeError, match="only nodes with GPUs or spot nodes: spot, gpu"):
        usable_types(replace(NODES, types=(cheap, gpu)), None)


FIELD_NODES = Path(__file__).parent / "nodes"


@pytest.mark.parametrize("memory_mb", [2500.0, 2250.0, 1200.0, 700.0])
def test_nodes_by_capacity_never_promise_fewer_nodes_than_the_same_by_allocatable(memory_mb: float) -> None:
    profile = measured(variant("gil", [1000, 1010, 1020], memory_mb=memory_mb, threads=8))
    required = Requirements(Traffic(5000), p99_ms=50)
    by_capacity, by_allocatable = (
        make_capacity_plan(profile, required, load_catalogue(FIELD_NODES / f"by-{name}.yaml"), pod_resources)
        for name in ("capacity", "allocatable")
    )
    found = by_capacity.variants[0].mid
    assert (found.month or 0) >= (by_allocatable.variants[0].mid.month or 0)
    assert "memory of " in " ".join(by_capacity.caveats) and "allocatable" in " ".join(by_capacity.caveats)
    if memory_mb == 2500.0:
        assert set(found.nodes) == {"2xlarge"}, "a pod of 2992Mi does not fit beside the daemonsets of large"

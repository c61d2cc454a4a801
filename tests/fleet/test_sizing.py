"""How many pods a service needs: money follows from it, so what is too small is raised and never multiplied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fleet.factory import BUSY, NODES, ORDERS, fleet_rules
from toolkit.capacity.nodes.catalogue import MIB, load_catalogue
from toolkit.fleet.inventory.model import FleetService
from toolkit.fleet.ranking import LeastSaving, RankedService, rank_services
from toolkit.fleet.usage import Usage
from toolkit.report.fleet import text


def ranked(
    tmp_path: Path, service: FleetService = ORDERS, used: Usage = BUSY, own: bool = False, least: float = 0.0
) -> RankedService:
    """The service with its verdict, at a headroom of a half."""
    rules = fleet_rules(tmp_path, own=own)
    return rank_services([service], rules, {service.key: used}, NODES, 0.5, 0, LeastSaving(0.05, least)).services[0]


def test_pods_that_use_more_than_they_request_keep_their_number_and_their_request_is_raised(tmp_path: Path) -> None:
    one = ranked(tmp_path, replace(ORDERS, replicas=8, cpu_millis=200))
    assert one.gil is not None and one.free is not None
    assert (one.gil.pods, one.gil.cpu_millis) == (8, 1250)  # 10 cores in 8 pods
    assert one.free.pods < 8 and one.free.cpu_millis == 1250
    assert "200m -> 1250m each" in one.why
    scaled = ranked(tmp_path, replace(ORDERS, replicas=8, cpu_millis=200, least_pods=2, most_pods=30))
    assert scaled.gil == one.gil
    assert "1250m each (in 8 pods; its autoscaler may add pods instead, up to 30)" in scaled.why


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 50), st.integers(10, 3000), st.floats(0.01, 20), st.floats(1, 20_000))
def test_no_service_is_given_more_pods_than_it_has_and_every_need_holds_the_use(
    tmp_path: Path, replicas: int, cpu_millis: int, cores: float, rps: float
) -> None:
    one = ranked(tmp_path, replace(ORDERS, replicas=replicas, cpu_millis=cpu_millis), Usage(rps, cores, 300 * MIB))
    if one.gil is None or one.free is None:
        assert "fits on no node type" in one.why
        return
    assert one.gil.pods <= replicas and one.free.pods <= replicas
    assert one.gil.cpu_cores * 0.5 >= cores * 0.999


def test_bounds_of_an_autoscaler_and_a_disruption_budget_are_kept(tmp_path: Path) -> None:
    one = ranked(tmp_path, replace(ORDERS, least_pods=8))
    assert one.gil is not None and one.free is not None and (one.gil.pods, one.free.pods) == (10, 8)
    capped = ranked(tmp_path, replace(ORDERS, most_pods=4), own=True)
    assert "its autoscaler allows 4 pods, but" in capped.why
    fewer = ranked(tmp_path, replace(ORDERS, most_pods=4))
    assert fewer.gil is not None and (fewer.gil.pods, fewer.gil.cpu_millis) == (4, 2500)


def test_a_sidecar_takes_no_part_in_what_changes(tmp_path: Path) -> None:
    alone = ranked(tmp_path)
    meshed = ranked(tmp_path, replace(ORDERS, other_cpu_millis=500))
    assert alone.free is not None and meshed.free is not None and meshed.gil is not None
    assert meshed.gil.pods == 10 and alone.free.pods < meshed.free.pods < 10


def test_a_saving_that_is_not_worth_the_move_does_not_move_first(tmp_path: Path) -> None:
    assert ranked(tmp_path, least=50).verdict == "move first"
    one = ranked(tmp_path, least=100_000)
    assert one.verdict == "leave" and "it would save less than 5% or less than 100,000 a month" in one.why
    assert not LeastSaving().reached(49, 500) and not LeastSaving().reached(60, 2000) and LeastSaving().reached(60, 500)


@pytest.mark.parametrize(
    ("used", "confidence", "why"),
    [
        (BUSY, "high", "1 times the CPU per request that was measured"),
        (replace(BUSY, cpu_cores=50), "low", "times the CPU per request that was measured"),
        (Usage(rps=5000), "medium", "without a figure of CPU that is not checked"),
    ],
)
def test_a_profile_of_the_service_itself_is_compared_with_its_use(
    tmp_path: Path, used: Usage, confidence: str, why: str
) -> None:
    one = ranked(tmp_path, used=used, own=True)
    assert one.confidence == confidence and why in one.why
    assert (one.verdict == "move first") == (confidence != "low")


def test_what_a_service_used_that_is_not_in_the_inventory_is_reported(tmp_path: Path) -> None:
    found = rank_services([ORDERS], fleet_rules(tmp_path), {ORDERS.key: BUSY, ("shop", "basket"): BUSY}, NODES)
    assert "1 with usage but not in the inventory: shop/basket" in text(found)


def test_a_line_that_compares_nodes_names_their_types_on_both_sides_and_the_sample(tmp_path: Path) -> None:
    rules, used = fleet_rules(tmp_path), {ORDERS.key: BUSY}
    found = rank_services([ORDERS], rules, used, NODES, 0.5, 0)
    now, sized, moved = (one.nodes for one in found.totals)
    assert sized.kinds[0].kind != moved.kinds[0].kind or sized.count != moved.count
    shown = text(found)
    assert f"in whole nodes that is {sized.words} -> {moved.words}, " in shown
    assert f"sizing by use alone, without moving anything: {now.words} -> {sized.words}, " in shown
    for nodes in (now, sized, moved):
        assert nodes.words == f"{nodes.count} {nodes.kinds[0].kind}"
    assert "shipped sample" not in shown.splitlines()[0]
    sample = rank_services([ORDERS], rules, used, load_catalogue(None), 0.5, 0)
    assert "nodes and prices are the shipped sample (nodes-sample.yaml), not yours" in text(sample).splitlines()[0]

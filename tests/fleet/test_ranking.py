"""The ranking: a service that moves first saves even in the worst case, and an unknown service is never guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.capacity.factory import measured, variant
from tests.fleet.factory import BUSY, FASTER, NODES, ORDERS, fleet_rules
from toolkit.capacity.knee.profile import Profile
from toolkit.fleet.inventory.model import FleetService
from toolkit.fleet.ranking import FleetRanking, rank_services
from toolkit.fleet.rules import read_rules
from toolkit.fleet.usage import Usage
from toolkit.report.fleet import html, text


def ranking(
    tmp_path: Path, *services: FleetService, profile: Profile = FASTER, own: bool = False, used: Usage = BUSY
) -> FleetRanking:
    """The ranking of these services, all with the same usage."""
    return rank_services(
        services, fleet_rules(tmp_path, profile, own), {one.key: used for one in services}, NODES, 0.5, 0
    )


def test_a_service_that_saves_even_at_the_worst_of_the_blocks_moves_first(tmp_path: Path) -> None:
    (one,) = ranking(tmp_path, ORDERS).services
    assert (one.verdict, one.confidence) == ("move first", "medium")
    assert one.gil is not None and one.free is not None and one.saving is not None
    assert one.gil.pods == 10  # 5 cores at half their use, in pods of one
    assert one.free.pods == 6  # about half the CPU per request: 5.05 cores
    assert 0 < one.saving[0] <= one.saving[1] <= one.saving[2]


def test_what_sizing_alone_saves_is_kept_apart(tmp_path: Path) -> None:
    (one,) = ranking(tmp_path, replace(ORDERS, replicas=40)).services
    (same,) = ranking(tmp_path, ORDERS).services
    assert one.saving == same.saving
    assert (one.sizing or 0) > (same.sizing or 0)


def test_the_head_and_the_table_speak_of_the_same_nodes(tmp_path: Path) -> None:
    fleet = ranking(tmp_path, replace(ORDERS, replicas=40))
    requested, sized, moved = (one.nodes for one in fleet.totals)
    shown = text(fleet)
    assert f"{sized.words} -> {moved.words}, {sized.month - moved.month:,.0f} USD a month less" in shown
    assert f"{requested.words} -> {sized.words}, {requested.month - sized.month:,.0f} USD a month less" in shown
    more = text(ranking(tmp_path, replace(ORDERS, replicas=1)))  # it requests less than it uses
    assert "USD a month more" in more


def test_its_own_campaign_gives_its_own_pods_and_high_confidence(tmp_path: Path) -> None:
    (one,) = ranking(tmp_path, ORDERS, own=True, used=BUSY).services
    assert (one.verdict, one.confidence) == ("move first", "high")
    assert one.gil is not None and one.free is not None
    assert (one.gil.pods, one.free.pods) == (11, 6)


def test_a_service_unlike_its_profile_is_measured_first(tmp_path: Path) -> None:
    (one,) = ranking(tmp_path, ORDERS, used=replace(BUSY, rps=50)).services
    assert (one.verdict, one.confidence) == ("measure first", "low")
    assert "does mostly other work" in one.why


def test_overlapping_blocks_leave_it_open(tmp_path: Path) -> None:
    profile = measured(variant("gil", [800, 1000, 1500]), variant("free-threaded", [900, 1300, 1700]))
    (one,) = ranking(tmp_path, ORDERS, profile=profile).services
    assert one.verdict == "measure first"
    assert "leave it open" in one.why


def test_a_service_that_does_not_save_is_left(tmp_path: Path) -> None:
    slower = measured(variant("gil", [1000, 1010, 1020]), variant("free-threaded", [700, 710, 720]))
    (one,) = ranking(tmp_path, ORDERS, profile=slower).services
    assert one.verdict == "leave" and "cost more" in one.why
    (small,) = ranking(tmp_path, replace(ORDERS, replicas=2), used=replace(BUSY, rps=50, cpu_cores=0.05)).services
    assert small.verdict == "leave" and "the same on both variants" in small.why


@pytest.mark.parametrize(
    ("service", "used", "why"),
    [
        (replace(ORDERS, labels={}), BUSY, "no rule says whether it is Python"),
        (replace(ORDERS, problem="its pods request no CPU"), BUSY, "its pods request no CPU"),
        (ORDERS, Usage(), "no figures of requests a second and CPU and memory"),
        (ORDERS, replace(BUSY, rps=0), "no figures of requests a second"),
        (replace(ORDERS, cpu_millis=64_000), BUSY, "fits on no node type"),
        (replace(ORDERS, replicas=3_000_000_000), BUSY, "3,000,000,000 pods are more than a cluster holds (150,000)"),
    ],
)
def test_what_is_not_known_is_unknown_because(tmp_path: Path, service: FleetService, used: Usage, why: str) -> None:
    (one,) = ranking(tmp_path, service, used=used).services
    assert one.verdict == "unknown"
    assert why in one.why


def test_a_profile_that_is_not_fit_makes_its_services_unknown(tmp_path: Path) -> None:
    saturated = measured(variant("gil", [1, 2, 3], saturated=True), variant("free-threaded", [1, 2, 3]))
    found = ranking(tmp_path, ORDERS, profile=saturated)
    assert "the load generator, not the server" in found.services[0].why
    assert "profile wsgi cannot be used" in text(found)


def test_what_a_rule_calls_not_python_is_not_unknown(tmp_path: Path) -> None:
    found = ranking(tmp_path, replace(ORDERS, labels={}, images=("r/jvm:1",)))
    assert found.services[0].verdict == "not Python"


def test_a_profile_of_two_endpoints_is_taken_at_one_of_them(tmp_path: Path) -> None:
    slower = [variant("gil", [600, 610, 620]), variant("free-threaded", [300, 310, 320])]
    io = [one.model_copy(update={"endpoint": "io", "point": "io-w2"}) for one in FASTER.variants]
    both = measured(*io, *slower)
    (one,) = ranking(tmp_path, ORDERS, profile=both).services
    assert one.verdict == "leave"  # of json, which a CPU carries least of
    named = (tmp_path / "rules.yaml").read_text().replace("own:", "endpoint: io, own:")
    (tmp_path / "rules.yaml").write_text(named)
    (one,) = rank_services([ORDERS], read_rules(tmp_path / "rules.yaml"), {ORDERS.key: BUSY}, NODES, 0.5, 0).services
    assert one.verdict == "move first"


def test_the_surest_money_comes_first_and_totals_are_of_what_is_known(tmp_path: Path) -> None:
    large, small = replace(ORDERS, name="large"), replace(ORDERS, name="small")
    used = {large.key: replace(BUSY, rps=20_000, cpu_cores=20), small.key: BUSY}
    unknown = replace(ORDERS, name="unknown", labels={})
    found = rank_services([small, unknown, large], fleet_rules(tmp_path), used, NODES, 0.5, 0)
    assert [one.name for one in found.services] == ["large", "small", "unknown"]
    now, gil, free = found.totals
    assert now.pods == 20
    assert gil.cpu_cores > free.cpu_cores
    assert gil.nodes.month > free.nodes.month


def test_the_services_money_adds_up_to_that_of_the_nodes(tmp_path: Path) -> None:
    many = [replace(ORDERS, name=f"orders-{number}") for number in range(60)]
    found = ranking(tmp_path, *many)
    _, gil, free = found.totals
    assert gil.nodes.month - free.nodes.month == pytest.approx(
        found.saving[1], rel=0.1
    )  # nodes are not filled to the brim


def test_the_page_is_one_file_with_the_ranking_and_escapes_names(tmp_path: Path) -> None:
    found = ranking(tmp_path, ORDERS, replace(ORDERS, name="<b>"), replace(ORDERS, name="else", labels={}))
    page = html(found, "title", "subtitle")
    assert page.index("Move these first (2)") < page.index("shop/orders") < page.index("Unknown, because (1)")
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert not any(word in page for word in ("<script", "http://", "https://", "<link", "<img", "@import", "url("))


def test_an_empty_result_says_so(tmp_path: Path) -> None:
    found = ranking(tmp_path, replace(ORDERS, labels={}))
    assert text(found).startswith("No saving shown for any of 1 services")
    assert found.totals == ()
    assert "None." in html(found, "title", "subtitle")

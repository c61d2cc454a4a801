"""On CPUs that server and load generator share a claim has a direction and no size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import simulated
from toolkit.analysis.attribution.direction import judge_direction
from toolkit.analysis.claims import Conditions, assess
from toolkit.analysis.compare import compare
from toolkit.analysis.stats.paired import Estimate
from toolkit.report.decision import first_line
from toolkit.report.tables import table
from toolkit.report.verdicts import claim_words
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Claim

SHARED = {"cpus": {"server": [0, 1], "load": [0, 1]}, "shared_cpus": True}


def estimate(low: float, high: float, n: int = 10) -> Estimate:
    return Estimate((low * high) ** 0.5, low, high, 0.01, n, low, high, 0.02)


def claim(low: float, high: float, metric: str = "requests_per_second") -> Claim:
    cells = {"of": {"variant": "free-threaded", "endpoint": "json"}, "against": {"variant": "gil", "endpoint": "json"}}
    return Claim.model_validate(
        {"id": "c", "text": "c", "metric": metric, "low": low, "high": high, "why": "because", **cells}
    )


LESS, MORE, OPEN = estimate(0.7, 0.8), estimate(1.2, 1.4), estimate(0.9, 1.1)


@pytest.mark.parametrize(
    ("band", "metric", "own", "cpu", "loader", "found"),
    [
        ((0.75, 0.85), "requests_per_second", LESS, MORE, 0.1, ("direction holds", "")),
        ((0.15, 0.30), "requests_per_second", LESS, MORE, 0.1, ("direction holds", "")),
        ((5.4, 8.1), "requests_per_second", MORE, LESS, 0.1, ("direction holds", "")),
        ((5.4, 8.1), "requests_per_second", LESS, MORE, 0.1, ("contradicted", "")),
        ((0.02, 0.5), "latency_mean_ms", LESS, LESS, 0.1, ("direction holds", "")),
        ((0.75, 0.85), "requests_per_second", OPEN, MORE, 0.1, ("inconclusive", "interval")),
        ((0.75, 0.85), "requests_per_second", LESS, OPEN, 0.1, ("inconclusive", "cpu")),
        ((0.75, 0.85), "requests_per_second", LESS, LESS, 0.1, ("inconclusive", "cpu")),
        ((0.75, 0.85), "requests_per_second", LESS, None, 0.1, ("inconclusive", "cpu")),
        ((0.75, 0.85), "requests_per_second", LESS, MORE, 0.2, ("inconclusive", "loader")),
        ((0.75, 0.85), "requests_per_second", LESS, MORE, None, ("inconclusive", "loader")),
    ],
)
def test_a_direction_needs_cpu_per_request_to_agree_and_a_small_loader(
    band: tuple[float, float],
    metric: str,
    own: Estimate,
    cpu: Estimate | None,
    loader: float | None,
    found: tuple[str, str],
) -> None:
    assert judge_direction(claim(*band, metric), own, cpu, loader) == found


def test_a_claim_about_several_cores_is_judged_for_its_direction_on_shared_cpus(tmp_path: Path) -> None:
    wsgi = load_scenario("wsgi")
    campaign = simulated.a_campaign(
        tmp_path / "c", scenario=wsgi, ratios={"3.14t": 2.4}, about=SHARED, loader_cpus_used=0.3
    )
    found = {one["id"]: one for one in table(campaign).claims}
    faster = found["wsgi-json-faster"]  # published with 8 CPUs, here are 2, shared
    assert (faster["state"], faster["ratio"], faster["low"], faster["high"]) == ("direction holds", None, None, None)
    assert "no size is judged" in faster["words"]
    assert found["wsgi-io-comparable"]["words"] == (
        "not testable here: server and load generator share CPUs, which shows directions only, and a band that holds 1"
        " has none"
    )
    assert found["wsgi-json-memory-higher"]["ratio"] is not None  # memory holds none of the loader's work


def test_on_cpus_of_its_own_the_same_campaign_judges_sizes(tmp_path: Path) -> None:
    campaign = simulated.a_campaign(tmp_path / "c", ratios={"3.14t": 0.8}, loader_cpus_used=0.3)
    found = {one["id"]: one for one in table(campaign).claims}
    assert found["asgi-json-slower"]["state"] == "reproduced" and found["asgi-json-slower"]["ratio"] is not None


def test_a_busy_load_generator_decides_nothing(tmp_path: Path) -> None:
    campaign = simulated.a_campaign(tmp_path / "c", ratios={"3.14t": 0.8}, about=SHARED, loader_cpus_used=0.5)
    found = {one["id"]: one for one in table(campaign).claims}
    assert found["asgi-json-slower"]["words"].startswith("inconclusive: the load generator took 20% or more")


def test_one_shared_cpu_does_not_make_a_claim_about_several_testable() -> None:
    wsgi = load_scenario("wsgi")
    (faster,) = [one for one in wsgi.claims if one.id == "wsgi-json-faster"]
    result = assess(faster, wsgi, {}, Conditions("3.14", "release", 1, shared_cpus=True))
    assert claim_words(result) == "not testable here: it needs 8 server CPUs, there is 1"


def test_the_decision_is_labelled(tmp_path: Path) -> None:
    shared = first_line(compare(simulated.a_campaign(tmp_path / "c", about=SHARED)))
    own = first_line(compare(simulated.a_campaign(tmp_path / "d")))
    assert "share CPUs: directions only, no sizes" in shared and "share CPUs" not in own

"""The profile made from the records of a knee campaign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.analysis.test_soak import frames
from tests.capacity.campaigns import ARMS, RULES, about, plan, profile, run, scenario, truth
from tests.factory import POINTS, a_record
from toolkit.campaign.runner import Campaign
from toolkit.capacity.deploy.pod import pod_resources
from toolkit.capacity.knee.from_records import profile_of
from toolkit.capacity.knee.profile import SoakedMemory
from toolkit.capacity.knee.search_plan import KneeSettings
from toolkit.capacity.knee.usable import confidence_of, usable_knees
from toolkit.capacity.knee.verification import VerificationPlan
from toolkit.errors import GilfreeError
from toolkit.records.store import Record
from toolkit.trial.model import Arm


def test_the_profile_holds_what_a_plan_needs() -> None:
    found = profile(run(plan(POINTS), truth))
    gil, free = found.variants_at(POINTS[0].key)
    assert (gil.variant, free.variant) == ("3.14", "3.14t")
    assert len(gil.knees_rps()) == 3 and not gil.loader_saturated and gil.build_profile == "fast"
    assert gil.memory_high_mb == 100 and gil.memory_kind == "PSS" and gil.server_cpus == 1
    assert gil.server_cpus_used is not None and 0.8 < gil.server_cpus_used <= 0.9
    assert found.unmeasured == () and found.caveats == ("a caveat",)


def verified(records: list[Record], real: dict[str, float]) -> list[Record]:
    """The records with those of `--verify` on servers whose knees are these, by arm."""
    settings = KneeSettings(RULES, 3)
    found = profile(records)
    knees = {(one.point, one.variant): one.knee_rps or 0.0 for one in found.variants}
    return run(VerificationPlan(knees, POINTS, ARMS, settings, 3), lambda point, block, arm: real[arm], records)


def test_a_verification_reaches_the_profile_and_decides_whether_it_is_planned_with() -> None:
    records = run(plan(POINTS), lambda point, block, arm: 1000.0)
    before = profile(records)
    assert {one.verification for one in before.variants} == {"none"}
    found = profile(verified(records, {"3.14": 1000.0, "3.14t": 600.0}))
    gil, free = found.variants_at(POINTS[0].key)
    assert (gil.verification, free.verification) == ("held", "failed")
    assert len(usable_knees(gil, 50, 50)) == 3
    with pytest.raises(GilfreeError, match=r"3.14t json.*the verification missed the SLO at 0.70 x the knee"):
        usable_knees(free, 50, 50)
    low = profile(verified(records, {"3.14": 1500.0, "3.14t": 1000.0})).variants_at(POINTS[0].key)[0]
    assert low.verification == "too low" and len(usable_knees(low, 50, 50)) == 3


def test_the_minute_of_a_verification_counts_for_the_memory() -> None:
    records = verified(run(plan(POINTS), lambda point, block, arm: 1000.0), {"3.14": 1000.0, "3.14t": 1000.0})
    last = records[-1]
    more = last.model_copy(update={"metrics": last.metrics.model_copy(update={"memory_high_mb": 170.0})})
    (found,) = [
        one for one in profile([*records[:-1], more]).variants if (one.point, one.variant) == (last.point_key, last.arm)
    ]
    assert found.memory_high_mb == 170


@pytest.mark.parametrize(("grows", "confidence"), [(60.0, "low"), (0.0, "medium")])
def test_the_memory_of_a_soak_reaches_the_profile_the_pod_and_the_confidence(
    tmp_path: Path, grows: float, confidence: str
) -> None:
    arms = [Arm("3.14", "gil", "python"), Arm("3.14t", "free-threaded", "python")]
    knee = Campaign.create(tmp_path / "knee", scenario(POINTS, "asgi"), arms, about(KneeSettings(RULES, 3)))
    for one in run(plan(POINTS), truth):
        knee.store.append(one)
    soak = Campaign.create(tmp_path / "soak", scenario(POINTS, "asgi"), arms, {"run": "soak"})
    record = a_record(POINTS[0], 0, "3.14").model_copy(update={"load": {"windows": {"soak-0": 30}}})
    soak.store.append(record)
    log = soak.folder / "logs" / f"{record.trial}.jsonl"
    log.write_text("".join(json.dumps(frame) + "\n" for frame in frames(mb_an_hour=grows)))
    found = profile_of(knee)
    gil, free = found.variants_at(POINTS[0].key)
    assert gil.soak is not None and gil.soak.run == "soak" and free.soak is None
    assert gil.memory_high_mb == pytest.approx(gil.soak.high_mb) and gil.soak.high_mb > 100
    assert (gil.soak.grows_mb_an_hour is not None) == (grows > 0)
    pod = pod_resources(gil)
    assert pod is not None and "in the soak soak" in pod.reasons["memory_limit"]
    assert confidence_of(gil, found, 50)[0] == confidence


def test_a_soak_of_another_interpreter_or_application_says_nothing(tmp_path: Path) -> None:
    arms = [Arm("3.14", "gil", "python")]
    knee = Campaign.create(tmp_path / "knee", scenario(POINTS, "asgi"), arms, about(KneeSettings(RULES, 3)))
    record = a_record(POINTS[0], 0, "3.14").model_copy(update={"load": {"windows": {"soak-0": 30}}})
    for name, interface, python in (("a", "wsgi", "python"), ("b", "asgi", "another")):
        soak = Campaign.create(
            tmp_path / name, scenario(POINTS, interface), [Arm("3.14", "gil", python)], {"run": name}
        )
        soak.store.append(record)
        (soak.folder / "logs" / f"{record.trial}.jsonl").write_text(
            "".join(json.dumps(frame) + "\n" for frame in frames())
        )
    assert all(one.soak is None for one in profile_of(knee).variants)


def test_a_profile_is_high_in_confidence_once_verified_and_soaked() -> None:
    found = profile(verified(run(plan(POINTS), lambda point, block, arm: 1000.0), {"3.14": 1000.0, "3.14t": 1000.0}))
    one = found.variants[0].model_copy(update={"soak": SoakedMemory(run="soak", seconds=1800, high_mb=90)})
    assert confidence_of(one, found, 50) == (
        "high",
        "verified for a minute on fresh servers; no growth of memory in 30 min of soak",
    )
    assert confidence_of(one, found, 80)[0] == "medium"

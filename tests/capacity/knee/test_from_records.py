"""The profile made from the records of a knee campaign."""

from __future__ import annotations

from tests.capacity.campaigns import plan, profile, run, truth
from tests.factory import POINTS


def test_the_profile_holds_what_a_plan_needs() -> None:
    found = profile(run(plan(POINTS), truth))
    gil, free = found.variants_at(POINTS[0].key)
    assert (gil.variant, free.variant) == ("3.14", "3.14t")
    assert len(gil.knees_rps()) == 3 and not gil.loader_saturated and gil.build_profile == "fast"
    assert gil.memory_high_mb == 100 and gil.memory_kind == "PSS" and gil.server_cpus == 1
    assert gil.server_cpus_used is not None and 0.8 < gil.server_cpus_used <= 0.9
    assert found.unmeasured == () and found.caveats == ("a caveat",)

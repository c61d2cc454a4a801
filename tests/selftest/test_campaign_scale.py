"""Large campaigns stay quick to compare: here a tenth of the promised size, and without a clock."""

from __future__ import annotations

from pathlib import Path

from toolkit.analysis.compare import compare
from toolkit.campaign.runner import Campaign
from toolkit.selftest.campaign_scale import write_synthetic_campaign


def test_a_made_up_campaign_is_read_and_compared_as_any_other(tmp_path: Path) -> None:
    found = compare(Campaign.open(write_synthetic_campaign(tmp_path / "scale", 100, 8)))
    assert len(found.points) == 100 and {one.blocks for one in found.points} == {8}
    assert {one.family[0].verdict for one in found.points} == {"lower"}
    assert found.best[0].choices == 100

"""The page of a fleet, looked at in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.test_browser import look
from toolkit.capacity.nodes.catalogue import load_catalogue
from toolkit.fleet.inventory.files import read_inventory
from toolkit.fleet.ranking import rank_services
from toolkit.fleet.rules import read_rules
from toolkit.fleet.usage import read_usage
from toolkit.report.fleet import html
from toolkit.selftest.capacity_scale import write_synthetic_fleet


@pytest.mark.parametrize("width", [1280, 390])
def test_the_ranking_fits_the_window_and_can_be_read(chromium: str, tmp_path: Path, width: int) -> None:
    write_synthetic_fleet(tmp_path, 300)
    found = rank_services(
        read_inventory(tmp_path / "deployments.json").services,
        read_rules(tmp_path / "rules.yaml"),
        read_usage(tmp_path / "usage.csv").figures,
        load_catalogue(None),
    )
    seen = look(chromium, tmp_path, html(found, "Which services to move first", "a made-up fleet"), width)
    assert int(str(seen["scrolls"])) <= width, "the page scrolls sideways"
    assert seen["boxes"] == 0, "a wide table must scroll in its own box"
    assert seen["tables"]
    assert float(str(seen["smallest"])) >= 12, "text of tables is too small"

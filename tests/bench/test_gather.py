"""The folder that a campaign is gathered into: made when absent, and never that of another campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.simulated import ARMS
from toolkit.bench.gather import open_folder
from toolkit.campaign.runner import Campaign
from toolkit.errors import GilfreeError
from toolkit.scenario.loading import load_scenario


def description(tmp_path: Path, created: str = "2026-11-25T03:00:00+0000") -> dict[str, Any]:
    """campaign.json as the machine that started the campaign wrote it."""
    started = Campaign.create(tmp_path / created / "night-asgi", load_scenario("asgi"), ARMS, {"created": created})
    return dict(started.description)


def test_it_holds_the_campaign_that_the_cluster_describes_and_may_be_opened_again(tmp_path: Path) -> None:
    found = description(tmp_path)
    campaign = open_folder(found, tmp_path / "there")
    assert (campaign.folder, campaign.description) == (tmp_path / "there" / "night-asgi", found)
    assert open_folder(found, tmp_path / "there").description == found


def test_another_campaign_of_the_same_name_is_never_mixed_in(tmp_path: Path) -> None:
    open_folder(description(tmp_path), tmp_path / "there")
    with pytest.raises(GilfreeError, match="holds another campaign of the same name"):
        open_folder(description(tmp_path, "2026-11-26T03:00:00+0000"), tmp_path / "there")


def test_a_schema_that_this_version_does_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GilfreeError, match="schema 999") as refused:
        open_folder({**description(tmp_path), "schema": 999}, tmp_path / "there")
    assert "the gilfree that made it" in refused.value.remedy
    assert not (tmp_path / "there").exists()

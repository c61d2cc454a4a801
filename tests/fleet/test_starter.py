"""The files that `gilfree fleet --init` writes are read as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.factory import NODES, ORDERS
from toolkit.errors import GilfreeError
from toolkit.fleet.ranking import rank_services
from toolkit.fleet.rules import read_rules
from toolkit.fleet.starter import write_starter
from toolkit.fleet.usage import read_usage


def test_the_files_are_read_as_they_stand_and_with_their_examples_in_force(tmp_path: Path) -> None:
    rules, usage = write_starter(tmp_path, [ORDERS])
    assert set(read_usage(usage).figures) == {ORDERS.key}
    found = rank_services([ORDERS], read_rules(rules), read_usage(usage).figures, NODES)
    assert [one.verdict for one in found.services] == ["unknown"]
    wanted = rules.read_text().replace("profiles: {}\n", "").replace("# profiles:", "profiles:")
    wanted = wanted.replace("#   wsgi", "   wsgi").replace("#   orders", "   orders").replace("#  - ", "  - ")
    rules.write_text(wanted)
    with pytest.raises(GilfreeError, match=r"rules.yaml:\d+: profiles.wsgi.campaign: there is no run 'knee-wsgi'"):
        read_rules(rules, tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text("mine")
    with pytest.raises(GilfreeError, match=r"usage.csv exists already"):
        write_starter(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["usage.csv"]

"""An event loop is measured only where its package is installed for both variants."""

from __future__ import annotations

import pytest

from toolkit.bench.request import check_loops
from toolkit.errors import GilfreeError
from toolkit.scenario.loading import load_scenario
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import parse_baseline


def on_loop(loop: str) -> Scenario:
    data = load_scenario("asgi").model_dump(by_alias=True, exclude_unset=True)
    return Scenario.model_validate(
        {**data, "matrix": [{"endpoint": "json", "connections": 8, "loop": loop}], "claims": []}
    )


def test_asyncio_needs_no_package() -> None:
    check_loops([on_loop("asyncio")], "3.14", {}, None)


def test_another_loop_needs_its_package() -> None:
    check_loops([on_loop("uvloop")], "3.14", {"uvloop": "0.22"}, None)
    with pytest.raises(GilfreeError, match=r"loop 'uvloop' has no wheel for both variants of 3\.14"):
        check_loops([on_loop("uvloop")], "3.14", {"granian": "2.9"}, None)


def test_so_does_the_loop_of_a_baseline() -> None:
    with pytest.raises(GilfreeError, match="rloop"):
        check_loops([on_loop("asyncio")], "3.14", {}, parse_baseline("loop=rloop"))

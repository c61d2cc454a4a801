"""Before anything is measured the arms' own interpreters import the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.bench.local import check_apps
from toolkit.errors import GilfreeError
from toolkit.pythons.pair import Pair
from toolkit.scenario.loading import scenario_for_app

ONLY_WITH_GIL = """
import sys
if not sys._is_gil_enabled():
    raise RuntimeError("needs the GIL")
async def app(scope, receive, send): ...
def create_app(): return app
"""


@pytest.mark.parametrize(
    ("target", "words"),
    [("only_gil:app", "needs the GIL"), ("only_gil:create_app", "only_gil:create_app is a factory")],
)
def test_an_app_that_one_arm_cannot_serve_is_refused(pair: Pair, tmp_path: Path, target: str, words: str) -> None:
    (tmp_path / "only_gil.py").write_text(ONLY_WITH_GIL)
    scenario = scenario_for_app(target, "asgi", "/", None)
    with pytest.raises(GilfreeError, match=words):
        check_apps([pair.gil.executable, pair.free_threaded.executable], tmp_path, [scenario])


def test_an_app_that_both_arms_can_serve_passes(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "only_gil.py").write_text(ONLY_WITH_GIL)
    check_apps([pair.gil.executable] * 2, tmp_path, [scenario_for_app("only_gil:app", "asgi", "/", None)])

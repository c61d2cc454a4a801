"""What `gilfree selftest turns` concludes from records, and that its planted difference is the one that is served."""

from __future__ import annotations

import math
import random
import runpy
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from toolkit.agent.turns import order
from toolkit.records.store import DroppedQuad, Metrics, Record, Turns, WindowFigures
from toolkit.selftest.overhead import SLOW_APP_DIRECTORY
from toolkit.selftest.turns import (
    CONDITIONS,
    PLANTED_SECONDS,
    TOLERANCE,
    Spread,
    block_effects,
    finding,
    planted_scenarios,
)

NAMES = list(CONDITIONS)


def a_block(names: Sequence[str], ratios: Mapping[str, float], drift: float = 0.0) -> list[Record]:
    """The records of two arms whose ratio is that of each quad's condition, on a machine that drifts from window to window."""
    windows: list[list[WindowFigures]] = [[], []]
    for number, (quad, place) in enumerate(order(2, len(names)), 1):
        rate = 1000 * math.exp(drift * number) * (ratios[names[quad]] if place else 1.0)
        metrics = Metrics(requests_per_second=rate, cpu_seconds_per_1000_requests=1000 / rate, memory_mb=50.0)
        windows[place].append(WindowFigures(name=f"turn-{number}", seconds=1.0, metrics=metrics))
    found = []
    for arm, own in zip(("3.14", "3.14t"), windows, strict=True):
        kept = [one.name for one in own]
        turns = Turns(
            quads=len(names), reason="", kept=kept, dropped=[], undropped_requests_per_second=None, idle_cpu=0.0
        )
        update = {"mode": "turns", "windows": own, "turns": turns}
        found.append(a_record(POINTS[0], 0, arm).model_copy(update=update))
    return found


@given(seed=st.integers(0, 1000), long=st.floats(0.9, 1.1), stopped=st.floats(0.9, 1.1), drift=st.floats(-0.05, 0.05))
def test_a_double_difference_is_what_a_condition_changes_whatever_the_order_and_the_drift(
    seed: int, long: float, stopped: float, drift: float
) -> None:
    names = NAMES[:]
    random.Random(seed).shuffle(names)
    ratios = {"plain": 0.8, "plain again": 0.8, "long": 0.8 * long, "stopped": 0.8 * stopped}
    found = block_effects(a_block(names, ratios, drift), names)
    assert found is not None
    assert math.isclose(found["windows of 4 s, requests_per_second"], math.log(long), abs_tol=1e-9)
    assert math.isclose(found["idle server stopped, requests_per_second"], math.log(stopped), abs_tol=1e-9)
    assert math.isclose(found["windows of 4 s, cpu_seconds_per_1000_requests"], -math.log(long), abs_tol=1e-9)
    assert math.isclose(found["idle server stopped, memory_mb"], 0.0, abs_tol=1e-9)


def test_a_block_that_lost_a_quad_or_an_arm_gives_no_effects() -> None:
    whole = a_block(NAMES, dict.fromkeys(NAMES, 0.8))
    assert whole[0].turns is not None
    dropped = DroppedQuad(quad=1, arm="3.14", reason="stolen", detail="")
    lost = whole[0].turns.model_copy(update={"dropped": [dropped], "kept": whole[0].turns.kept[:6]})
    assert block_effects([whole[0].model_copy(update={"turns": lost}), whole[1]], NAMES) is None
    assert block_effects([whole[0], whole[1].model_copy(update={"outcome": "failed"})], NAMES) is None


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.001, -0.001, 0.002, -0.002] * 5, "yes"),
        ([0.05, 0.051, 0.049, 0.05] * 5, "no"),
        ([0.2, -0.2, 0.1, -0.1], "too noisy"),
    ],
)
def test_a_finding_says_whether_its_interval_keeps_the_bounds(values: list[float], shown: str) -> None:
    assert finding("windows", values, TOLERANCE).shown == shown


def test_the_spread_of_fifteen_blocks_is_known_to_a_factor() -> None:
    one = Spread("/json", apart=0.06, turns=0.03, blocks=(15, 15))
    assert one.ratio == pytest.approx(2.0)
    assert one.low == pytest.approx(2 / math.sqrt(2.9786), rel=1e-3)  # F(14, 14) at 97.5%, from a table
    assert one.high == pytest.approx(2 * math.sqrt(2.9786), rel=1e-3)


def test_the_planted_app_costs_what_the_command_says() -> None:
    app = runpy.run_path(str(SLOW_APP_DIRECTORY / "planted.py"))
    assert app["PLANTED_SECONDS"] == PLANTED_SECONDS
    for one in planted_scenarios():
        assert one.app.target.partition(":")[2] in app

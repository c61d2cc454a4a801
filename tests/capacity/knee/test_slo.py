"""Objectives are read as they are written; anything else is refused with an example."""

from __future__ import annotations

import pytest

from toolkit.capacity.knee.slo import p99_ms_of
from toolkit.errors import GilfreeError


@pytest.mark.parametrize(("text", "ms"), [("p99=50ms", 50), ("p99 = 0.2s", 200), ("p99=1s", 1000), ("p99=900us", 0.9)])
def test_an_objective_is_milliseconds(text: str, ms: float) -> None:
    assert p99_ms_of(text) == pytest.approx(ms)


@pytest.mark.parametrize("text", ["", "50ms", "p99", "p99=50", "p99=-5ms", "p99=0ms", "p95=50ms", "p99=2h", "p99=100s"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(GilfreeError, match="p99=50ms"):
        p99_ms_of(text)

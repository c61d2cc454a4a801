"""Quantities as people and Kubernetes write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.units import bytes_of, cpus_of, whole_seconds_of


@pytest.mark.parametrize(
    ("text", "amount"), [("1Gi", 1 << 30), ("512Mi", 512 << 20), ("1.5G", 1_500_000_000), ("1e3Mi", 1000 << 20), (7, 7)]
)
def test_memory(text: str | int, amount: int) -> None:
    assert bytes_of(text) == amount


@pytest.mark.parametrize(("text", "amount"), [("1", 1.0), ("900m", 0.9), (0.5, 0.5), (2, 2.0)])
def test_cpus(text: str | float, amount: float) -> None:
    assert cpus_of(text) == amount


@pytest.mark.parametrize(("text", "amount"), [("10s", 10), ("2m", 120), ("1h", 3600), (5, 5), ("5", 5)])
def test_seconds(text: str | int, amount: int) -> None:
    assert whole_seconds_of(text) == amount


@pytest.mark.parametrize("text", ["500ms", "1.5s", "-1s", "", "s", "10 s", "0"])
def test_what_rewrk_would_misread_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"seconds|1s"):
        whole_seconds_of(text)


@given(st.text(max_size=8))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    for read in (bytes_of, cpus_of, whole_seconds_of):
        try:
            amount = read(text)
        except ValueError as error:
            said = str(error)
        else:
            assert amount > 0
            continue
        assert repr(text) in said

"""Quantities as people and Kubernetes write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.units import MAX_CPUS, bytes_of, cpus_of, process_bytes_of, whole_seconds_of


@pytest.mark.parametrize(
    ("text", "amount"), [("1Gi", 1 << 30), ("512Mi", 512 << 20), ("1.5G", 1_500_000_000), ("1e9", 10**9), (7, 7)]
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


@pytest.mark.parametrize("text", ["1x", "1e99999999Gi", "1e400", "0", "-1Gi", "1..5Gi", "", "Gi", "0.1"])
def test_what_is_no_memory_of_any_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="512Mi or 1Gi"):
        bytes_of(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1GB", "1G"),
        ("100m", "100Mi"),
        ("1K", "1k"),
        ("6GiB", "6Gi"),
        ("1000mi", "1000Mi"),
        ("256MB", "256M"),
        ("1e3Mi", "1000Mi"),
    ],
)
def test_a_unit_typed_wrong_is_answered_with_what_was_probably_meant(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"(did you mean|write) {meant}"):
        bytes_of(text)


@pytest.mark.parametrize("text", ["65Ti", "1Pi", str((1 << 46) + 1)])
def test_more_memory_than_any_machine_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount of memory that a machine has"):
        bytes_of(text)


@pytest.mark.parametrize("text", ["4097", "5000", "4096001m", "0.0001", "9" * 400])
def test_cpus_that_no_machine_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="that a machine has; write from 1m to 4096"):
        cpus_of(text)


@pytest.mark.parametrize("text", ["512", 1.5, "1023Ki"])
def test_a_forgotten_unit_gives_no_process_of_a_few_bytes(text: str | float) -> None:
    with pytest.raises(ValueError, match=r"too little for any process"):
        process_bytes_of(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["25h", "2d", "86401", "9" * 30])
def test_more_than_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 24h"):
        whole_seconds_of(text)


@given(st.integers(1, 1 << 46))
def test_bytes_without_a_unit_are_themselves(amount: int) -> None:
    assert bytes_of(amount) == bytes_of(str(amount)) == amount


@given(st.integers(1, 64), st.sampled_from(["Ki", "Mi", "Gi"]))
def test_binary_units_are_a_factor_of_1024(amount: int, unit: str) -> None:
    larger = {"Ki": "Mi", "Mi": "Gi", "Gi": "Ti"}[unit]
    assert bytes_of(f"{amount}{larger}") == 1024 * bytes_of(f"{amount}{unit}")


@given(st.integers(1, MAX_CPUS))
def test_a_thousand_millicpus_are_one(amount: int) -> None:
    assert cpus_of(f"{amount * 1000}m") == cpus_of(amount) == amount

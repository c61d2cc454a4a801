"""Numbers as people and programs write them: one reading is read, two are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.capacity.inputs.numbers import NotANumber, has_decimal_comma, number_of

AMOUNTS = st.integers(0, 10**9)


@given(AMOUNTS, st.integers(1, 99))
def test_thousands_with_decimals_are_read_in_the_english_and_the_german_way(whole: int, hundredths: int) -> None:
    english = f"{whole:,}.{hundredths:02d}"
    german = english.translate(str.maketrans(",.", ".,"))
    expected = whole + hundredths / 100
    assert number_of(english) == pytest.approx(expected)
    assert number_of(german) == pytest.approx(expected)
    assert has_decimal_comma(german) and not has_decimal_comma(english)


@given(AMOUNTS)
def test_whole_numbers_are_read_with_spaces_and_refused_where_a_mark_is_doubtful(whole: int) -> None:
    assert number_of(str(whole)) == whole
    assert number_of(f"{whole:,}".replace(",", "\u202f")) == whole
    if 1000 <= whole < 1_000_000:
        with pytest.raises(NotANumber, match=f"or {whole:,}"):
            number_of(f"{whole:,}")
        with pytest.raises(NotANumber, match="this file has decimal commas"):
            number_of(f"{whole:,}".replace(",", "."), decimal_commas=True)


@given(st.floats(0, 1e12, allow_nan=False))
def test_what_a_program_prints_is_read_back(value: float) -> None:
    assert number_of(repr(value)) == value


@pytest.mark.parametrize("text", ["", "x", "1_000", "5,21,3", "1.2.3", "12 34", "0x10", "5,", "--5"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        number_of(text)


@pytest.mark.parametrize("text", ["5.21 K", "5.21K req/s", "12%", "3 ms", "1.2 Mreq/s"])
def test_a_number_with_a_unit_names_the_unit(text: str) -> None:
    with pytest.raises(NotANumber, match="is a formatted value with the unit"):
        number_of(text)

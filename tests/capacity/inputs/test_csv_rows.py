"""CSV files: cells are found by column name, and a mistake is named with file, line and column."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.capacity.inputs.csv_rows import CsvRow, read_rows
from toolkit.errors import GilfreeError

KNOWN = ("name", "rps", "note")


def rows(folder: Path, text: str | bytes) -> list[CsvRow]:
    """The rows of a file with this text; the columns name and rps are needed."""
    file = folder / "usage.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(file, ("name", "rps"), KNOWN))


def test_columns_come_in_any_order_and_case_with_spaces_and_empty_lines_between(tmp_path: Path) -> None:
    (one, other) = rows(tmp_path, "RPS , Name\n 1.5, a \n\n , \n2,b\n")
    assert (one.text("name"), one.number("rps"), one.line) == ("a", 1.5, 2)
    assert (other.text("name"), other.number("rps"), other.line) == ("b", 2.0, 5)


def test_an_absent_column_and_an_empty_cell_read_as_unknown(tmp_path: Path) -> None:
    (one,) = rows(tmp_path, "name,rps\na,\n")
    assert one.text("note") == "" and one.number("note") is None and one.number("rps") is None


def test_a_file_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    (one,) = rows(tmp_path, b'\xef\xbb\xbfname,rps,note\r\na,5,"first, second"\r\n')
    assert one.cells == {"name": "a", "rps": "5", "note": "first, second"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "usage.csv is empty"),
        ("name\na\n", r":1: no column 'rps'; there are name"),
        ("name,rps,size\n", r":1: unknown column 'size'"),
        ("name,rps,rps\n", r":1: a column is given twice"),
        ("name,rps\na,1\nb\n", r":3: 1 cells, but the header has 2 columns"),
        ("name,rps\na,1,2,3\n", r":2: 4 cells, but the header has 2 columns"),
        (b"name,rps\n\xff,1\n", "usage.csv: not UTF-8"),
        ("name,rps\n" + "a" * 200_000 + ",1\n", r":2: not CSV: field larger"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(GilfreeError, match=message):
        rows(tmp_path, text)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(GilfreeError, match=r"none.csv cannot be read"):
        list(read_rows(tmp_path / "none.csv", (), ()))


@pytest.mark.parametrize(
    ("cell", "message"), [("x", "'x' is not a number"), ("inf", "'inf' is not a finite"), ("-1", "'-1' is negative")]
)
def test_a_cell_that_is_not_a_number_is_named_with_its_column(tmp_path: Path, cell: str, message: str) -> None:
    (one,) = rows(tmp_path, f"name,rps\na,{cell}\n")
    with pytest.raises(GilfreeError, match=rf"usage.csv:2: rps: {message}"):
        one.number("rps")


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).filter(str.strip)


@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("name", "rps"), *cells])
    found = rows(tmp_path_factory.mktemp("csv"), text.getvalue())
    assert [(one.text("name"), one.text("rps")) for one in found] == [(a.strip(), b.strip()) for a, b in cells]

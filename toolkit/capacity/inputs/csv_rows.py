"""CSV files of traffic, usage and inventories: columns are found by name, and every error names file, line and column.

Files are read as spreadsheets and dashboards export them: separated by comma, semicolon or tab (the header decides, or a
first line `sep=;`), as UTF-8 or UTF-16, with or without a byte order mark, with decimal commas where they are unmistakable.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.capacity.inputs.numbers import NotANumber, has_decimal_comma, number_of
from toolkit.errors import GilfreeError

SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?')


@dataclass(frozen=True)
class CsvRow:
    """One row of a CSV file: the cells by column name, without spaces around them. An absent column reads as empty.

    `decimal_commas`: the numbers of the file have decimal commas.
    """

    file: str
    line: int
    cells: dict[str, str]
    decimal_commas: bool = False

    def where(self, column: str) -> str:
        """File, line and column: the beginning of an error message."""
        return f"{self.file}:{self.line}: {column}"

    def text(self, column: str) -> str:
        """The text of a cell; empty when the cell is empty or the file does not have the column."""
        return self.cells.get(column, "")

    def number(self, column: str) -> float | None:
        """A number of 0 or more; None when the cell is empty. Raises GilfreeError for anything else."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = number_of(text, self.decimal_commas)
        except NotANumber as error:
            raise GilfreeError(f"{self.where(column)}: {text!r} {error}", error.remedy) from None
        if value < 0:
            raise GilfreeError(f"{self.where(column)}: {text!r} is negative", "write 0 or more")
        return value


@dataclass(frozen=True)
class CsvTable:
    """A whole CSV file: its column names in lower case, and its rows without the empty ones."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[CsvRow, ...]


def read_rows(file: Path, needed: Sequence[str], known: Sequence[str]) -> Iterator[CsvRow]:
    """The rows of a CSV file whose first line names the columns, in any order and in any case. Empty rows are skipped.

    Every column of `needed` must be present; a column outside `known` is an error. Raises GilfreeError with file and
    line for a file that cannot be read, is no text or not CSV, and for a row with too few or too many cells.
    """
    table = read_table(file, needed)
    _check_columns(file, table.columns, needed, known)
    yield from table.rows


def read_table(file: Path, needed: Sequence[str] = ()) -> CsvTable:
    """A CSV file with any columns; `needed` only names an example of them when the file is empty.

    Raises GilfreeError as `read_rows` does, but for no column name other than one that is given twice.
    """
    text, skipped, separator = _without_separator_line(_without_comments(_text(file)))
    separator = separator or _separator_of(text)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num + skipped, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise GilfreeError(f"{file}:{reader.line_num + skipped}: not CSV: {error}", "fix that line") from None
    if not rows:
        raise GilfreeError(f"{file} is empty", f"begin it with a line of column names: {','.join(needed)}")
    columns = [name.lower() for name in rows[0][1]]
    if len(set(columns)) < len(columns):
        raise GilfreeError(f"{file}:{rows[0][0]}: a column is given twice: {', '.join(columns)}", "remove one of them")
    for line, cells in rows[1:]:
        if len(cells) != len(columns):
            shown = "" if separator == "," else f" (separated by {separator!r})"
            raise GilfreeError(
                f"{file}:{line}: {len(cells)} cells{shown}, but the header has {len(columns)} columns",
                "fix that line; a number with a decimal comma needs quotes, or another separator",
            )
    decimal_commas = any(has_decimal_comma(cell) for _, cells in rows[1:] for cell in cells)
    found = [
        CsvRow(str(file), line, dict(zip(columns, cells, strict=True)), decimal_commas) for line, cells in rows[1:]
    ]
    return CsvTable(str(file), tuple(columns), tuple(found))


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable CSV file") from None
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise GilfreeError(f"{file}: not UTF-8", "save the file as UTF-8 (Excel: `CSV UTF-8`)") from None


def _without_comments(text: str) -> str:
    """The text with the lines before the header that begin with # made empty, so that lines keep their numbers."""
    lines = text.splitlines(keepends=True)
    for index, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            break
        lines[index] = "\n"
    return "".join(lines)


def _without_separator_line(text: str) -> tuple[str, int, str]:
    """The text without Excel's first line `sep=;`, how many lines were removed, and the separator; "" without such a line."""
    first, _, rest = text.partition("\n")
    found = _SEPARATOR_LINE.fullmatch(first.strip(" \r"))
    return (rest, 1, found[1]) if found else (text, 0, "")


def _separator_of(text: str) -> str:
    """The separator that the header has most of, outside quotes; a comma when it has none."""
    header = re.sub(r'"[^"]*"', "", next((line for line in text.splitlines() if line.strip()), ""))
    return max(SEPARATORS, key=header.count)


def _check_columns(file: Path, columns: Sequence[str], needed: Sequence[str], known: Sequence[str]) -> None:
    for name in needed:
        if name not in columns:
            raise GilfreeError(f"{file}:1: no column {name!r}; there are {', '.join(columns)}", f"add {name!r}")
    for name in columns:
        if name not in known:
            raise GilfreeError(f"{file}:1: unknown column {name!r}", f"known columns are {', '.join(known)}")

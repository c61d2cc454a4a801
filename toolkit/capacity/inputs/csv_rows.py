"""CSV files of traffic, usage and inventories: columns are found by name, and every error names file, line and column."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import GilfreeError


@dataclass(frozen=True)
class CsvRow:
    """One row of a CSV file: the cells by column name, without spaces around them. An absent column reads as empty."""

    file: str
    line: int
    cells: dict[str, str]

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
            value = float(text)
        except ValueError:
            raise GilfreeError(f"{self.where(column)}: {text!r} is not a number", "write it as 1234.5") from None
        if not math.isfinite(value):
            raise GilfreeError(
                f"{self.where(column)}: {text!r} is not a finite number", "leave the cell empty if the value is unknown"
            )
        if value < 0:
            raise GilfreeError(f"{self.where(column)}: {text!r} is negative", "write 0 or more")
        return value


def read_rows(file: Path, needed: Sequence[str], known: Sequence[str]) -> Iterator[CsvRow]:
    """The rows of a CSV file whose first line names the columns, in any order and in any case. Empty rows are skipped.

    Every column of `needed` must be present; a column outside `known` is an error. Raises GilfreeError with file and
    line for a file that cannot be read, is not UTF-8 or not CSV, and for a row with too few or too many cells.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable CSV file") from None
    except UnicodeDecodeError:
        raise GilfreeError(f"{file}: not UTF-8", "save the file as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text))
    try:
        columns = [name.strip().lower() for name in reader.fieldnames or ()]
        _check_columns(file, columns, needed, known)
        reader.fieldnames = columns
        for row in reader:
            surplus = row.pop(None, [])
            cells = [cell for cell in (*row.values(), *surplus) if cell is not None]
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                raise GilfreeError(
                    f"{file}:{reader.line_num}: {len(cells)} cells, but the header has {len(columns)} columns",
                    "fix that line",
                )
            yield CsvRow(str(file), reader.line_num, {name: cell.strip() for name, cell in row.items()})
    except csv.Error as error:
        raise GilfreeError(f"{file}:{reader.reader.line_num}: not CSV: {error}", "fix that line") from None


def _check_columns(file: Path, columns: Sequence[str], needed: Sequence[str], known: Sequence[str]) -> None:
    if not columns:
        raise GilfreeError(f"{file} is empty", f"begin it with a line of column names: {','.join(needed)}")
    for name in needed:
        if name not in columns:
            raise GilfreeError(f"{file}:1: no column {name!r}; there are {', '.join(columns)}", f"add {name!r}")
    for name in columns:
        if name not in known:
            raise GilfreeError(f"{file}:1: unknown column {name!r}", f"known columns are {', '.join(known)}")
    if len(set(columns)) < len(columns):
        raise GilfreeError(f"{file}:1: a column is given twice: {', '.join(columns)}", "remove one of them")

"""CSV files of traffic, usage and inventories: columns by name, every error with file, line and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import GilfreeError


@dataclass(frozen=True)
class Row:
    """One line. Asking for a column that the file has not got gives an empty text."""

    file: str
    line: int
    cells: dict[str, str]

    def where(self, column: str) -> str:
        """File, line and column, as errors begin."""
        return f"{self.file}:{self.line}: {column}"

    def text(self, column: str) -> str:
        """The cell without spaces around it; empty when it is."""
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
            raise GilfreeError(f"{self.where(column)}: {text!r} is no amount", "leave the cell empty when unknown")
        if value < 0:
            raise GilfreeError(f"{self.where(column)}: {text!r} is negative", "write 0 or more")
        return value


def read_rows(file: Path, needed: Sequence[str], known: Sequence[str]) -> Iterator[Row]:
    """The lines of a file with a header. `needed` columns have to be there, others than `known` may not."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise GilfreeError(f"{file} cannot be read: {error.strerror}", "name a readable CSV file") from None
    except UnicodeDecodeError:
        raise GilfreeError(f"{file}: not UTF-8", "save the file as UTF-8") from None
    lines = csv.reader(text.splitlines())
    try:
        head = [name.strip().lower() for name in next(lines, [])]
        if not head:
            raise GilfreeError(f"{file} is empty", f"begin it with a line of columns: {','.join(needed)}")
        for name in needed:
            if name not in head:
                raise GilfreeError(f"{file}:1: no column {name!r}, there are {', '.join(head)}", f"add {name!r}")
        for name in head:
            if name not in known:
                raise GilfreeError(f"{file}:1: unknown column {name!r}", f"known are {', '.join(known)}")
        if len(set(head)) < len(head):
            raise GilfreeError(f"{file}:1: a column is there twice: {', '.join(head)}", "remove one of them")
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                raise GilfreeError(
                    f"{file}:{lines.line_num}: {len(cells)} cells, the head has {len(head)}", "mend that line"
                )
            yield Row(str(file), lines.line_num, {n: c.strip() for n, c in zip(head, cells, strict=True)})
    except csv.Error as error:
        raise GilfreeError(f"{file}:{lines.line_num}: not CSV: {error}", "mend that line") from None

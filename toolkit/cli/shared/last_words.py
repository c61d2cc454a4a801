"""What a run says last, where not everything was measured: the user reads the end of the output first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.report.tables import Table


def last_words(tables: Sequence[Table], stopped: Sequence[str]) -> list[str]:
    """The lines for standard error: the arms and points of which no trial counted, then why campaigns or points ended.

    stopped: texts of endings, each the reason with its remedy. Empty where everything was measured.
    """
    empty = [cell for table in tables for cell in table.empty_cells()]
    return [*(f"gilfree: no trial counted: {cell}" for cell in empty), *(f"gilfree: {text}" for text in stopped)]

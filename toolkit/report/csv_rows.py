"""Tables as CSV: one line for each arm at each point, figures raw."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from toolkit.report.tables import TABLE_METRICS, Table

HEAD = ("campaign", "endpoint", "arm", "role", "workers", "threads", "connections", "point", "blocks", "rejected")


def as_csv(tables: Sequence[Table]) -> str:
    """All rows of all tables; a missing figure is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    kinds = ("published", "measured", "low", "high")
    writer.writerow([*HEAD, *(f"{kind}_{name}" for kind in kinds for name in TABLE_METRICS)])
    for one in tables:
        for row in one.rows:
            head = [
                one.campaign,
                row.endpoint,
                row.arm,
                row.role,
                row.workers,
                row.threads,
                row.connections,
                row.setting,
            ]
            figures = [getattr(row, kind)[name] for kind in kinds for name in TABLE_METRICS]
            writer.writerow([*head, row.blocks, sum(row.rejected.values()), *figures])
    return text.getvalue()

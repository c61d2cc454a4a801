"""Tables as CSV: one line for each arm at each point, figures raw."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from toolkit.report.tables import PERCENTILES, TABLE_METRICS, Table

HEAD = ("campaign", "endpoint", "arm", "role", "workers", "threads", "connections", "point", "blocks", "rejected")
OUTCOMES = ("concluded", "failed", "failed_reasons", "rejected_reasons")
LAST = ("path",)
ENDS = ("ratio", "low", "high")
RATIOS = tuple(f"ratio_{name}" + ("" if end == "ratio" else f"_{end}") for name in TABLE_METRICS for end in ENDS)
"""Of this arm over the first one at the same point, with the 95% interval; empty for the other arms."""
BLANK = [None] * len(RATIOS)
"""What later versions added; columns keep their places."""


def as_csv(tables: Sequence[Table]) -> str:
    """All rows of all tables; a missing figure is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    kinds = ("published", "measured", "low", "high")
    percentiles = [f"measured_latency_{name}_ms" for name in PERCENTILES]
    writer.writerow(
        [
            *HEAD,
            *(f"{kind}_{name}" for kind in kinds for name in TABLE_METRICS),
            *percentiles,
            *OUTCOMES,
            *LAST,
            *RATIOS,
        ]
    )
    for one in tables:
        ratios = {(ratio.point, ratio.candidate): ratio for ratio in one.ratios}
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
            latencies = [row.percentiles.get(name) for name in PERCENTILES]
            outcomes = [row.concluded, sum(row.failed.values()), _reasons(row.failed), _reasons(row.rejected)]
            ratio = ratios.get((row.setting, row.arm))
            compared = [getattr(ratio, kind)[name] for name in TABLE_METRICS for kind in ENDS] if ratio else BLANK
            counts = [row.blocks, sum(row.rejected.values())]
            writer.writerow([*head, *counts, *figures, *latencies, *outcomes, row.path, *compared])
    return text.getvalue()


def _reasons(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{count} {reason}" for reason, count in counts.items())

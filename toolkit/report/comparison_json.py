"""Comparisons as plain data for `gilfree compare --json` and the report's JSON: the figures, and the words for them.

The order and the names of the keys are a file format: see toolkit/report/schema.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from toolkit.analysis.comparison import BestComparison, Comparison, PointComparison, finite
from toolkit.analysis.failures import FailureRate
from toolkit.analysis.families import MetricComparison
from toolkit.analysis.stats.procedure import FULL, Procedure
from toolkit.analysis.unpaired import Unpaired
from toolkit.report.decision import comparison_caveats, first_line, too_noisy_words
from toolkit.report.verdicts import (
    best_caveat,
    failure_words,
    interim_words,
    not_excluded,
    procedure_words,
    stopping_words,
    verdict_reason,
)
from toolkit.report.words import verdict

COMPARISON_SCHEMA = 1
UNPAIRED_SCHEMA = 1


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain data; null for figures that are not finite."""
    data = {
        "compare_schema": COMPARISON_SCHEMA,
        "campaign": comparison.campaign,
        "title": comparison.title,
        "contrasts": [asdict(one) for one in comparison.contrasts],
        "best": [_best(one, comparison.procedure) for one in comparison.best],
        "points": [_point(one, comparison) for one in comparison.points],
        "noise": asdict(comparison.noise),
        "too_noisy": too_noisy_words(comparison),
        "first_line": first_line(comparison),
        "caveats": list(comparison_caveats(comparison)),
        "procedure": comparison.procedure.name,
        "procedure_words": procedure_words(comparison),
        "looks": interim_words(comparison.stopping_rule),
        "blocks": comparison.blocks,
    }
    return {key: finite(value) for key, value in data.items()}


def unpaired_data(unpaired: Unpaired) -> dict[str, Any]:
    """A comparison of two campaigns as plain data."""
    data = {
        "unpaired_schema": UNPAIRED_SCHEMA,
        "old": unpaired.old,
        "new": unpaired.new,
        "label": unpaired.label,
        "differences": list(unpaired.differences),
        "points": [
            {
                "role": one.role,
                "point": one.point.model_dump(),
                "key": one.key,
                "label": one.point.label(),
                "family": _family(one.family, one.failures),
                "failures": [_failure(rate) for rate in one.failures],
            }
            for one in unpaired.points
        ],
    }
    return {key: finite(value) for key, value in data.items()}


def _point(one: PointComparison, comparison: Comparison) -> dict[str, Any]:
    return {
        "contrast": asdict(one.contrast),
        "point": one.point.model_dump(),
        "key": one.key,
        "label": one.point.label(),
        "blocks": one.blocks,
        "family": _family(one.family, one.failures, comparison.procedure),
        "described": [asdict(figure) for figure in one.descriptive],
        "failures": [_failure(rate) for rate in one.failures],
        "stopped": stopping_words(one, comparison.stopping_rule),
    }


def _best(one: BestComparison, procedure: Procedure) -> dict[str, Any]:
    return {
        "contrast": asdict(one.contrast),
        "endpoint": one.endpoint,
        "path": one.baseline.path or f"/{one.endpoint}",
        "connections": one.connections,
        "baseline": one.baseline.model_dump(),
        "candidate": one.candidate.model_dump(),
        "choices": one.choices,
        "blocks": one.blocks,
        "family": _family(one.family, one.failures, procedure),
        "described": [asdict(figure) for figure in one.descriptive],
        "crossed": one.crossed,
        "baseline_chosen": [point.key for point in one.baseline_chosen],
        "candidate_chosen": [point.key for point in one.candidate_chosen],
        "separated": one.separated,
        "failures": [_failure(rate) for rate in one.failures],
        "caveat": best_caveat(one),
    }


def _family(
    family: Sequence[MetricComparison], failures: Sequence[FailureRate], procedure: Procedure = FULL
) -> list[dict[str, Any]]:
    withheld = any(rate.often for rate in failures)
    return [
        {
            **asdict(one),
            "words": one.verdict if withheld else verdict(one),
            "reason": verdict_reason(one, len(family), failures, procedure),
        }
        for one in family
    ]


def _failure(one: FailureRate) -> dict[str, Any]:
    return {**asdict(one), "words": failure_words(one) if one.failed else not_excluded(one)}

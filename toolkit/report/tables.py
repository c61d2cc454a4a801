"""The published tables with measured columns, as data; every form of output is made from these.

Measured figures are medians over complete blocks. A missing figure is None and is shown empty, never as zero.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.analysis import claims
from toolkit.analysis.early_stopping import procedure_of
from toolkit.analysis.failures import failure_rates
from toolkit.campaign.contrasts import main_arms
from toolkit.campaign.ending import Ending, stopped_by_failures
from toolkit.campaign.plan import counted_blocks
from toolkit.campaign.runner import Campaign
from toolkit.records.reasons import Outcome, deciding
from toolkit.records.store import Record
from toolkit.report.ratios import TABLE_METRICS as TABLE_METRICS
from toolkit.report.ratios import Ratio as Ratio
from toolkit.report.ratios import ratios_of, shown_threads
from toolkit.report.verdicts import BUILD_CAVEATS, claim_reason, claim_words, failure_words
from toolkit.report.words import count
from toolkit.scenario.model import Point, PublishedRow, Scenario

PERCENTILES = {
    "p50": "latency_p50_ms",
    "p90": "latency_p90_ms",
    "p99": "latency_p99_ms",
    "p99.9": "latency_p999_ms",
}
"""Latency percentiles by name, with their keys in the result of a load generator that reports them."""


@dataclass(frozen=True)
class Row:
    """One arm at one point: the published figures where the article has them, and the measured ones.

    `path`: what the endpoint requests (`/` and its name where several endpoints request the same). `blocks`: trials that
    counted in concluded blocks. `concluded`: trials that counted or failed by themselves. `failed`:
    failed trials, `rejected`: trials that the environment spoiled, each by reason. `percentiles`: medians over blocks of the
    latency in ms, by `p50`, `p99` and so on; empty where the generator reports none.
    """

    endpoint: str
    path: str
    arm: str
    role: str
    workers: int
    threads: int | None
    connections: int
    setting: str
    assumed_connections: bool
    published: dict[str, float | None]
    unreachable: tuple[str, ...]
    measured: dict[str, float | None]
    low: dict[str, float | None]
    high: dict[str, float | None]
    percentiles: dict[str, float]
    blocks: int
    concluded: int
    failed: dict[str, int]
    rejected: dict[str, int]


@dataclass(frozen=True)
class Table:
    """The table, ratios, claims and caveats of one campaign.

    `stopped`: the points, or the whole campaign, that a failure before any load ended at once.
    """

    campaign: str
    title: str
    rows: tuple[Row, ...]
    ratios: tuple[Ratio, ...]
    claims: tuple[dict[str, Any], ...]
    trials: int
    failed: dict[str, int]
    rejected: dict[str, int]
    stopped: tuple[Ending, ...]
    caveats: tuple[str, ...]
    notes: tuple[str, ...]

    def empty_cells(self) -> list[str]:
        """The rows without a trial that counts, by campaign, arm and point, with what became of their trials; those that
        were not tried are one line, if any."""
        empty = [row for row in self.rows if row.blocks == 0]
        tried = [row for row in empty if row.failed or row.rejected]
        lines = [f"{self.campaign}: {row.arm} at {row.setting} ({_fate(row)})" for row in tried]
        untried = dict.fromkeys(row.setting for row in empty if row not in tried)
        if untried:
            where = f"{count(len(untried), 'point')} at which an arm was not tried, such as {next(iter(untried))}"
            lines.append(f"{self.campaign}: {where}")
        return lines

    def data(self) -> dict[str, Any]:
        """The same as plain data, for --json."""
        return asdict(self)


def table(campaign: Campaign, records: Sequence[Record] | None = None) -> Table:
    """The table of a campaign, finished or under way; `records` saves reading them again."""
    scenario = campaign.scenario
    records = campaign.records() if records is None else records
    arms = [arm.name for arm in campaign.arms]
    blocks = counted_blocks(records, arms)
    counted = _by_cell(record for found in blocks.values() for record in found)
    tried = _by_cell(records)
    by_point: dict[str, list[Sequence[Record]]] = defaultdict(list)
    for (key, _), found in blocks.items():
        by_point[key].append(found)
    here = claims.conditions(
        campaign.description.get("pair", {}), server_cpus(campaign), bool(campaign.description.get("shared_cpus"))
    )
    main = {arm.name for arm in main_arms(campaign.arms)}  # claims are about these, not about baselines or A/A arms
    about = {key: [record for record in found if record.arm in main] for key, found in blocks.items()}
    procedure = procedure_of(campaign.description, scenario.load.rounds)
    rates = failure_rates(records, main)
    results = [claims.assess(claim, scenario, about, here, procedure, rates) for claim in scenario.claims]
    return Table(
        campaign=campaign.name,
        title=scenario.title,
        rows=tuple(
            _row(scenario, point, arm, counted[point.key, arm.name], tried[point.key, arm.name])
            for point in scenario.points()
            for arm in campaign.arms
        ),
        ratios=ratios_of(campaign, by_point, procedure) if len(arms) > 1 else (),
        claims=tuple(_claim(one) for one in results),
        trials=len(records),
        failed=_reasons(records, "failed"),
        rejected=_reasons(records, "rejected"),
        stopped=stopped_by_failures(records, scenario.points()),
        caveats=tuple(caveats(campaign)),
        notes=_published_notes(scenario),
    )


def server_cpus(campaign: Campaign) -> int:
    """How many CPUs the server had, as the plan of this run found them."""
    return len(campaign.description.get("cpus", {}).get("server", [0]))


def caveats(campaign: Campaign) -> list[str]:
    """The limits of these figures: builds, CPUs, series, and what was noted when the campaign began."""
    about, found = campaign.description, []
    pair, published = about.get("pair", {}), campaign.scenario.published
    if pair.get("profile") == "fast":
        found.append(
            "interpreters built without PGO and LTO (profile fast): slower than release builds, both variants alike"
        )
    found += pair.get("notes", [])
    cpus = server_cpus(campaign)
    if published and cpus < published.server_cpus:
        found.append(
            f"the server had {cpus} CPU{'s' if cpus != 1 else ''}, the published machine had {published.server_cpus}"
        )
    if published and pair.get("series") not in (None, published.series):
        found.append(f"published figures are of {published.series}, these of {pair['series']}")
    found += about.get("caveats", [])
    found.append("server and loader talk over loopback")
    found.append("granian's wheels carry jemalloc for the GIL build and mimalloc for the free-threaded one")
    return found


def _published_notes(scenario: Scenario) -> tuple[str, ...]:
    """Where the published figures come from, and what the scenario notes about them."""
    if not scenario.published:
        return ()
    source = f'published figures are as reported by the article "{scenario.published.source}"'
    return (*([source] if scenario.published.rows else []), *scenario.published.notes)


def _by_cell(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """Records by point and arm, sorted once: a search of all records for every row takes minutes at a thousand points."""
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        found[record.point_key, record.arm].append(record)
    return found


def _row(scenario: Scenario, point: Point, arm: Any, mine: Sequence[Record], tried: Sequence[Record]) -> Row:
    published = _published(scenario, point, arm.role) if arm.side == "main" else None
    values = {name: [v for one in mine if (v := getattr(one.metrics, name)) is not None] for name in TABLE_METRICS}
    return Row(
        endpoint=point.endpoint,
        path=point.path or f"/{point.endpoint}",
        arm=arm.name,
        role=arm.role,
        workers=point.workers,
        threads=shown_threads(scenario, point),
        connections=point.connections,
        setting=point.key,
        assumed_connections=bool(published and published.assumed),
        published={name: getattr(published, name) if published else None for name in TABLE_METRICS},
        unreachable=published.unreachable if published else (),
        measured={name: stdlib_statistics.median(found) if found else None for name, found in values.items()},
        low={name: min(found, default=None) for name, found in values.items()},
        high={name: max(found, default=None) for name, found in values.items()},
        percentiles=_percentiles(mine),
        blocks=len(mine),
        concluded=sum(one.outcome != "rejected" for one in tried),
        failed=_reasons(tried, "failed"),
        rejected=_reasons(tried, "rejected"),
    )


def _claim(one: claims.ClaimResult) -> dict[str, Any]:
    claim = one.claim
    return {
        "id": claim.id,
        "text": claim.text,
        "metric": claim.metric,
        "band": [claim.low, claim.high],
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "blocks": one.blocks,
        "quick": one.quick,
        "state": one.state,
        "reason": claim_reason(one),
        "words": claim_words(one),
        "why": claim.why,
        "caveat": BUILD_CAVEATS[one.caveat],
        "rounds_on_different_machines": one.separated,
        "failures": [failure_words(rate) for rate in one.failures],
    }


def _published(scenario: Scenario, point: Point, role: str) -> PublishedRow | None:
    rows = scenario.published.rows if scenario.published else ()
    return next((row for row in rows if row.matches(point, role)), None)


def _percentiles(records: Sequence[Record]) -> dict[str, float]:
    """The median over trials of each latency percentile that the load generator reported."""
    found: dict[str, list[float]] = {name: [] for name in PERCENTILES}
    for record in records:
        result = record.load.get("result") or {}
        for name, key in PERCENTILES.items():
            if (value := result.get(key)) is not None:
                found[name].append(value)
    return {name: stdlib_statistics.median(values) for name, values in found.items() if values}


def _reasons(records: Iterable[Record], outcome: Outcome) -> dict[str, int]:
    """Trials of one outcome by the reason that decided it, the most frequent first."""
    causes = [deciding(one.rejections) for one in records if one.outcome == outcome]
    return dict(Counter(cause.reason for cause in causes if cause).most_common())


def _fate(row: Row) -> str:
    parts = [
        f"{what} {', '.join(f'{count} {reason}' for reason, count in reasons.items())}"
        for what, reasons in (("failed:", row.failed), ("rejected:", row.rejected))
        if reasons
    ]
    return "; ".join(parts)

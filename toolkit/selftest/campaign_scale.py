"""Synthetic campaigns larger than any that was run, to time comparing and reporting them: `gilfree selftest scale`.

1,000 points with 20 blocks of two arms each; the figures are random, from a seed. The files are read as those of a real
campaign are.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from toolkit.campaign.runner import Campaign
from toolkit.records.store import Metrics, Record
from toolkit.scenario.model import Scenario
from toolkit.selftest.promises import PromiseCheck
from toolkit.trial.model import Arm

POINTS, BLOCKS = 1000, 20
COMPARE_SECONDS, REPORT_SECONDS, REPORT_MB = 5.0, 20.0, 5.0


def check_promises(points: int = POINTS, blocks: int = BLOCKS) -> Iterator[PromiseCheck]:
    """Write a synthetic campaign, then time comparing it (reading included) and reporting it as HTML; one check for each."""
    from toolkit.analysis.compare import compare
    from toolkit.report.html import render
    from toolkit.report.page import page

    with tempfile.TemporaryDirectory() as folder:
        campaign = write_synthetic_campaign(Path(folder) / "scale", points, blocks)
        size = f"{points:,} points x {blocks} blocks"
        began = time.perf_counter()
        compare(Campaign.open(campaign))
        yield PromiseCheck(f"{size}: compare", time.perf_counter() - began, COMPARE_SECONDS, "s")
        began = time.perf_counter()
        text = render([page(Campaign.open(campaign))], "scale", size)
        yield PromiseCheck(f"{size}: report", time.perf_counter() - began, REPORT_SECONDS, "s")
        yield PromiseCheck(f"{size}: report", len(text.encode()) / 1e6, REPORT_MB, "MB")


def write_synthetic_campaign(folder: Path, points: int, blocks: int, seed: int = 1) -> Path:
    """Write a finished campaign without logs into `folder`, which must not exist; returns `folder`.

    `points` is a multiple of 10. The same seed gives the same figures.
    """
    scenario = Scenario.model_validate(
        {
            "name": "scale",
            "title": "a synthetic campaign",
            "app": {"target": "app:app", "interface": "wsgi"},
            "endpoints": {"json": {"path": "/json", "any_body": True}},
            "matrix": [
                {
                    "endpoint": "json",
                    "workers": list(range(1, 11)),
                    "threads": list(range(1, 1 + points // 10)),
                    "connections": 128,
                }
            ],
            "load": {"rounds": blocks},
        }
    )
    arms = [Arm("3.14", "gil", "/nowhere"), Arm("3.14t", "free-threaded", "/nowhere")]
    about = {
        "run": "scale",
        "pair": {"series": "3.14", "profile": "release", "notes": []},
        "cpus": {"server": [1], "load": [0]},
    }
    Campaign.create(folder, scenario, arms, about)
    rng = random.Random(seed)
    with (folder / "trials.jsonl").open("w") as file:
        for block in range(blocks):
            for point in scenario.points():
                for arm in arms:
                    one = Record(
                        trial=f"scale-{point.key}-b{block}-{arm.name}",
                        campaign="scale",
                        scenario="scale",
                        backend="local",
                        slot="here",
                        point_key=point.key,
                        point=point.model_dump(),
                        block=block,
                        arm=arm.name,
                        role=arm.role,
                        attempt=1,
                        wall_time=float(block),
                        mode="apart",
                        outcome="counted",
                        rejections=[],
                        metrics=_metrics(rng, 0.9 if arm.role == "free-threaded" else 1.0),
                        windows=[],
                        load={},
                        server={},
                        limits=scenario.limits.model_dump(),
                        notes=[],
                    )
                    file.write(one.model_dump_json() + "\n")
    return folder


def _metrics(rng: random.Random, factor: float) -> Metrics:
    rate = 5000 * factor * rng.lognormvariate(0, 0.02)
    return Metrics(
        requests_per_second=rate,
        latency_mean_ms=128_000 / rate,
        memory_mb=100 / factor * rng.lognormvariate(0, 0.01),
        rss_mb=120.0,
        cpu_seconds_per_1000_requests=1000 / rate,
        server_cpus_used=1.0,
        steal=0.001,
        foreign_cpu=0.01,
        throttled_periods=0.0,
        loader_saturation=0.3,
    )

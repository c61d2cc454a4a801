"""Makers of records for tests of pure functions."""

from __future__ import annotations

from toolkit.records.reasons import Rejection, outcome_of
from toolkit.records.store import Metrics, Record
from toolkit.scenario.model import Point

POINTS = (Point(endpoint="json", connections=128), Point(endpoint="io", workers=2, connections=256))


def a_record(
    point: Point,
    block: int,
    arm: str,
    attempt: int = 1,
    *,
    accepted: bool = True,
    reason: str = "foreign-cpu",
    rps: float = 1000.0,
    memory_mb: float = 100.0,
    latency_ms: float = 10.0,
) -> Record:
    """A record as a trial leaves it, with the figures that tables and claims read.

    reason: why it is not accepted; by default an environmental one, so that the trial is rejected and not failed.
    """
    rejections = [] if accepted else [Rejection(reason=reason, detail="")]
    return Record(
        trial=f"c-{point.key}-b{block}-{arm}-a{attempt}",
        campaign="campaign",
        scenario="test",
        backend="local",
        slot="here",
        point_key=point.key,
        point=point.model_dump(),
        block=block,
        arm=arm,
        role="free-threaded" if arm.endswith("t") else "gil",
        attempt=attempt,
        wall_time=1.0,
        mode="apart",
        outcome=outcome_of(rejections),
        rejections=rejections,
        metrics=Metrics(requests_per_second=rps, memory_mb=memory_mb, latency_mean_ms=latency_ms),
        windows=[],
        load={},
        server={},
        limits={},
        notes=[],
    )

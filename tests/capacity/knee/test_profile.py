"""A profile: read as it was written, also one of an earlier run; its knees under a stricter SLO; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.capacity.campaigns import plan, profile, run, truth
from tests.capacity.factory import measured, variant
from tests.factory import POINTS
from toolkit.capacity.knee.profile import (
    BlockKnee,
    MeasuredRate,
    VariantProfile,
    median,
    read_profile,
    write_profile,
)
from toolkit.errors import GilfreeError


def test_a_stricter_slo_needs_no_new_measurement() -> None:
    gil = profile(run(plan(POINTS), truth)).variants_at(POINTS[0].key)[0]
    stricter = gil.stricter_knees(35)
    assert len(stricter) == 3
    for strict, knee in zip(stricter, gil.knees_rps(), strict=True):
        assert strict.knee_rps is not None and strict.knee_rps < knee
        assert not strict.confirmed, "only the rates around the knee were measured on fresh servers"
    assert [one.knee_rps for one in gil.stricter_knees(10)] == [None] * 3


def seen(step: str, rate: float, p99_ms: float, passed: bool = True) -> MeasuredRate:
    """A rate of the first block."""
    return MeasuredRate(block=0, step=step, rate_rps=rate, p99_ms=p99_ms, passed=passed, why="")


@pytest.mark.parametrize(
    ("rates", "knee", "confirmed"),
    [
        ([seen("ladder", 900, 15), seen("confirm", 900, 30), seen("ladder", 700, 12)], 700, False),
        ([seen("ladder", 900, 30), seen("confirm", 900, 15)], 900, True),
        ([seen("ladder", 900, 15), seen("confirm", 800, 30)], None, False),
        ([seen("confirm", 700, 15), seen("ladder", 800, 18), seen("confirm", 900, 30)], 800, False),
        ([seen("confirm", 1100, 15)], None, False),
    ],
)
def test_under_a_stricter_slo_a_fresh_server_outranks_a_ladder(
    rates: list[MeasuredRate], knee: float | None, confirmed: bool
) -> None:
    (found,) = variant("gil", [1000], rates=rates).stricter_knees(20)
    assert (found.knee_rps, found.confirmed) == (knee, confirmed)


def test_a_block_in_which_no_rate_was_met_counts_as_a_knee_of_0() -> None:
    def with_none(*knees: float) -> VariantProfile:
        one = variant("gil", knees)
        none = BlockKnee(block=len(knees), finished=True, note="p99 99 ms at 20 requests/s")
        return one.model_copy(update={"blocks": (*one.blocks, none)})

    assert with_none(900, 1000).knee_rps == 900
    assert with_none(1000).knee_rps == 500 and with_none().knee_rps is None
    assert [block.block for block in with_none(900, 1000).no_rate_blocks] == [2]


def test_a_profile_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = profile(run(plan(POINTS), truth))
    file = write_profile(found, tmp_path)
    assert read_profile(tmp_path) == read_profile(file) == found
    json.loads(file.read_text())


def test_the_file_calls_the_build_profile_profile_as_files_of_earlier_runs_do(tmp_path: Path) -> None:
    file = write_profile(measured(variant("gil", [1000], build_profile="fast")), tmp_path)
    (stored,) = json.loads(file.read_text())["variants"]
    assert stored["profile"] == "fast" and "build_profile" not in stored
    assert read_profile(file).build_profiles() == ["fast"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a profile: the whole file: Invalid JSON"),
        ("{}", "not a profile: service: Field required"),
        ('{"profile_schema": 2}', "not a profile: profile_schema: Input should be 1"),
    ],
)
def test_a_file_that_is_not_a_profile_is_refused_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "profile.json"
    file.write_text(text)
    with pytest.raises(GilfreeError, match=message):
        read_profile(file)


def test_without_a_name_the_endpoint_with_the_lowest_knee_per_cpu_is_taken() -> None:
    wide = variant("gil", [1500] * 3).model_copy(update={"endpoint": "wide", "server_cpus": 2.0})
    assert measured(variant("gil", [1000] * 3), wide).for_endpoint(None).endpoints() == ["wide"]


def test_the_median_of_nothing_is_none() -> None:
    assert median([]) is None
    assert median([3, 1, 2]) == 2 and median([4, 1, 2, 3]) == 2.5

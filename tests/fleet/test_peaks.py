"""The peaks of requests and CPU are of the same times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.fleet.factory import NODES, ORDERS, fleet_rules
from toolkit.capacity.nodes.catalogue import MIB
from toolkit.fleet.peaks import Peaks, peaks_of
from toolkit.fleet.ranking import rank_services
from toolkit.fleet.usage import Usage

SERIES = st.dictionaries(st.integers(0, 9).map(float), st.integers(0, 5).map(float), max_size=8)


def test_a_request_costs_the_cpu_of_the_time_with_the_most_requests() -> None:
    # A nightly job takes 8 cores; at noon 1,000 requests/s take 2.
    found = peaks_of({3.0: 10, 12.0: 1000, 13.0: 900}, {3.0: 8, 12.0: 2, 13.0: 1.9})
    assert (found.rps, found.cpu_at_peak_cores, found.cpu_cores) == (1000, 2, 8)


def test_times_that_one_series_lacks_count_for_neither() -> None:
    found = peaks_of({1.0: 5000, 2.0: 100}, {2.0: 1, 3.0: 9})
    assert found == Peaks(100, 1, 1, 5000, 9)
    assert peaks_of({1.0: 5}, {2.0: 1}) == Peaks(rps_alone=5, cpu_alone=1)


def test_a_nightly_job_does_not_make_a_service_unlike_its_profile(tmp_path: Path) -> None:
    """Its pods are sized for the job, but a request costs what it costs at noon."""
    at_noon = Usage(rps=5000, cpu_cores=40, memory_bytes=300 * MIB, cpu_at_peak_cores=5)
    likened = {
        name: rank_services([ORDERS], fleet_rules(tmp_path), {ORDERS.key: usage}, NODES).services[0]
        for name, usage in (("noon", at_noon), ("mixed", replace(at_noon, cpu_at_peak_cores=None)))
    }
    assert (likened["noon"].confidence, likened["mixed"].confidence) == ("medium", "low")
    assert likened["noon"].gil == likened["mixed"].gil


@given(SERIES, SERIES, st.integers(0, 10))
def test_asked_in_pieces_the_peaks_are_those_of_the_whole(
    rps: dict[float, float], cpu: dict[float, float], cut: int
) -> None:
    def part(series: dict[float, float], late: bool) -> dict[float, float]:
        return {time: value for time, value in series.items() if (time >= cut) == late}

    halves = [peaks_of(part(rps, late), part(cpu, late)) for late in (False, True)]
    assert halves[0].merged(halves[1]) == peaks_of(rps, cpu) == halves[1].merged(halves[0])

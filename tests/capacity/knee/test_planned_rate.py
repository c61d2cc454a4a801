"""The rate that is planned with meets the SLO for users, whose requests come at random, although it was measured evenly paced.

Servers whose service times are exponential are measured as the tool does it: even pacing, windows and confirmations of the
shipped length, three blocks, the shipped headroom. Whether the planned rate then meets the SLO under Poisson arrivals is
known exactly (M/M/c).
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capacity.knee.test_search import ended
from tests.capacity.simulated import beyond, server, true_knee
from toolkit.capacity.knee.pacing import planned_rps, random_arrival_share
from toolkit.capacity.knee.profile import median
from toolkit.capacity.knee.search import KneeRules
from toolkit.capacity.knee.search_plan import KneeSettings

SHARE_THAT_MEETS_IT = 0.95
ONE_SERVER = [(1000.0, 1, p99_ms) for p99_ms in (10.0, 20.0, 50.0)]
SEVERAL = [(500.0, 2, 10.0), (500.0, 4, 10.0), (500.0, 4, 20.0), (250.0, 4, 50.0)]


def measured_knee(service_rate: float, servers: int, p99_ms: float, seed: int) -> float:
    """The median knee of three blocks, under even pacing and with windows as shipped."""
    settings, knees = KneeSettings(KneeRules(p99_ms)), list[float]()
    measure = server(service_rate, servers, seed, paced=True)
    for _ in range(settings.blocks):
        found, _ = ended(measure, 0.97 * service_rate * servers, settings.rules, knees[-1] if knees else None)
        assert found.knee_rps is not None
        knees.append(found.knee_rps)
    return median(knees) or 0.0


def meet_it(service_rate: float, servers: int, p99_ms: float, headroom: float, deployments: int) -> float:
    """The share of simulated deployments whose planned rate meets the SLO when requests come at random."""
    met = 0
    for seed in range(deployments):
        rate = planned_rps(measured_knee(service_rate, servers, p99_ms, seed), headroom, p99_ms)
        met += beyond(p99_ms / 1000, rate, service_rate, servers) <= 0.01
    return met / deployments


@pytest.mark.parametrize("deployments", [20, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("headroom", [KneeSettings(KneeRules(1)).headroom, 0.9])
@pytest.mark.parametrize(("service_rate", "servers", "p99_ms"), ONE_SERVER)
def test_one_exponential_server_meets_its_slo_at_the_planned_rate(
    service_rate: float, servers: int, p99_ms: float, headroom: float, deployments: int
) -> None:
    assert meet_it(service_rate, servers, p99_ms, headroom, deployments) >= SHARE_THAT_MEETS_IT


@pytest.mark.parametrize("deployments", [2, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("service_rate", "servers", "p99_ms"), SEVERAL)
def test_several_exponential_servers_meet_their_slo_at_the_planned_rate(
    service_rate: float, servers: int, p99_ms: float, deployments: int
) -> None:
    headroom = KneeSettings(KneeRules(1)).headroom
    assert meet_it(service_rate, servers, p99_ms, headroom, deployments) >= SHARE_THAT_MEETS_IT


@pytest.mark.parametrize(("service_rate", "servers", "p99_ms"), ONE_SERVER)
def test_for_one_exponential_server_the_reduction_is_exact(service_rate: float, servers: int, p99_ms: float) -> None:
    slack = math.log(100) / (p99_ms / 1000)  # exp(-slack d) = 1%
    evenly = slack / -math.log(1 - slack / service_rate)  # the knee of D/M/1
    at_random = true_knee(p99_ms / 1000, service_rate, servers)
    assert random_arrival_share(evenly, p99_ms) * evenly == pytest.approx(at_random, rel=1e-6)


@given(st.floats(1e-6, 1e6), st.floats(0.001, 60_000))
def test_a_planned_rate_never_exceeds_the_knee_and_a_tighter_slo_never_raises_it(knee: float, p99_ms: float) -> None:
    assert 0 <= random_arrival_share(knee, p99_ms / 2) <= random_arrival_share(knee, p99_ms) <= 1

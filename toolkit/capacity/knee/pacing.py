"""What even pacing hides: the load generator sends requests evenly, users come at random, and a queue feels the difference. Pure.

For one server with exponential service times both cases are exact. With evenly paced arrivals (D/M/1) the knee K at an SLO
of d is the rate at which exp(-a d) = 1%, so a = ln(100) / d, and the service rate follows from K. With Poisson arrivals
(M/M/1) the same server meets the SLO up to the rate

    K x / (exp(x) - 1)      where x = ln(100) / (K d)

By Kingman's approximation the first order, 1 - x/2, holds for any distribution of service times. A tight SLO leaves
few requests in d, so x is large and the pod is planned with a smaller rate. Several servers whose service time nearly fills
the SLO lose somewhat more (of those tried 0.58 instead of 0.67 at worst); the headroom has to cover that.
"""

from __future__ import annotations

import math

MISSED_SHARE = 0.01
"""Of a p99."""
WORTH_SAYING = 0.02
"""Smaller reductions are not worth a sentence."""


def random_arrival_share(knee_rps: float, p99_ms: float) -> float:
    """The share of an evenly paced knee (requests/s) up to which the SLO is also met when requests arrive at random."""
    x = math.log(1 / MISSED_SHARE) / (knee_rps * p99_ms / 1000)
    return x / math.expm1(x) if x < 700 else 0.0


def planned_rps(knee_rps: float, headroom: float, p99_ms: float) -> float:
    """The rate, in requests/s, that one pod is planned with: headroom x the knee for requests that arrive at random."""
    return headroom * knee_rps * random_arrival_share(knee_rps, p99_ms)

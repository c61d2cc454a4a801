"""Servers whose knee is known: M/M/c queues simulated request by request, and their exact p99."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def erlang_c(servers: int, offered: float) -> float:
    """Share of requests that wait, of `offered` Erlang on `servers`."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    used = offered / servers
    return blocked / (1 - used * (1 - blocked))


def beyond(seconds: float, rate: float, service_rate: float, servers: int) -> float:
    """Probability that a request of an M/M/c queue takes longer than `seconds` in all."""
    wait = erlang_c(servers, rate / service_rate)
    spare = servers * service_rate - rate
    if abs(spare - service_rate) < 1e-9 * service_rate:
        return (1 + wait * service_rate * seconds) * math.exp(-service_rate * seconds)
    share = wait * service_rate / (spare - service_rate)
    return (1 + share) * math.exp(-service_rate * seconds) - share * math.exp(-spare * seconds)


def true_knee(p99_seconds: float, service_rate: float, servers: int) -> float:
    """The rate at which exactly 1% take longer: by bisection on the formula above."""
    low, high = 0.0, servers * service_rate * (1 - 1e-9)
    for _ in range(200):
        middle = (low + high) / 2
        if beyond(p99_seconds, middle, service_rate, servers) <= 0.01:
            low = middle
        else:
            high = middle
    return low


def _ends(due: NDArray[np.float64], served: NDArray[np.float64], servers: int) -> NDArray[np.float64]:
    """When each request ends; a request takes the first free server, in the order in which requests are due."""
    if servers == 1:
        work = np.cumsum(served)
        found: NDArray[np.float64] = work + np.maximum.accumulate(due - (work - served))
        return found
    free = [0.0] * servers
    ends = np.empty(len(due))
    for index in range(len(due)):
        end = max(heapq.heappop(free), due[index]) + served[index]
        heapq.heappush(free, end)
        ends[index] = end
    return ends


def server(
    service_rate: float, servers: int, seed: int, *, paced: bool = False
) -> Callable[[int, int], dict[str, Any]]:
    """`measure(rate, seconds)`: an entry as records hold it, from requests simulated one by one.

    `paced`: requests are due evenly, as oha sends them; otherwise at random (Poisson).
    """
    random = np.random.default_rng(seed)

    def measure(rate: int, seconds: int) -> dict[str, Any]:
        count = rate * seconds
        due = np.arange(1, count + 1) / rate if paced else np.cumsum(random.exponential(1 / rate, count))
        served = random.exponential(1 / service_rate, count)
        ends = _ends(due, served, servers)
        in_time = ends <= seconds + 0.05
        latency_ms = 1000 * (ends - due)[in_time]
        return {
            "name": "simulated",
            "rate_rps": rate,
            "seconds": seconds,
            "problem": "",
            "requests": int(in_time.sum()),
            "errors": 0,
            "first_error": "",
            "achieved_rps": rate * float(in_time.sum()) / max(1, int((due <= seconds).sum())),
            "p50_ms": float(np.quantile(latency_ms, 0.5)),
            "p90_ms": float(np.quantile(latency_ms, 0.9)),
            "p99_ms": float(np.quantile(latency_ms, 0.99)),
            "max_ms": float(latency_ms.max()),
            "server_cpus_used": min(1.0, rate / service_rate / servers) * servers,
            "memory_mb": 100.0,
            "loader_saturation": 0.2,
            "loader_limited": [],
            "disturbed": [],
        }

    return measure

"""A real Prometheus scrapes real servers every second while they are under load, and their usage comes from it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.fleet.prometheus import pod
from tests.fleet.prometheus.server import answers, evaluated, free_port, running, until
from toolkit.fleet.prometheus.client import access
from toolkit.fleet.prometheus.queries import Queries, Span
from toolkit.fleet.prometheus.usage import query_usage

PODS = ("orders-7d4b9c6f5-bcdfg", "orders-7d4b9c6f5-hjklm")
MOST_A_SECOND = 20
"""Requests that a pod gets at most: after each, the sender waits."""
WINDOW_SECONDS = 5


@contextmanager
def serving(name: str) -> Iterator[str]:
    """The address of a pod, in a process of its own."""
    port = free_port()
    with subprocess.Popen([sys.executable, pod.__file__, str(port), name]) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{address}/metrics"), f"{name} does not answer")
            yield address
        finally:
            process.terminate()


@contextmanager
def loaded(address: str) -> Iterator[None]:
    """Requests one after the other, at most MOST_A_SECOND."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(1 / MOST_A_SECOND):
            answers(address)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def counts(address: str) -> tuple[float, float]:
    """Requests that a pod served so far, and its CPU seconds."""
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        served, cpu, _ = re.findall(r"^[a-z_]+\{.*\} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(served), float(cpu)


def test_the_usage_of_a_real_run_is_what_its_servers_counted(prometheus_folder: Path, tmp_path: Path) -> None:
    with ExitStack() as running_now:
        addresses = [running_now.enter_context(serving(name)) for name in PODS]
        targets = [address.removeprefix("http://") for address in addresses]
        # Both replicas of a Prometheus scrape the same pods, and one store holds what both wrote.
        jobs = [
            {"job_name": name, "static_configs": [{"targets": targets, "labels": {"prometheus_replica": name}}]}
            for name in ("a", "b")
        ]
        for job in jobs:  # one job, as replicas have
            job["relabel_configs"] = [{"target_label": "job", "replacement": "pods"}]
        prometheus = running_now.enter_context(running(prometheus_folder, tmp_path, jobs))
        before, began = [counts(one) for one in addresses], time.monotonic()
        with ExitStack() as load:
            for one in addresses:
                load.enter_context(loaded(one))
            scraped = f"min(count_over_time(http_requests_total[1m])) >= {WINDOW_SECONDS * 2}"
            until(lambda: bool(evaluated(prometheus, scraped)["result"]), "Prometheus does not scrape")
        seconds = time.monotonic() - began
        after = [counts(one) for one in addresses]
        # Asked second by second, since the run lasts seconds.
        span = Span(total=60, step=1, window=WINDOW_SECONDS, piece=60)
        found = query_usage(access(prometheus), Queries(), span)

    mean_rps = sum(now[0] - then[0] for now, then in zip(after, before, strict=True)) / seconds
    mean_cpu = sum(now[1] - then[1] for now, then in zip(after, before, strict=True)) / seconds
    assert set(found.figures) == {("shop", "orders")}
    usage = found.figures["shop", "orders"]
    assert usage.rps is not None
    assert usage.cpu_cores is not None
    # The peak of five seconds is at least most of the mean, and no more than what was sent; replicas would double it.
    assert 0.7 * mean_rps < usage.rps < 1.5 * MOST_A_SECOND * len(PODS)
    assert 0.7 * mean_cpu < usage.cpu_cores < 2
    assert usage.memory_bytes is not None
    assert usage.memory_bytes > 5e6
    assert any("prometheus_replica: a, b" in words for words in found.notes)

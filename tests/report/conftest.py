"""Synthetic campaigns to report on, and the browser to look at reports with."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import say, scenario
from tests.factory import a_record
from toolkit.campaign.runner import Campaign
from toolkit.records.store import Record
from toolkit.report.html import render
from toolkit.report.page import page
from toolkit.scenario.matrix import MatrixCell
from toolkit.scenario.model import Scenario
from toolkit.setup.needs import Need
from toolkit.setup.packages import ensure_packages
from toolkit.trial.model import Arm

ARMS = (Arm("3.14", "gil", "/python"), Arm("3.14t", "free-threaded", "/python-t"))
TITLE = "<script>alert('a title from a scenario file')</script>"

Make = Callable[..., Campaign]


def a_scenario(threads: tuple[int, ...], connections: tuple[int, ...]) -> Scenario:
    """A WSGI scenario over some numbers of threads and connections, with a title that must be escaped."""
    cell = MatrixCell(endpoint=("plain",), workers=(1, 2), threads=threads, connections=connections)
    return scenario("faulty:right", interface="wsgi").model_copy(update={"matrix": (cell,), "title": TITLE})


def a_trial(
    one: Scenario, index: int, block: int, arm: str, noise: random.Random, ratio: float, memory: float
) -> Record:
    """A record whose truth is known: that of 3.14t has `ratio` of the requests/s and `memory` of the memory, within 1%."""
    free = arm.endswith("t")
    about = 1 + noise.uniform(-0.005, 0.005)
    made = a_record(
        one.points()[index],
        block,
        arm,
        rps=10000 * (ratio if free else 1) * about,
        memory_mb=100 * (memory if free else 1) * about,
    )
    metrics = made.metrics.model_copy(
        update={"latency_max_ms": 90.0, "server_cpus_used": 0.9, "loader_saturation": 0.3, "steal": 0.001}
    )
    return made.model_copy(update={"metrics": metrics, "load": {"argv": ["/tools/rewrk", "-h", "http://127.0.0.1:1/"]}})


def make_campaign(
    results: Path,
    blocks: int = 10,
    threads: tuple[int, ...] = (1, 4, 16),
    connections: tuple[int, ...] = (64,),
    name: str = "run-a",
    rounds: int = 10,
    ratio: float = 0.8,
    memory: float = 1.3,
) -> Campaign:
    """A campaign of so many blocks at every point of a small matrix, of `rounds` planned, two trials of it with a log."""
    one = a_scenario(threads, connections).with_load(rounds=rounds)
    about = {
        "run": "run",
        "created": "2026-01-02T03:04:05+0000",
        "command": ["/somewhere/gilfree", "bench", "--blocks", str(blocks)],
        "pair": {"series": "3.14", "version": "3.14.7", "profile": "fast", "notes": []},
        "packages": {"granian": "2.8.7"},
        "cpus": {"server": [1], "load": [0]},
    }
    campaign = Campaign.create(results / name, one, ARMS, about)
    noise = random.Random(7)
    records = [
        a_trial(one, index, block, arm.name, noise, ratio, memory)
        for block in range(blocks)
        for index in range(len(one.points()))
        for arm in ARMS
    ]
    campaign.store.file.write_text("".join(record.model_dump_json() + "\n" for record in records))
    for record in records[:2]:
        log = campaign.folder / "logs" / f"{record.trial}.jsonl"
        log.write_text("".join(json.dumps(frame) + "\n" for frame in frames()))
    return campaign


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes campaigns in a folder of this test's own."""
    return partial(make_campaign, tmp_path / "results")


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a whole campaign, drawn once for all tests that only read it."""
    return render([page(make_campaign(tmp_path_factory.mktemp("results")))], "A report", "of a test")


def frames() -> list[dict[str, object]]:
    """Frames of a server that grows from 80 MB to 90 MB; the window is from second 2 to second 7."""
    mb = 1e6 / 1024
    memory = [
        {
            "kind": "memory",
            "t_ns": second * 10**9,
            "pss_kb": (80 + second) * mb,
            "agent_pss_kb": 5 * mb,
            "agent_uss_kb": 4 * mb,
        }
        for second in range(10)
    ]
    start = {"kind": "window_start", "t_ns": 2 * 10**9, "measured": True}
    end = {"kind": "window_end", "t_ns": 7 * 10**9, "end_ns": 7 * 10**9, "measured": True}
    return [start, *memory, end]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's headless browser, installed when it is not there."""
    ensure_packages([Need("chromium", command="chromium")], "to look at reports in a browser", say)
    found = shutil.which("chromium")
    assert found
    return found

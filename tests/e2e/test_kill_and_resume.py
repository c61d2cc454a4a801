"""Killed with -9 at any moment and resumed, a campaign loses at most the running block and repeats nothing finished."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolkit.backends.local.processes import trial_processes
from toolkit.campaign.plan import counted_blocks
from toolkit.records.store import Record, Store
from toolkit.trial.model import Arm

KILLS = 10
SCENARIO = """
name: kill
title: short trials, to be killed
app: { target: "wsgi:app", interface: wsgi }
endpoints: { json: { path: /json, json: { message: Hello World } } }
matrix: [{ endpoint: json, threads: [1, 2], connections: 8 }]
load: { warmup: 1s, duration: 1s, rounds: 4, validate_requests: 50, validate_seconds: 1 }
resources: { server: { cpus: 1, memory: 256Mi } }
limits: { foreign_cpu: 1, steal: 1, rejected_share: 1 }
"""


def bench(results: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "toolkit.cli", "bench", "--results", str(results), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(what: str, seconds: float, condition: object) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"


@pytest.mark.usefixtures("rewrk")
def test_killed_at_ten_random_moments(tmp_path: Path, arms: tuple[Arm, Arm]) -> None:
    scenario = tmp_path / "kill.yaml"
    scenario.write_text(SCENARIO)
    store = Store(tmp_path / "results" / "killed-kill" / "trials.jsonl")
    rng = random.Random(20261123)
    seen: list[Record] = []
    for number in range(KILLS):
        begin = ["--resume", "killed"] if number else ["--scenario", str(scenario), "--full", "--name", "killed"]
        running = bench(tmp_path / "results", *begin)
        until("the campaign is written", 120, (store.file.parent / "campaign.json").exists)
        moment = time.monotonic() + rng.uniform(0.3, 8)
        while running.poll() is None and time.monotonic() < moment:
            time.sleep(0.01)  # until the moment that was drawn
        assert running.poll() is None, "it ended before it could be killed: ask for more rounds"
        running.send_signal(signal.SIGKILL)
        running.wait()
        until("no server or loader is left", 20, lambda: trial_processes("killed") == [])
        records = store.read()
        assert records[: len(seen)] == seen  # nothing that was recorded is lost or changed
        seen = records
    last = bench(tmp_path / "results", "--resume", "killed")
    output, _ = last.communicate(timeout=300)
    assert last.returncode == 0, output
    records = store.read()
    assert records[: len(seen)] == seen
    names = [arm.name for arm in arms]
    assert len(counted_blocks(records, names)) == 8
    finished: dict[tuple[str, int], int] = {}
    for record in records:
        key = (record.point_key, record.block)
        if key in finished:
            assert record.attempt == finished[key], f"{record.trial} repeats a finished block"
        mine = [one for one in records if (one.point_key, one.block, one.attempt) == (*key, record.attempt)]
        if {one.arm for one in mine if one.accepted} == set(names):
            finished[key] = record.attempt
    assert trial_processes("killed") == []


@pytest.mark.usefixtures("rewrk", "arms")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_running_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    scenario = tmp_path / "kill.yaml"
    scenario.write_text(SCENARIO)
    running = bench(tmp_path, "--scenario", str(scenario), "--full", "--name", "stopped")
    until("a server runs", 120, lambda: trial_processes("stopped") != [])
    os.kill(running.pid, number)
    output, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "--resume stopped" in output
    assert trial_processes("stopped") == []
    assert json.loads((tmp_path / "stopped-kill" / "campaign.json").read_text())["run"] == "stopped"

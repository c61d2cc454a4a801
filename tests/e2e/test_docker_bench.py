"""`gilfree bench --backend docker` as a user starts it: tables, Ctrl-C, kill -9 and resume."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from toolkit.engine.client import connected
from toolkit.engine.containers import PURPOSE_LABEL
from toolkit.images.spec.inputs import ImageSpec
from toolkit.records.store import Store

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

SCENARIO = """
name: kill
title: short trials, to be killed
app: { target: "wsgi:app", interface: wsgi }
endpoints: { json: { path: /json, json: { message: Hello World } } }
matrix: [{ endpoint: json, threads: 1, connections: 8 }]
load: { warmup: 1s, duration: 1s, rounds: 1, validate_requests: 50, validate_seconds: 1 }
resources: { server: { cpus: 1, memory: 256Mi } }
limits: { foreign_cpu: 1, steal: 1, rejected_share: 1 }
"""


@pytest.fixture
def engine() -> Iterator[DockerClient]:
    with connected() as client:
        yield client


def bench(results: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "toolkit.cli", "bench", "--results", str(results), "--json", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(what: str, seconds: float, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)  # between one question to the engine and the next


def of_trials(engine: DockerClient, *, all: bool = True) -> list[str]:
    found = engine.containers.list(all=all, filters={"label": f"{PURPOSE_LABEL}=trial"}, ignore_removed=True)
    return [str(one.name) for one in found]


def test_killed_and_interrupted_it_leaves_nothing_and_goes_on(
    tmp_path: Path, engine: DockerClient, built_images: list[ImageSpec]
) -> None:
    scenario = tmp_path / "kill.yaml"
    scenario.write_text(SCENARIO)
    store = Store(tmp_path / "killed-kill" / "trials.jsonl")
    running = bench(tmp_path, "--backend", "docker", "--scenario", str(scenario), "--full", "--name", "killed")
    until("a server runs", 120, lambda: of_trials(engine, all=False))
    running.kill()
    running.communicate()
    until("both sides have ended by themselves", 20, lambda: not of_trials(engine, all=False))

    running = bench(tmp_path, "--resume", "killed")
    until("a server runs", 60, lambda: of_trials(engine, all=False))
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "--resume killed" in said
    assert of_trials(engine) == []

    running = bench(tmp_path, "--resume", "killed")
    output, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    (table,) = json.loads(output)
    assert [row["blocks"] for row in table["rows"]] == [1, 1]
    records = store.read()
    assert {one.backend for one in records} == {"docker"}
    assert of_trials(engine) == []
    about = json.loads((tmp_path / "killed-kill" / "campaign.json").read_text())
    names = {one.name for one in built_images if one.kind != "python"}
    assert {one["name"] for one in about["images"].values()} == names
    assert all(arm["runtime"].startswith("sha256:") for arm in about["arms"])
    assert {"granian", "fastapi", "flask"} <= about["packages"].keys()


def refused(tmp_path: Path, *arguments: str) -> str:
    running = bench(tmp_path, "--backend", "docker", "--scenario", "asgi", *arguments)
    output, said = running.communicate(timeout=120)
    assert (running.returncode, output) == (2, ""), said
    assert "Traceback" not in said
    return said


def test_two_images_that_are_no_pair_are_refused(tmp_path: Path, built_images: list[ImageSpec]) -> None:
    gil = next(one.name for one in built_images if (one.kind, one.variant) == ("app", "3.14"))
    said = refused(tmp_path, "--gil", gil, "--free-threaded", gil)
    assert f"{gil}:/usr/local/bin/python3 is not a free-threaded build" in said


def test_an_image_without_an_interpreter_is_refused(tmp_path: Path, built_images: list[ImageSpec]) -> None:
    base = "debian:trixie-slim"
    said = refused(tmp_path, "--gil", base, "--free-threaded", base)
    assert "/usr/local/bin/python3" in said and "docs/images.md says what an image needs" in said


def test_an_app_that_the_images_do_not_hold_is_refused_before_anything_is_measured(
    tmp_path: Path, built_images: list[ImageSpec]
) -> None:
    gil, free_threaded = (
        next(one.name for one in built_images if (one.kind, one.variant) == ("app", variant))
        for variant in ("3.14", "3.14t")
    )
    images = ("--gil", gil, "--free-threaded", free_threaded)
    running = bench(tmp_path, "--backend", "docker", *images, "--app", "asgi:application", "--interface", "asgi")
    output, said = running.communicate(timeout=120)
    assert (running.returncode, output) == (2, ""), said
    assert f"{gil}: asgi has no 'application'" in said
    assert not list(tmp_path.glob("*/trials.jsonl"))

"""What tests share: the real pair, its environments, the real rewrk; and that nothing is skipped unseen.

A test marked `engine` or `cluster` is skipped where there is none, with the reason and what would enable it. With
GILFREE_NO_SKIPS set (as .ci/run does) a skipped test fails the run: the gate has all that the tests need.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from toolkit.agent.frames import Frame
from toolkit.backends.local.backend import LocalBackend
from toolkit.doctor import machine_checks
from toolkit.images.progress import BuildProgress
from toolkit.images.spec.inputs import ImageSpec
from toolkit.images.spec.network import Network
from toolkit.loadgen.binaries import Binary, ensure_binary
from toolkit.pythons.environment import pair_environments
from toolkit.pythons.find import find_pair
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair
from toolkit.records.store import Record
from toolkit.records.turns import block_records
from toolkit.scenario.model import Scenario
from toolkit.scenario.yaml_source import parse_yaml
from toolkit.trial.block import BlockTrials, Quad, alone
from toolkit.trial.model import Arm, Trial

settings.register_profile("gilfree", deadline=None)  # how fast a shared machine is, is no property of the code
settings.load_profile("gilfree")

APPS = Path(__file__).parent / "apps"


def say(words: str) -> None:
    """Progress of what has to be built first: shown by pytest with -s or on failure."""
    print(words, flush=True)


@pytest.fixture(scope="session")
def pair(request: pytest.FixtureRequest) -> Pair:
    """The real pair of interpreters, built when it is not there: minutes, once on a machine."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        return find_pair("3.14", say=say)


@pytest.fixture(scope="session")
def arms(pair: Pair) -> tuple[Arm, Arm]:
    """The GIL and the free-threaded arm, with the locked packages."""
    gil, free_threaded = pair_environments(pair, load_lock().resolve("3.14").requirements(), None, say)
    return Arm("3.14", "gil", str(gil)), Arm("3.14t", "free-threaded", str(free_threaded))


@pytest.fixture(scope="session")
def rewrk(request: pytest.FixtureRequest) -> Binary:
    """The real rewrk, built when it is not there."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        return ensure_binary("rewrk", say)


@pytest.fixture(scope="module")
def oha(request: pytest.FixtureRequest) -> Binary:
    """The real oha, built when it is not there."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        return ensure_binary("oha", say)


@pytest.fixture(scope="session")
def backend(rewrk: Binary) -> Iterator[LocalBackend]:
    """A local backend over the apps of these tests."""
    made = LocalBackend(rewrk.path, APPS)
    yield made
    made.close()


@pytest.fixture(scope="session")
def built_images(request: pytest.FixtureRequest) -> list[ImageSpec]:
    """The fast pair's images and the load image, current in this machine's engine: minutes where nothing is built yet."""
    from toolkit.engine.client import connected
    from toolkit.images.builder.build import build_images
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.resolve import image_specs

    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), connected() as client:
        wanted = image_specs("3.14", "fast", find_base(client, None, load_lock(), pull=True))
        build_images(client, wanted, Network(), BuildProgress(), "make images PROFILE=fast")
    return wanted


@pytest.fixture(autouse=True)
def _give_the_machine_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that prepared the shared backend must not keep the machine's lock from the next one's processes."""
    yield
    if "backend" in request.fixturenames:
        request.getfixturevalue("backend").close()


SCENARIO = """
name: test
title: a test
app: {{ target: "{target}", interface: {interface}, wrapped: true, runtime_path: /-/gilfree/runtime }}
endpoints: {{ plain: {{ path: /, text: right }} }}
matrix: [{{ endpoint: plain, threads: {threads}, connections: {connections} }}]
load: {{ warmup: 1s, duration: 2s, rounds: 1, validate_requests: 1500, validate_seconds: 1 }}
resources: {{ server: {{ cpus: 1, memory: 256Mi }} }}
limits: {{ foreign_cpu: 0.5, steal: 0.5, {limits} }}
"""


def scenario(
    target: str, *, interface: str = "asgi", threads: int = 1, connections: int = 16, limits: str = ""
) -> Scenario:
    """A short scenario over an app of tests/apps, with machine limits loose: these tests are not about noise."""
    text = SCENARIO.format(target=target, interface=interface, threads=threads, connections=connections, limits=limits)
    return Scenario.model_validate(parse_yaml(text, "test").data)


def run_trial(backend: LocalBackend, one: Scenario, arm: Arm, attempt: int = 1) -> tuple[Trial, list[Frame]]:
    """One real trial; its frames are all there is to know of it."""
    trial = Trial("test", one, one.points()[0], 0, arm, attempt)
    backend.prepare(one, [arm])
    try:
        return trial, list(backend.run(alone(trial), "here"))
    finally:
        backend.close()  # a `gilfree bench` that the next test starts has to get the machine's lock


def run_in_turns(
    backend: LocalBackend, one: Scenario, arms: Sequence[Arm], quads: tuple[Quad, ...] = (Quad(), Quad())
) -> list[Record]:
    """One real block in turns, as the records of its arms."""
    trials = tuple(Trial("test", one, one.points()[0], 0, arm, 1) for arm in arms)
    block = BlockTrials(trials, "turns", quads=quads)
    backend.prepare(one, arms)
    try:
        return block_records(block, list(backend.run(block, "here")))
    finally:
        backend.close()


def accepted(measure: Callable[[], Record], attempts: int = 3) -> Record:
    """The first accepted record of a few trials, or the last: a shared machine now and then stands still for a second,
    and a campaign runs such a block again too."""
    for _ in range(attempts - 1):
        one = measure()
        if one.accepted:
            return one
    return measure()


@functools.cache
def absent(what: str) -> str:
    """Why there is no `engine` or `cluster` here, and what would enable the tests that need one; empty when there is."""
    found = {"engine": machine_checks.docker, "cluster": machine_checks.kubernetes}[what]()
    return "" if found.state == "here" else f"{found.detail}; to enable: {found.remedy}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test needs is asked for once, when the first that needs it begins."""
    for what in ("engine", "cluster"):
        if item.get_closest_marker(what) and absent(what):
            pytest.skip(absent(what))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under the gate a skipped test is a failure."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("GILFREE_NO_SKIPS"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped and what would enable it."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("skipped, and what would enable it")
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.line(f"{report.nodeid}: {reason}")
        if os.environ.get("GILFREE_NO_SKIPS"):
            terminalreporter.line("GILFREE_NO_SKIPS is set: skipped tests fail this run")

"""What the agents must withstand and detect, each in a real trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import accepted, run_trial, scenario
from toolkit.agent.frames import Frame, gap
from toolkit.backends.local.backend import LocalBackend
from toolkit.backends.local.processes import trial_processes
from toolkit.loadgen.binaries import Binary
from toolkit.records.store import Record, record
from toolkit.scenario.model import App, Endpoint, Scenario
from toolkit.selftest.overhead import SLOW_APP_DIRECTORY, slow_scenario
from toolkit.trial.model import Arm, Trial

Run = Callable[..., tuple[Trial, list[Frame]]]


@pytest.fixture
def run(backend: LocalBackend, arms: tuple[Arm, Arm]) -> Iterator[Run]:
    """Runs one trial on the free-threaded build; no process of it is left."""

    def one(what: Scenario, place: LocalBackend = backend) -> tuple[Trial, list[Frame]]:
        return run_trial(place, what, arms[1])

    yield one
    assert trial_processes("test-") == []


def reasons(one: Record) -> set[str]:
    return {rejection.reason for rejection in one.rejections}


def with_any_body(one: Scenario) -> Scenario:
    plain = one.endpoints["plain"].model_copy(update={"text": None, "any_body": True})
    return one.model_copy(update={"endpoints": {"plain": plain}})


def with_app(one: Scenario, **app: Any) -> Scenario:
    return one.model_copy(update={"app": one.app.model_copy(update=app)})


def test_an_answer_that_grows_is_accepted_and_its_sizes_are_not_compared(run: Run) -> None:
    one = accepted(lambda: record(*run(with_any_body(scenario("faulty:counts_visits")))))
    assert "wrong-answers" not in reasons(one)
    assert "any body is accepted, so sizes of answers were not compared" in one.notes


def test_an_answer_that_is_wrong_only_among_many_at_once_is_seen_at_full_load(run: Run) -> None:
    one = record(*run(scenario("faulty:wrong_when_crowded", connections=64)))
    assert one.outcome == "failed" and "wrong-answers" in reasons(one)
    found = next(tally for tally in one.load["validated"] if tally["when"] == "full load")
    assert found["wrong"] > 0 and "wrong" in found["first_problem"]
    assert all(tally["wrong"] == 0 for tally in one.load["validated"] if tally["when"] in ("before", "after"))


def test_a_page_of_the_app_at_the_runtime_path_is_not_taken_for_the_workers_state(run: Run) -> None:
    own = with_app(scenario("faulty:own_runtime_page"), wrapped=False, runtime_path="/runtime")
    found = record(*run(own)).rejections[0]
    assert found.reason == "runtime-unknown" and found.hopeless
    assert '{"status": "up"}' in found.detail and "wrapped: true" in found.detail


def test_a_wrapped_app_keeps_its_page_at_runtime(run: Run) -> None:
    own = scenario("faulty:own_runtime_page")
    page = Endpoint.model_validate({"path": "/runtime", "json": {"status": "up"}})
    wrapped = App.model_validate({"target": "faulty:own_runtime_page", "interface": "asgi", "wrapped": True})
    one = record(*run(own.model_copy(update={"app": wrapped, "endpoints": {"plain": page}})))
    assert {"wrong-answers", "runtime-unknown"}.isdisjoint(reasons(one))
    assert one.load["result"]["requests_total"] > 100 and one.server["workers"][0]["gil_enabled"] is False


def test_a_server_may_print_anything(run: Run) -> None:
    trial, frames = run(scenario("faulty:prints_anything"))
    assert gap([frame for frame in frames if frame["side"] == "server"]) is None
    texts = [frame["text"] for frame in frames if frame["kind"] == "log"]
    assert len(texts) > 100 and max(map(len, texts)) <= 1000
    assert {"frames-missing", "server-died"}.isdisjoint(reasons(record(trial, frames)))


def test_files_where_gilfree_is_started_take_the_place_of_no_library(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("signal", "json", "selectors", "resource"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('the project has a module named {name}')\n")
    monkeypatch.chdir(tmp_path)
    trial, frames = run(scenario("faulty:right"))
    one = record(trial, frames)
    assert one.load["result"]["requests_total"] > 100 and "server-died" not in reasons(one)


def test_at_a_slow_endpoint_the_agents_requests_are_at_most_one_percent(run: Run, rewrk: Binary) -> None:
    trial, frames = run(slow_scenario(4), LocalBackend(rewrk.path, SLOW_APP_DIRECTORY))
    one = record(trial, frames)
    sent = next(tally["count"] for tally in one.load["validated"] if tally["when"] == "measure")
    # The first request meets a server that is not loaded yet and is followed by a shorter pause.
    assert 0 < sent <= 0.01 * one.load["result"]["requests_total"] + 2

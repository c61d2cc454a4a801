"""`gilfree images rebuild` as a command: its exit codes and what a script reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from toolkit.cli.images.rebuild import as_json, bench_command
from toolkit.images.checks.results import CheckResult
from toolkit.images.staleness.rebuild import RebuildResult
from toolkit.images.staleness.status import ImageStatus


@pytest.mark.engine
def test_what_cannot_be_found_out_is_not_rebuilt_and_exits_2_with_a_remedy() -> None:
    nowhere = {"GILFREE_SOURCES": "http://127.0.0.1:1/", "UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple"}
    done = subprocess.run(
        [sys.executable, "-m", "toolkit.cli", "images", "rebuild", "--profile", "fast"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **nowhere},
    )
    # Where nothing was built yet there is nothing to be unsure of: then it would build, so the source fails the update.
    assert done.returncode == 2
    assert "cannot be learnt" in done.stderr and "GILFREE_SOURCES" in done.stderr and "Traceback" not in done.stderr


def test_json_holds_what_changed_what_failed_and_what_moved() -> None:
    statuses = [ImageStatus("app 3.14 (fast)", "stale", "python 3.14.6 -> 3.14.7", "x")]
    results = [CheckResult("app 3.14t (fast)", "the GIL is off", "it is on"), CheckResult("pair", "one version")]
    found = json.loads(
        json.dumps(as_json(RebuildResult(statuses, "3.14", "fast", ["python 3.14.6 -> 3.14.7"], (), results)))
    )
    assert found["changes"] == ["python 3.14.6 -> 3.14.7"] and found["moved"] == {}
    assert found["failed"] == [{"of": "app 3.14t (fast)", "claim": "the GIL is off", "detail": "it is on"}]
    assert found["images"][0]["state"] == "stale"


def test_old_and_new_are_measured_in_one_campaign_of_the_rebuilt_profile() -> None:
    done = RebuildResult([], "3.14", "release", old=("a:1", "a:1t"), new=("a:2", "a:2t"))
    found = " ".join(bench_command(done, "asgi"))
    assert found == "bench --backend docker --scenario asgi --python 3.14 --profile release --against a:1,a:1t"


@pytest.mark.parametrize("old", [None, ("a:2", "a:2t")])
def test_there_is_nothing_to_measure_without_another_pair(old: tuple[str, str] | None) -> None:
    assert bench_command(RebuildResult([], "3.14", "fast", old=old, new=("a:2", "a:2t")), "asgi") == []

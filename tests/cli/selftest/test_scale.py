"""`gilfree selftest scale` as it is typed, and the promises of capacity planning about size."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.cli.selftest.scale import print_promises
from toolkit.errors import CHECK_FAILED, GilfreeError
from toolkit.selftest.capacity_scale import check_promises
from toolkit.selftest.promises import PromiseCheck


def test_a_promise_that_is_broken_is_marked_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    kept, broken = PromiseCheck("a plan", 1.0, 5.0, "s"), PromiseCheck("a report", 21.0, 20.0, "s")
    print_promises([kept], as_json=False)
    assert capsys.readouterr().out == "a plan: 1.0 s, at most 5 s promised\n"
    with pytest.raises(SystemExit) as stopped:
        print_promises([kept, broken], as_json=False)
    assert stopped.value.code == CHECK_FAILED
    assert capsys.readouterr().out.splitlines()[1] == "a report: 21.0 s, at most 20 s promised  BROKEN"


def test_as_json_each_promise_says_whether_it_was_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        print_promises([PromiseCheck("a report", 21.0, 20.0, "s")], as_json=True)
    assert [one["kept"] for one in json.loads(capsys.readouterr().out)] == [False]


def test_a_part_that_does_not_exist_is_refused() -> None:
    done = CliRunner().invoke(app, ["selftest", "scale", "--only", "fleet"])
    assert isinstance(done.exception, GilfreeError) and "capacity or campaign" in done.exception.remedy


def test_no_plan_is_dearer_than_first_fit_decreasing_and_a_fleet_of_some_size_takes_little() -> None:
    """Speed is the machine's; here a tenth of the size, so that only a blunder breaks it."""
    found = {one.what: one for one in check_promises(services=500, cases=40)}
    for one in found.values():
        if "memory" not in one.what:  # this process has run other tests
            assert one.kept, f"{one.what}: {one.took}"
    assert len(found) == 5


@pytest.mark.slow
def test_the_promises_of_size_and_speed_are_kept() -> None:
    done = CliRunner().invoke(app, ["selftest", "scale"])
    assert done.exit_code == 0, done.output

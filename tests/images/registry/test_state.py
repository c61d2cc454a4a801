"""The state file: several commands may write it at once, and a failed change is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import GilfreeError
from toolkit.images.registry import state

WRITER = """
from toolkit.images.registry import state
import sys
for number in range(20):
    state.update_image(f"{sys.argv[1]}-{number}", kind="app")
"""


def test_nothing_that_two_processes_write_at_once_is_lost(cache: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name]) for name in ("one", "other")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(state.read()["images"]) == 40


def test_digests_of_several_registries_are_kept_and_other_fields_replaced(cache: Path) -> None:
    state.update_image("x", kind="app", pushed={"one": "one/app@sha256:1"})
    state.update_image("x", kind="load", pushed={"other": "other/app@sha256:2"})
    found = state.read()["images"]["x"]
    assert found["kind"] == "load" and found["pushed"] == {"one": "one/app@sha256:1", "other": "other/app@sha256:2"}


def test_a_transaction_that_fails_changes_nothing(cache: Path) -> None:
    state.update_image("x", kind="app")

    def change_and_fail() -> None:
        with state.transaction() as found:
            found["images"].clear()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert list(state.read()["images"]) == ["x"]


@pytest.mark.parametrize(("text", "words"), [("{", "is not JSON"), ('{"schema": 99}', "has schema 99")])
def test_a_file_that_cannot_be_read_is_named_with_a_remedy(cache: Path, text: str, words: str) -> None:
    state.state_file().write_text(text)
    with pytest.raises(GilfreeError, match=words) as caught:
        state.read()
    assert str(state.state_file()) in caught.value.message and caught.value.remedy

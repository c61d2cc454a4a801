"""trials.jsonl: nothing whole is lost, a torn end does no harm, anything else wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from toolkit.errors import GilfreeError
from toolkit.records.store import Store


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path / "trials.jsonl")
    written = [a_record(POINTS[0], index, "3.14") for index in range(3)]
    for one in written:
        store.append(one)
    assert store.read() == written


@given(st.integers(1, 400))
def test_a_line_torn_by_a_kill_is_left_out_and_cut_off_by_the_next_write(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "trials.jsonl"))
        first, second, third = (a_record(POINTS[0], index, "3.14") for index in range(3))
        store.append(first)
        whole = len(store.file.read_bytes())
        store.append(second)
        store.file.write_bytes(store.file.read_bytes()[: whole + cut])
        assert store.read() == [first]
        store.append(third)
        assert store.read() == [first, third]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "trials.jsonl")
    store.append(a_record(POINTS[0], 0, "3.14"))
    store.file.write_text("{}\n" + store.file.read_text())
    with pytest.raises(GilfreeError, match=r"trials\.jsonl:1: not a record"):
        store.read()


def test_a_campaign_without_trials_has_no_records(tmp_path: Path) -> None:
    assert Store(tmp_path / "trials.jsonl").read() == []

"""trials.jsonl: nothing whole is lost, a torn end does no harm, anything else wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factory import POINTS, a_record
from toolkit.errors import GilfreeError
from toolkit.records.store import SCHEMA, Store

SCHEMA_1 = Path(__file__).parents[1] / "fixtures" / "schema-1"


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


def schema_1_line(**change: object) -> str:
    """The first record of the fixture, with some of its fields changed."""
    line = (SCHEMA_1 / "old-asgi" / "trials.jsonl").read_text().splitlines()[0]
    return json.dumps({**json.loads(line), **change}) + "\n"


def test_a_folder_of_schema_1_is_read_as_one_server_after_the_other() -> None:
    records = Store(SCHEMA_1 / "old-asgi" / "trials.jsonl").read()
    assert [one.record_schema for one in records] == [1] * 10
    assert {one.mode for one in records} == {"apart"}
    assert [one.rejections[0].reason for one in records if one.outcome == "rejected"] == ["window-too-short"]
    assert [one.outcome for one in records].count("counted") == 9
    assert [(window.name, window.seconds, window.metrics) for window in records[0].windows] == [
        ("measure", 4, records[0].metrics)
    ]


def test_a_stall_that_schema_1_only_rejected_is_a_failure_of_the_server(tmp_path: Path) -> None:
    store = Store(tmp_path / "trials.jsonl")
    stall = [{"reason": "stalled", "detail": "one request took 9,000 ms", "environmental": False}]
    store.file.write_text(schema_1_line(accepted=False, rejections=stall))
    (one,) = store.read()
    assert (one.outcome, one.accepted) == ("failed", False)


def test_a_line_that_lacks_a_field_of_schema_1_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "trials.jsonl")
    store.file.write_text(schema_1_line(rejections=None))
    with pytest.raises(GilfreeError, match=r"trials\.jsonl:1: not a record"):
        store.read()


def test_a_record_of_an_unknown_schema_is_refused_by_its_number_with_the_remedy(tmp_path: Path) -> None:
    store = Store(tmp_path / "trials.jsonl")
    store.append(a_record(POINTS[0], 0, "3.14"))
    store.file.write_text(store.file.read_text() + schema_1_line(record_schema=SCHEMA + 1))
    with pytest.raises(
        GilfreeError, match=rf":2: a record of schema {SCHEMA + 1}, this gilfree reads 1 and 2"
    ) as found:
        store.read()
    assert "the gilfree that wrote it" in found.value.remedy


def test_a_campaign_without_trials_has_no_records(tmp_path: Path) -> None:
    assert Store(tmp_path / "trials.jsonl").read() == []
